"""Pictures of the RoIs that a training step samples."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shopee_od.course.colors import LIGHT_GRAY_RGB, ORANGE_RGB
from shopee_od.drawing import Layer, draw_layers, make_color_layer, make_contact_sheet
from shopee_od.ops.boxes import box_iou


def draw_sampled_rois(
    image: np.ndarray,
    foreground: np.ndarray,
    background: np.ndarray,
    gt_boxes: np.ndarray,
    near_iou: float = 0.1,
) -> Image.Image:
    """The sampled foreground cut out, and the sampled background on the image.

    Args:
        image: uint8 (H, W, 3).
        foreground: (N, 4) in pixels of the image; drawn from the highest IoU to the lowest.
        background: (M, 4); in orange those near ground truth, in gray the others.
        gt_boxes: (K, 4), dashed.
        near_iou: the IoU with ground truth from which a background RoI is near.
    Returns:
        A contact sheet of two pictures.
    """
    fit = box_iou(foreground, gt_boxes).max(axis=1, initial=0)
    crops = [
        image[y1:y2, x1:x2] for x1, y1, x2, y2 in _whole_pixels(foreground[np.argsort(-fit)], image)
    ]
    is_near = box_iou(background, gt_boxes).max(axis=1, initial=0) >= near_iou
    gt_layer = Layer(gt_boxes, "ground_truth")
    pictures = [
        make_contact_sheet(
            crops or [image],
            columns=4,
            captions=[f"IoU {iou:.2f}" for iou in -np.sort(-fit)] or ["no foreground"],
            cell=90,
        ),
        draw_layers(
            image,
            [
                make_color_layer(background[~is_near], LIGHT_GRAY_RGB),
                make_color_layer(background[is_near], ORANGE_RGB),
                gt_layer,
            ],
        ),
    ]
    captions = [
        f"foreground: {len(foreground)} RoIs",
        f"background: {is_near.sum()} near a ground-truth box (orange), {(~is_near).sum()} not",
    ]
    return make_contact_sheet(pictures, columns=2, captions=captions, cell=420)


def _whole_pixels(boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """int (N, 4), inside the image and of at least one pixel."""
    height, width = image.shape[:2]
    low = np.clip(np.floor(boxes[:, :2]), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(boxes[:, 2:]), low + 1, [width, height])
    return np.concatenate([low, high], axis=1).astype(int)
