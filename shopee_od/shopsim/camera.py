"""Lighting and camera, for shop and consumer photos. No pixel moves, so masks stay exact."""

from __future__ import annotations

import cv2
import numpy as np


def simulate_shop_camera(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Even light and little noise, on float32 (H, W, 3) in 0..1."""
    rgb = rgb * np.float32(rng.uniform(0.96, 1.05)) * np.float32(1 + rng.normal(0, 0.012, 3))
    return np.clip(rgb + _grain(rgb, rng, 0.006), 0, 1)


def simulate_consumer_camera(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some of: color cast, light from one side, vignette, blur, noise.

    Args:
        rgb: float32 (H, W, 3) in 0..1.
        rng: chooses among them.
    Returns:
        float32 (H, W, 3) in 0..1.
    """
    h, w = rgb.shape[:2]
    warm = rng.normal(0.02, 0.06)
    rgb = (
        rgb
        * np.array([1 + warm, 1 + rng.normal(0, 0.015), 1 - warm], np.float32)
        * np.float32(rng.uniform(0.72, 1.12))
    )
    yy, xx = np.meshgrid(
        np.linspace(-1, 1, 32, dtype=np.float32),
        np.linspace(-1, 1, 32, dtype=np.float32),
        indexing="ij",
    )
    angle = rng.uniform(0, 2 * np.pi)
    across = xx * np.cos(angle) + yy * np.sin(angle)
    field = 1 + rng.uniform(0, 0.28) * across
    if rng.random() < 0.25:  # a band of sun through a window
        edge = rng.uniform(-0.6, 0.6)
        wide = rng.uniform(0.2, 0.6)
        field = (
            field
            + rng.uniform(0.25, 0.5) / (1 + np.exp((np.abs(across - edge) - wide) * 30))
            - 0.12
        )
    if rng.random() < 0.3:  # a flash
        field = field * (1.15 - rng.uniform(0.2, 0.45) * (xx**2 + yy**2))
    rgb = (
        rgb * cv2.resize(field.astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)[..., None]
    )
    if rng.random() < 0.3:
        contrast = np.float32(rng.uniform(0.75, 0.92))  # a faded filter
        rgb = rgb * contrast + np.float32(rng.uniform(0.06, 0.16, 3))
    blur = rng.random()
    if blur < 0.35:
        rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.8, 2.6))
    elif blur < 0.5:
        length = int(rng.integers(3, 11))
        kernel = np.zeros((length, length), np.float32)
        cv2.line(
            kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0
        )
        rgb = cv2.filter2D(rgb, -1, kernel / kernel.sum())
    return np.clip(rgb + _grain(rgb, rng, rng.uniform(0.01, 0.045)), 0, 1)


def _grain(rgb: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Gaussian noise of a standard deviation `strength`, one tile repeated."""
    h, w = rgb.shape[:2]
    tile = rng.standard_normal((128, 128, 3), dtype=np.float32) * np.float32(strength)
    return np.tile(tile, (h // 128 + 1, w // 128 + 1, 1))[:h, :w]
