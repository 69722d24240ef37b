"""Histograms of oriented gradients: where edges are and which way they run, whatever the light.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005; equal to scikit-image's `hog`.
"""

from __future__ import annotations

import numpy as np

CELL = 8  # pixels a side (section 6.3)
BLOCK = 2  # cells a side
BINS = 9  # directions in 180°, since a dark garment on light ground has the edges of a light one on dark
CLIPPED = 0.2  # L2-Hys: no direction counts for more (section 6.4)
EPSILON = 1e-5


def gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) or (H, W) -> float64 (H, W) strength and (H, W) direction of the edges, in degrees, 0–180.

    The difference of the neighbours on both sides, [-1, 0, 1], 0 at the border; of the channels that with the strongest
    edge counts, pixel by pixel (section 6.1).

    >>> strength, direction = gradients(np.array([[0, 0, 0, 9, 9, 9]] * 3))
    >>> strength[1].tolist(), direction[1, 2:4].tolist()
    ([0.0, 0.0, 9.0, 9.0, 0.0, 0.0], [0.0, 0.0])
    """
    image = np.asarray(image, np.float64)
    image = image[:, :, None] if image.ndim == 2 else image
    down, across = np.zeros_like(image), np.zeros_like(image)
    down[1:-1] = image[2:] - image[:-2]
    across[:, 1:-1] = image[:, 2:] - image[:, :-2]
    strength = np.hypot(down, across)
    strongest = strength.argmax(axis=2)[:, :, None]
    down, across, strength = (np.take_along_axis(x, strongest, 2)[:, :, 0] for x in (down, across, strength))
    return strength, np.degrees(np.arctan2(down, across)) % 180


def cells(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W) -> float64 (H // 8, W // 8, 9): a cell's mean strength by direction; the rest is cut off.

    >>> cells(np.array([[0, 0, 0, 9, 9, 9, 9, 9]] * 8))[0, 0].tolist()
    [2.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    strength, direction = gradients(image)
    rows, columns = strength.shape[0] // CELL, strength.shape[1] // CELL
    strength, direction = (x[: rows * CELL, : columns * CELL] for x in (strength, direction))
    y, x = np.indices(strength.shape) // CELL
    bins = np.minimum((direction * BINS / 180).astype(int), BINS - 1)
    sums = np.bincount(((y * columns + x) * BINS + bins).ravel(), strength.ravel(), rows * columns * BINS)
    return sums.reshape(rows, columns, BINS) / CELL**2


def blocks(histograms: np.ndarray) -> np.ndarray:
    """(rows, columns, 9) of `cells` -> float64 (rows - 1, columns - 1, 36): each 2 × 2 cells, normalised by L2-Hys.

    So the light cancels out: scaled to length 1, cut off at 0.2, scaled to length 1 again. Cells stand in several
    blocks, each time beside other neighbours.
    """
    rows, columns = (side - BLOCK + 1 for side in histograms.shape[:2])
    parts = [histograms[i : i + rows, j : j + columns] for i in range(BLOCK) for j in range(BLOCK)]
    block = np.concatenate(parts, axis=2)
    return _unit(np.minimum(_unit(block), CLIPPED))


def hog(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) or (H, W) -> float64 (blocks · 36,): its blocks, row by row, as one vector.

    >>> hog(np.zeros((128, 64))).shape
    (3780,)
    """
    return blocks(cells(image)).ravel()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True) + EPSILON**2)
