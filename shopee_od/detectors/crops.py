"""Regions of a photo, warped to squares for a network that wants one size, with some context around each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shopee_od.garden.backbones import MEAN

CONTEXT = 16 / 227  # of a crop's side, on each of its sides: what lies around the box

BEYOND = tuple(round(255 * float(mean)) for mean in MEAN)
"""ImageNet's mean colour, which a network takes for nothing: there is no photo there."""


def with_context(boxes: np.ndarray, context: float = CONTEXT) -> np.ndarray:
    """(N, 4) -> float64 (N, 4): larger boxes, in which the old ones leave a share `context` of the side on each side.

    >>> with_context(np.array([[20, 20, 100, 60]]), 0.1)
    array([[ 10.,  15., 110.,  65.]])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    more = (boxes[:, 2:] - boxes[:, :2]) * context / (1 - 2 * context)
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)


def warped(image: np.ndarray, boxes: np.ndarray, side: int, context: float = CONTEXT) -> np.ndarray:
    """uint8 (H, W, 3), (N, 4) in its pixels -> uint8 (N, side, side, 3): each box with context, stretched to a square.

    What lies beyond the photo is ImageNet's mean colour. Girshick et al., "Rich feature hierarchies", CVPR 2014,
    appendix A: warping, with p = 16 pixels of context in 227.
    """
    height, width = image.shape[:2]
    around = with_context(boxes, context)
    outside = np.concatenate([-around[:, :2], around[:, 2:] - [width, height]])
    margin = int(np.ceil(max(0, outside.max(initial=0))))
    padded = Image.new("RGB", (width + 2 * margin, height + 2 * margin), BEYOND)
    padded.paste(Image.fromarray(image), (margin, margin))
    size, smooth = (side, side), Image.Resampling.BILINEAR
    parts = [np.asarray(padded.resize(size, smooth, tuple(box), reducing_gap=2)) for box in (around + margin).tolist()]
    return np.stack(parts) if parts else np.zeros((0, side, side, 3), np.uint8)
