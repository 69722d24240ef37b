"""Images as Pillow canvases of a readable size."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

MIN_SHORT_SIDE = 320
"""Pixels: a smaller image is enlarged by a whole factor until its short side has as many."""
MAX_LONG_SIDE = 2400
"""Pixels: a larger image is shrunk to this long side."""


def to_pil(image: np.ndarray | Image.Image) -> Image.Image:
    """uint8 (H, W, 3) or a Pillow image of any mode, as RGB."""
    pil_image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    return pil_image.convert("RGB")


def make_canvas(image: np.ndarray | Image.Image) -> tuple[Image.Image, float]:
    """A copy of an image, of a size at which tags can be read.

    Args:
        image: uint8 (H, W, 3), or a Pillow image.
    Returns:
        The canvas, and its pixels per pixel of the image.
    """
    source = to_pil(image)
    enlargement = max(1.0, math.ceil(MIN_SHORT_SIDE / min(source.size)))
    scale = min(enlargement, MAX_LONG_SIDE / max(source.size))
    return (source.copy(), 1.0) if scale == 1 else (resize(source, scale), scale)


def resize(image: Image.Image, scale: float) -> Image.Image:
    """An image resampled to `scale` times its size, at least 1 × 1 pixel."""
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2)
