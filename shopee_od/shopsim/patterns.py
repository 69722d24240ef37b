"""Patterns that repeat without a seam: noise, stripes, checks, dots, flowers, leaves, lace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np


def make_noise(
    rng: np.random.Generator, size: int, sigma: float, stretch: float = 1.0
) -> np.ndarray:
    """Smooth noise that repeats without a seam.

    Args:
        rng: the source of the noise.
        size: of the tile in pixels.
        sigma: of the Gaussian blur in pixels.
        stretch: how much longer than wide the spots are.
    Returns:
        float32 (size, size), standard deviation 1.
    """
    raw = rng.standard_normal((size, size)).astype(np.float32)
    pad = int(4 * sigma * max(1, stretch)) + 1
    tile = cv2.GaussianBlur(np.pad(raw, pad, mode="wrap"), (0, 0), sigma, sigmaY=sigma * stretch)[
        pad:-pad, pad:-pad
    ]
    return tile / max(1e-6, float(tile.std()))


def _stamp_pattern(
    size: int,
    draw: Callable[[np.ndarray, float, float], object],
    places: Iterable[tuple[float, float]],
) -> np.ndarray:
    """A tile (size, size) in 0..1 of `draw(canvas, x, y)` at each position, wrapped."""
    canvas = np.zeros((3 * size, 3 * size), np.uint8)
    for x, y in places:
        draw(canvas, x + size, y + size)
    blocks = canvas.reshape(3, size, 3, size)
    return blocks.max(axis=(0, 2)).astype(np.float32) / 255


def _jitter_grid(
    rng: np.random.Generator, size: int, cells: int, jitter: float = 0.3
) -> Iterator[tuple[float, float]]:
    """Yields about cells² positions on a brick pattern, each shifted at random."""
    step = size / cells
    for row in range(cells):
        for column in range(cells):
            dx, dy = rng.uniform(-jitter, jitter, 2) * step
            yield (column + 0.25 + 0.5 * (row % 2)) * step + dx, (row + 0.5) * step + dy


def _flower(canvas, x, y, radius, petals, turn, value=255):
    for k in range(petals):
        a = turn + 2 * np.pi * k / petals
        center = (
            round((x + np.cos(a) * radius * 0.6) * 16),
            round((y + np.sin(a) * radius * 0.6) * 16),
        )
        axes = (max(1, round(radius * 0.5 * 16)), max(1, round(radius * 0.32 * 16)))
        cv2.ellipse(
            canvas, center, axes, float(np.degrees(a)), 0, 360, int(value), -1, cv2.LINE_AA, 4
        )


def draw_lace(rng: np.random.Generator, size: int) -> np.ndarray:
    """Flowers on a net, float (size, size) in 0..1: 1 thread, 0 hole."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    k = 2 * np.pi * 32 / size
    net = np.maximum(np.cos((x + y) * k), np.cos((x - y) * k))
    net = np.clip((net - 0.72) * 4, 0, 0.75)
    cells = int(rng.choice([4, 5, 6]))
    petals = int(rng.choice([5, 6, 8]))
    places = [
        (*p, rng.uniform(0.34, 0.44), rng.uniform(0, 6))
        for p in _jitter_grid(rng, size, cells, 0.12)
    ]
    turned = iter(places)

    def draw(canvas: np.ndarray, cx: float, cy: float) -> None:
        _, _, share, turn = next(turned)
        _flower(canvas, cx, cy, size / cells * share, petals, turn)
        cv2.circle(
            canvas, (round(cx), round(cy)), max(1, round(size / cells * 0.07)), 0, -1, cv2.LINE_AA
        )

    flowers = _stamp_pattern(size, draw, [(px, py) for px, py, *_ in places])
    return np.clip(np.maximum(net, cv2.blur(flowers, (3, 3)) * 0.97), 0, 1)


def _stripes(rng, size):
    y = np.arange(size, dtype=np.float32)[:, None] / size
    bands = int(rng.choice([8, 10, 14]))
    part = rng.choice([0.25, 0.4, 0.5])
    stripe = np.clip((np.abs((y * bands) % 1 - 0.5) - (0.5 - part / 2)) * size / bands + 0.5, 0, 1)
    stripe = np.broadcast_to(stripe, (size, size))
    return stripe if rng.random() < 0.7 else np.ascontiguousarray(stripe.T)


def _checks(rng, size):
    bands = int(rng.choice([6, 8, 12]))
    line = (np.arange(size, dtype=np.float32) / size * bands % 1 < 0.5).astype(np.float32)
    fine = (np.arange(size, dtype=np.float32) / size * bands % 1 < 0.08).astype(np.float32)
    return np.clip(
        0.42 * (line[:, None] + line[None]) + 0.5 * np.maximum(fine[:, None], fine[None]), 0, 1
    )


def _dots(rng, size):
    cells = int(rng.choice([8, 10, 14]))
    radius = size / cells * rng.uniform(0.14, 0.24)
    return _stamp_pattern(
        size,
        lambda c, x, y: cv2.circle(
            c, (round(x * 16), round(y * 16)), round(radius * 16), 255, -1, cv2.LINE_AA, 4
        ),
        _jitter_grid(rng, size, cells, 0),
    )


def _floral(rng, size):
    cells = int(rng.choice([4, 5, 6, 7]))

    def draw(canvas: np.ndarray, x: float, y: float) -> None:
        radius = size / cells * rng.uniform(0.22, 0.42)
        for turn in rng.uniform(0, 6.28, 2):
            end = (round(x + np.cos(turn) * radius * 1.6), round(y + np.sin(turn) * radius * 1.6))
            cv2.ellipse(
                canvas,
                end,
                (round(radius * 0.5), round(radius * 0.2)),
                float(np.degrees(turn)),
                0,
                360,
                130,
                -1,
                cv2.LINE_AA,
            )
        _flower(canvas, x, y, radius, 5, rng.uniform(0, 6.28), 240)
        cv2.circle(canvas, (round(x), round(y)), max(1, round(radius * 0.22)), 60, -1, cv2.LINE_AA)

    return _stamp_pattern(size, draw, list(_jitter_grid(rng, size, cells)))


def _leaf(rng, size):
    def draw(canvas: np.ndarray, x: float, y: float) -> None:
        turn = rng.uniform(0, 6.28)
        length = size / 5 * rng.uniform(0.7, 1.1)
        for k in np.linspace(0.15, 1, 6):
            base = np.array([x + np.cos(turn) * length * k, y + np.sin(turn) * length * k])
            for side in (-0.8, 0.8):
                a = turn + side
                tip = base + np.array([np.cos(a), np.sin(a)]) * length * 0.45 * (1.1 - 0.6 * k)
                center = tuple(np.rint((base + tip) / 2).astype(int).tolist())
                half = round(float(np.hypot(*(tip - base))) / 2)
                cv2.ellipse(
                    canvas,
                    center,
                    (max(1, half), max(1, half // 4)),
                    float(np.degrees(a)),
                    0,
                    360,
                    235,
                    -1,
                    cv2.LINE_AA,
                )

    return _stamp_pattern(size, draw, list(_jitter_grid(rng, size, 3)))


def _animal(rng, size):
    spots = make_noise(rng, size, 4.0)
    return np.clip((np.abs(spots) < 0.35) * (make_noise(rng, size, 6) > -0.4) * 0.85, 0, 1).astype(
        np.float32
    )


_PATTERNS = {
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "floral": _floral,
    "leaf": _leaf,
    "animal": _animal,
}


def draw_pattern(name: str, rng: np.random.Generator, size: int) -> np.ndarray:
    """A pattern as a tile, float (size, size) in 0..1: the share of the accent color.

    Args:
        name: stripes, checks, dots, floral, leaf or animal.
        rng: gives sizes and positions.
        size: of the tile in pixels.
    """
    return _PATTERNS[name](rng, size)
