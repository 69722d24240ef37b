"""Plots of selective search: the regions that it groups."""

from __future__ import annotations

import numpy as np
from skimage.color import label2rgb
from skimage.segmentation import mark_boundaries


def draw_regions(image: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Each region in its mean color, with white borders.

    Args:
        image: uint8 (H, W, 3).
        segments: int (H, W) the region of each pixel.
    Returns:
        uint8 (2H - 1, 2W - 1, 3).
    """
    mean = label2rgb(segments, image, kind="avg", bg_label=-1)
    marked = np.asarray(mark_boundaries(mean, segments, color=(1, 1, 1), mode="subpixel"))
    return (255 * np.clip(marked, 0, 1)).astype(np.uint8)  # enlarging overshoots
