"""Values as colors: over an image, or alone."""

from __future__ import annotations

import numpy as np
from PIL import Image

from shopee_od.drawing.canvas import make_canvas

COLOR_STOPS = ((10, 10, 60), (90, 20, 110), (190, 55, 80), (250, 140, 20), (252, 250, 150))
"""Colors of the lowest to the highest value, at equal distances: from dark blue to light yellow."""
OPACITY = 0.6
"""Share of the color in a heat map; the rest is the gray image."""


def draw_heat_map(image: np.ndarray | Image.Image, values: np.ndarray) -> Image.Image:
    """Colors an image by a map of values that covers all of it.

    Args:
        image: uint8 (H, W, 3), or a Pillow image.
        values: float (h, w) of any size, interpolated to the image's; the lowest is dark blue, the
            highest light yellow. A feature map (h, w, C) is drawn as the mean magnitude of its
            channels.
    Returns:
        A new RGB image, of the size that `make_canvas` gives.
    """
    canvas, _ = make_canvas(image)
    unit = Image.fromarray(normalize(compute_magnitude(values)))
    unit = unit.resize(canvas.size, Image.Resampling.BILINEAR)
    gray = np.asarray(canvas.convert("L"), np.float32)[..., None]
    colors = apply_color_map(np.asarray(unit))
    return Image.fromarray(((1 - OPACITY) * gray + OPACITY * colors).astype(np.uint8))


def draw_value_grid(values: np.ndarray, size: int = 224) -> Image.Image:
    """Draws each value as a square of one color, without an image below.

    Args:
        values: float (h, w), or (h, w, C), drawn as the mean magnitude of its channels.
        size: pixels of the long side.
    Returns:
        A new RGB image.
    """
    unit = normalize(compute_magnitude(values))
    colors = Image.fromarray(apply_color_map(unit).astype(np.uint8))
    width, height = (max(1, round(side * size / max(colors.size))) for side in colors.size)
    return colors.resize((width, height), Image.Resampling.NEAREST)


def compute_magnitude(values: np.ndarray) -> np.ndarray:
    """The mean of |values| over the channels of a feature map (h, w, C); a map (h, w) as it is."""
    values = np.asarray(values, np.float32)
    return np.abs(values).mean(axis=-1) if values.ndim == 3 else values


def normalize(values: np.ndarray) -> np.ndarray:
    """Values scaled linearly to [0, 1], float32; NaN counts as 0, and a constant map becomes 0.

    >>> normalize(np.array([2.0, 4.0, 6.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    values = np.nan_to_num(np.asarray(values, np.float32))
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def apply_color_map(unit: np.ndarray) -> np.ndarray:
    """Values (h, w) in [0, 1] to colors, float (h, w, 3) in 0..255."""
    positions = np.linspace(0, 1, len(COLOR_STOPS))
    channels = [np.interp(unit, positions, stops) for stops in zip(*COLOR_STOPS, strict=True)]
    return np.stack(channels, axis=-1)
