"""Pictures of the RoIs that a training step samples."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shopee_od.drawing import Color, Layer, draw_layers, make_contact_sheet
from shopee_od.ops.boxes import box_iou

FOREGROUND: Color = (0, 114, 178)
NEAR: Color = (230, 159, 0)
FAR: Color = (190, 190, 190)


def draw_sampled_rois(
    image: np.ndarray,
    foreground: np.ndarray,
    background: np.ndarray,
    gt_boxes: np.ndarray,
    near_iou: float = 0.1,
) -> Image.Image:
    """The sampled foreground, and the sampled background by its overlap with ground truth.

    Args:
        image: uint8 (H, W, 3).
        foreground: (N, 4) in pixels of the image, in blue.
        background: (M, 4); in orange those near ground truth, in gray the others.
        gt_boxes: (K, 4), dashed.
        near_iou: the IoU with ground truth from which a background RoI is near.
    Returns:
        A contact sheet of two pictures.
    """
    is_near = box_iou(background, gt_boxes).max(axis=1, initial=0) >= near_iou
    gt_layer = Layer(gt_boxes, "ground_truth")
    pictures = [
        draw_layers(image, [_color_layer(foreground, FOREGROUND), gt_layer]),
        draw_layers(
            image,
            [
                _color_layer(background[~is_near], FAR),
                _color_layer(background[is_near], NEAR),
                gt_layer,
            ],
        ),
    ]
    captions = [
        f"foreground: {len(foreground)} RoIs",
        f"background: {is_near.sum()} near a ground-truth box (orange), {(~is_near).sum()} not",
    ]
    return make_contact_sheet(pictures, captions=captions, cell=380)


def _color_layer(boxes: np.ndarray, color: Color) -> Layer:
    return Layer(boxes, "detection", colors=[color] * len(boxes))
