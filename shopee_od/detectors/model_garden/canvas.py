"""An image in its canvas, as training prepares it: resized, normalized, padded. No TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from shopee_od.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from shopee_od.datasets.photos import MAX_ASPECT_RATIO
from shopee_od.profiles import choose_canvas


def fit_to_canvas(
    image: np.ndarray, canvases: Iterable[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """An image in the canvas that holds it at the largest scale, in its top left corner.

    Equal to Model Garden's `resize_and_crop_image` of the normalized image.

    Args:
        image: uint8 (H, W, 3).
        canvases: (height, width) of each in pixels.
    Returns:
        pixels: float32 (height, width, 3) of the canvas; 0 around the image.
        scale: float32 (2,), canvas pixels per image pixel, vertically and horizontally.
    """
    height, width = image.shape[:2]
    canvas = choose_canvas(canvases, width, height)
    # A thinner image would be scaled to no pixels at all: its edge is repeated.
    min_side = -(-max(height, width) // MAX_ASPECT_RATIO)
    if min(height, width) < min_side:
        padding = [(0, max(0, min_side - side)) for side in (height, width)]
        image = np.pad(image, [*padding, (0, 0)], "edge")
    size = np.array(image.shape[:2], np.float32)
    rows, columns = (
        np.round(size * np.min(np.array(canvas, np.float32) / size)).astype(int).tolist()
    )
    # float32: OpenCV rounds the results of uint8 images to whole numbers.
    colors = cv2.resize(image.astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
    pixels = np.zeros((*canvas, 3), np.float32)
    pixels[:rows, :columns] = (colors / 255 - IMAGENET_MEAN) / IMAGENET_STD
    return pixels, np.array([rows, columns], np.float32) / size
