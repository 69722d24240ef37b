"""Parts of backdrops: gradients, glows, stains, blocks, floors and plants."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from shopee_od.shopsim.fabrics import hsv_to_rgb
from shopee_od.shopsim.patterns import make_noise


def make_gradient(height: int, width: int, top: Any, bottom: Any, power: float = 1.0) -> np.ndarray:
    """A vertical gradient.

    Args:
        height, width: in pixels.
        top, bottom: colors in 0..1.
        power: above 1 the color changes mostly near the bottom.
    Returns:
        float32 (height, width, 3).
    """
    t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** power
    return np.broadcast_to(
        np.float32(top) * (1 - t) + np.float32(bottom) * t, (height, width, 3)
    ).copy()


def make_glow(
    height: int, width: int, x: float, y: float, radius: float, strength: float
) -> np.ndarray:
    """A factor of brightness, float32 (height, width, 1), highest at one point.

    Args:
        height, width: in pixels.
        x, y: the point, as shares of width and height.
        radius: of the glow, as a share of the height.
        strength: what is added to 1 at the point.
    """
    yy, xx = np.ogrid[:height, :width]
    d = ((xx - x * width) ** 2 + (yy - y * height) ** 2) / (radius * height) ** 2
    return (1 + strength * np.exp(-d)).astype(np.float32)[..., None]


def make_mottle(
    height: int, width: int, rng: np.random.Generator, sigma: float, strength: float
) -> np.ndarray:
    """A factor of brightness with smooth noise, float32 (height, width, 1), mean about 1."""
    tile = cv2.resize(make_noise(rng, 64, sigma), (width, height), interpolation=cv2.INTER_CUBIC)
    return (1 + strength * tile)[..., None].astype(np.float32)


def draw_block(
    picture: np.ndarray,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    color: Any,
    shade: float = 0.12,
) -> None:
    """Draws a rectangle that is lighter at its top.

    Args:
        picture: float32 (H, W, 3), changed in place.
        x0, y0, x1, y1: shares of width and height.
        color: in 0..1.
        shade: how much lighter the top and darker the bottom is.
    """
    h, w = picture.shape[:2]
    a = round(x0 * w)
    b = round(y0 * h)
    c = round(x1 * w)
    d = round(y1 * h)
    a, b, c, d = max(0, a), max(0, b), min(w, c), min(h, d)
    if c > a and d > b:
        light = np.linspace(1 + shade, 1 - shade, d - b, dtype=np.float32)[:, None, None]
        picture[b:d, a:c] = np.float32(color) * light


def draw_floor(picture: np.ndarray, top: float, rng: np.random.Generator) -> None:
    """Draws floorboards from the height `top` (a share) down, in place."""
    h, w = picture.shape[:2]
    wood = np.array(
        hsv_to_rgb(rng.uniform(0.05, 0.11), rng.uniform(0.15, 0.5), rng.uniform(0.35, 0.75)),
        np.float32,
    )
    first = round(top * h)
    picture[first:] = wood * make_mottle(h - first, w, rng, 3, 0.04)
    for x in np.linspace(-1.5, 2.5, 22):
        ends = (round(w * (0.5 + (x - 0.5) * 0.55)), first), (round(w * x), h)
        cv2.line(picture, *ends, tuple(map(float, wood * 0.8)), 2, cv2.LINE_AA)
    draw_block(picture, 0, top - 0.025, 1, top, (0.9, 0.89, 0.87), 0.05)


def draw_plant(
    picture: np.ndarray, x: float, y: float, size: float, rng: np.random.Generator
) -> None:
    """Draws a potted plant at (x, y), `size` tall, all as shares, in place."""
    h, w = picture.shape[:2]
    for _ in range(14):
        angle = rng.uniform(-2.6, -0.5)
        length = size * h * rng.uniform(0.5, 1)
        center = (
            round(x * w + np.cos(angle) * length * 0.5),
            round(y * h + np.sin(angle) * length * 0.5),
        )
        green = hsv_to_rgb(rng.uniform(0.25, 0.36), rng.uniform(0.35, 0.6), rng.uniform(0.22, 0.5))
        axes = (max(1, round(length * 0.5)), max(1, round(length * 0.10)))
        cv2.ellipse(picture, center, axes, float(np.degrees(angle)), 0, 360, green, -1, cv2.LINE_AA)
    pot = hsv_to_rgb(0.05, rng.uniform(0.1, 0.5), rng.uniform(0.4, 0.85))
    draw_block(picture, x - size * 0.28, y - 0.01, x + size * 0.28, y + size * 0.6, pot)
