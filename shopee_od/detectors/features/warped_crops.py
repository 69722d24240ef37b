"""Regions of an image, warped to squares for a network that takes one size, with some context."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shopee_od.backbones import IMAGENET_MEAN

CONTEXT = 16 / 227
"""Of a crop's side, on each of its sides: what is around the box (the paper's p = 16 of 227)."""
MEAN_COLOR = tuple(round(255 * float(mean)) for mean in IMAGENET_MEAN)
"""ImageNet's mean color, which is 0 after normalization: what is beyond the image."""


def add_context(boxes: np.ndarray, context: float = CONTEXT) -> np.ndarray:
    """Larger boxes, in which the given ones leave a margin of `context` of the side on each side.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        context: share of the new side.
    Returns:
        float64 (N, 4), possibly beyond the image.

    >>> add_context(np.array([[20, 20, 100, 60]]), 0.1)
    array([[ 10.,  15., 110.,  65.]])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    margin = (boxes[:, 2:] - boxes[:, :2]) * context / (1 - 2 * context)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def warp_crops(
    image: np.ndarray, boxes: np.ndarray, side: int, context: float = CONTEXT
) -> np.ndarray:
    """Each box with context, stretched to a square.

    Args:
        image: uint8 (H, W, 3).
        boxes: (N, 4) in pixels of the image.
        side: of the crops, in pixels.
        context: as in `add_context`.
    Returns:
        uint8 (N, side, side, 3); what is beyond the image has ImageNet's mean color.
    Source:
        Girshick et al., "Rich feature hierarchies", CVPR 2014, appendix A.
    """
    height, width = image.shape[:2]
    larger = add_context(boxes, context)
    beyond = np.concatenate([-larger[:, :2], larger[:, 2:] - [width, height]])
    margin = int(np.ceil(max(0, beyond.max(initial=0))))
    canvas = Image.new("RGB", (width + 2 * margin, height + 2 * margin), MEAN_COLOR)
    canvas.paste(Image.fromarray(image), (margin, margin))
    crops = []
    for box in (larger + margin).tolist():
        crop = canvas.resize((side, side), Image.Resampling.BILINEAR, tuple(box), reducing_gap=2)
        crops.append(np.asarray(crop))
    return np.stack(crops) if crops else np.zeros((0, side, side, 3), np.uint8)
