"""Pictures of a batch of images of different sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def draw_on_canvas(images: Sequence[np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
    """Each image in the upper left corner of a canvas, the padding striped.

    Args:
        images: uint8 (h, w, 3) each.
        size: height and width of the canvas.
    Returns:
        uint8 (height, width, 3) each.
    """
    y, x = np.indices(size)
    stripes = np.where((x + y) // 8 % 2, 200, 160).astype(np.uint8)[..., None].repeat(3, axis=2)
    canvases = []
    for image in images:
        canvas = stripes.copy()
        canvas[: image.shape[0], : image.shape[1]] = image
        canvases.append(canvas)
    return canvases
