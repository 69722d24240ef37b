"""Fabrics as seamless tiles: color, holes, relief and gloss of denim, lace, knits and prints."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shopee_od.shopsim.patterns import draw_lace, draw_pattern, make_noise

RGB = tuple[float, float, float]

KINDS = ("cotton", "denim", "knit", "pique", "lace", "chiffon", "satin", "wool", "jersey")
PATTERNS = ("plain", "stripes", "checks", "dots", "floral", "leaf", "animal")

FOLD_HEIGHTS = {
    "jersey": 0.6,
    "denim": 0.9,
    "satin": 1.35,
    "chiffon": 1.1,
    "knit": 0.55,
    "wool": 0.7,
    "pique": 0.6,
    "lace": 0.45,
}
"""Height of folds by fabric, relative to cotton."""
_GLOSS = {"satin": 1.0, "jersey": 0.12, "chiffon": 0.25, "denim": 0.05}

# Hue, saturation and value, each in 0..1, of common colors of women's apparel.
_DYES = (
    (0.00, 0.02, 0.93), (0.00, 0.02, 0.10), (0.08, 0.06, 0.88), (0.62, 0.55, 0.28),
    (0.00, 0.03, 0.55), (0.08, 0.30, 0.72), (0.97, 0.22, 0.90), (0.99, 0.75, 0.66),
    (0.58, 0.35, 0.80), (0.40, 0.25, 0.72), (0.13, 0.55, 0.90), (0.77, 0.25, 0.75),
    (0.95, 0.60, 0.42), (0.24, 0.30, 0.40), (0.48, 0.55, 0.50), (0.05, 0.60, 0.80),
)  # fmt: skip


@dataclass(frozen=True)
class Fabric:
    """A tile that repeats without a seam.

    Args:
        rgb: float32 (S, S, 3) in 0..1.
        alpha: float32 (S, S) in 0..1, low where the fabric has holes or is sheer.
        relief: float32 (S, S), heights of about −1..1.
        gloss: 0 matt to 1 shiny.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    relief: np.ndarray
    gloss: float


def hsv_to_rgb(hue: float, saturation: float, value: float) -> RGB:
    """Hue, saturation and value in 0..1 to red, green and blue in 0..1; the hue is periodic."""
    pixel = np.array(
        [[[hue * 360 % 360, np.clip(saturation, 0, 1), np.clip(value, 0, 1)]]], np.float32
    )
    red, green, blue = map(float, cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])
    return red, green, blue


def sample_dyes(rng: np.random.Generator, kind: str) -> tuple[RGB, RGB]:
    """Samples a main color for a kind of fabric, and an accent that contrasts with it."""
    if kind == "denim":
        value = rng.choice([0.20, 0.34, 0.50, 0.68], p=[0.2, 0.3, 0.3, 0.2])
        main = hsv_to_rgb(
            0.59 + rng.normal(0, 0.012), 0.62 - 0.45 * value + rng.normal(0, 0.04), value
        )
        return main, (0.78, 0.52, 0.22)
    hue, saturation, value = _DYES[rng.integers(len(_DYES))]
    if kind == "lace" and rng.random() < 0.6:
        hue, saturation, value = _DYES[rng.choice([0, 0, 1, 2, 6])]
    hue = hue + rng.normal(0, 0.02)
    saturation = saturation * rng.uniform(0.8, 1.2)
    value = value * rng.uniform(0.88, 1.06)
    main = hsv_to_rgb(hue, saturation, value)
    away = 0.95 if value < 0.55 else rng.choice([0.15, 0.25, 0.98 if saturation > 0.3 else 0.2])
    return main, hsv_to_rgb(hue + rng.uniform(0.3, 0.7), rng.uniform(0.05, 0.6), away)


def weave(
    kind: str,
    colors: tuple[RGB, RGB],
    rng: np.random.Generator,
    size: int = 256,
    pattern: str = "plain",
) -> Fabric:
    """Makes a fabric.

    Args:
        kind: one of KINDS.
        colors: main and accent.
        rng: gives the noise and the pattern.
        size: of the tile in pixels.
        pattern: one of PATTERNS.
    Raises:
        ValueError: an unknown kind or pattern.
    """
    if kind not in KINDS:
        raise ValueError(f"no fabric {kind!r}; choose from {', '.join(KINDS)}")
    if pattern not in PATTERNS:
        raise ValueError(f"no pattern {pattern!r}; choose from {', '.join(PATTERNS)}")
    main, accent = (np.asarray(c, np.float32) for c in colors)
    share = draw_pattern(pattern, rng, size)[..., None] if pattern != "plain" else np.float32(0)
    rgb = np.ones((size, size, 3), np.float32) * (main + (accent - main) * share)
    alpha: np.ndarray = np.ones((size, size), np.float32)
    relief: np.ndarray = np.zeros((size, size), np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    if kind == "denim":
        twill = np.sin((x + y) * (2 * np.pi * 48 / size))
        slub = make_noise(rng, size, 0.8, 5)
        rgb = (
            rgb * (1 + 0.10 * twill + 0.07 * slub)[..., None]
            + 0.03 * np.maximum(slub, 0)[..., None]
        )
        rgb *= (1 + 0.05 * make_noise(rng, size, 24))[..., None]
        relief = 0.4 * twill
    elif kind == "knit":
        ribs = 32 if rng.random() < 0.6 else 16
        column, row = x * ribs / size, y * 48 / size
        vee = np.cos(2 * np.pi * (row + 0.5 * np.abs(2 * (column % 1) - 1)))
        rgb = rgb * (0.93 + 0.07 * vee + 0.03 * make_noise(rng, size, 1))[..., None]
        relief = 1.5 * np.cos(2 * np.pi * column) + 0.8 * vee
    elif kind == "pique":
        dots = np.sin(x * 2 * np.pi * 42 / size) * np.sin(y * 2 * np.pi * 42 / size)
        rgb, relief = rgb * (0.98 + 0.05 * dots)[..., None], 0.9 * dots
    elif kind == "wool":
        speckle = make_noise(rng, size, 0.9)
        twist = make_noise(rng, size, 1.6, 2)
        rgb = (
            rgb * (1 + 0.06 * speckle + 0.04 * twist)[..., None]
            + 0.015 * np.maximum(speckle, 0)[..., None]
        )
        relief = 0.9 * twist
    elif kind == "lace":
        figure = draw_lace(rng, size)
        alpha = 0.16 + 0.84 * figure
        rgb, relief = rgb * (0.86 + 0.14 * figure)[..., None], 2.2 * figure
    elif kind == "chiffon":
        crepe = make_noise(rng, size, 1.0)
        alpha = np.clip(
            0.68 + 0.03 * crepe + 0.04 * make_noise(rng, size, 14) + 0.25 * np.squeeze(share),
            0,
            0.96,
        ).astype(np.float32)
        rgb = rgb * (1 + 0.02 * crepe)[..., None]
    elif kind == "satin":
        rgb = rgb * (1 + 0.02 * make_noise(rng, size, 1, 8))[..., None]
    else:  # cotton, jersey
        rgb = (
            rgb
            * (1 + 0.007 * make_noise(rng, size, 0.8) + 0.004 * make_noise(rng, size, 16))[
                ..., None
            ]
        )
    return Fabric(
        np.clip(rgb, 0, 1).astype(np.float32),
        alpha,
        relief.astype(np.float32),
        _GLOSS.get(kind, 0.0),
    )
