"""Histograms of oriented gradients (HOG): where edges are and how they run, at any brightness.

Equal to scikit-image's `hog`. Like it, this is simpler than the paper: a pixel votes for one
direction of one cell, where Dalal and Triggs interpolate its vote between neighboring directions
and cells (section 6.3), and weight the pixels of a block by a Gaussian around its center (section
6.4).

Source: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.
"""

from __future__ import annotations

import numpy as np

CELL = 8  # pixels per side (section 6.3)
BLOCK = 2  # cells per side
BINS = 9  # over 180°: a dark garment on light ground has the same edges as a light one on dark
CLIP_VALUE = 0.2  # of L2-Hys (section 6.4)
EPSILON = 1e-5


def gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude and orientation of the gradient at every pixel.

    The gradient is the difference of the two neighbors, filter [-1, 0, 1]; it is 0 at the border.
    At each pixel the color channel with the largest gradient counts.

    Args:
        image: (H, W, 3) or (H, W).
    Returns:
        magnitude: float64 (H, W).
        orientation: float64 (H, W) degrees in [0, 180).
    Source: section 6.2 of the paper.

    >>> magnitude, orientation = gradients(np.array([[0, 0, 0, 9, 9, 9]] * 3))
    >>> magnitude[1].tolist(), orientation[1, 2:4].tolist()
    ([0.0, 0.0, 9.0, 9.0, 0.0, 0.0], [0.0, 0.0])
    """
    image = np.asarray(image, np.float64)
    if image.ndim == 2:
        image = image[:, :, None]
    dy = np.zeros_like(image)
    dx = np.zeros_like(image)
    dy[1:-1] = image[2:] - image[:-2]
    dx[:, 1:-1] = image[:, 2:] - image[:, :-2]
    magnitude = np.hypot(dx, dy)

    channel = magnitude.argmax(axis=2)[:, :, None]
    dy = np.take_along_axis(dy, channel, axis=2)[:, :, 0]
    dx = np.take_along_axis(dx, channel, axis=2)[:, :, 0]
    magnitude = np.take_along_axis(magnitude, channel, axis=2)[:, :, 0]
    return magnitude, np.degrees(np.arctan2(dy, dx)) % 180


def cell_histograms(image: np.ndarray) -> np.ndarray:
    """Histogram of each cell: its mean gradient magnitude by orientation.

    Args:
        image: (H, W, 3) or (H, W); rows and columns beyond the last whole cell are ignored.
    Returns:
        float64 (H // CELL, W // CELL, BINS).

    >>> cell_histograms(np.array([[0, 0, 0, 9, 9, 9, 9, 9]] * 8))[0, 0].tolist()
    [2.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    magnitude, orientation = gradients(image)
    rows = magnitude.shape[0] // CELL
    columns = magnitude.shape[1] // CELL
    magnitude = magnitude[: rows * CELL, : columns * CELL]
    orientation = orientation[: rows * CELL, : columns * CELL]

    y, x = np.indices(magnitude.shape) // CELL
    bins = np.minimum((orientation * BINS / 180).astype(int), BINS - 1)
    index = (y * columns + x) * BINS + bins
    sums = np.bincount(index.ravel(), magnitude.ravel(), minlength=rows * columns * BINS)
    return sums.reshape(rows, columns, BINS) / CELL**2


def normalize_blocks(histograms: np.ndarray) -> np.ndarray:
    """Blocks of 2 × 2 cells, normalized by L2-Hys so that lighting cancels out.

    Each block is scaled to length 1, clipped at 0.2 so that one strong edge cannot dominate, and
    scaled to length 1 again. Blocks overlap: a cell is normalized together with different
    neighbors.

    Args:
        histograms: (rows, columns, BINS) from `cell_histograms`.
    Returns:
        float64 (rows - 1, columns - 1, 4 · BINS).
    Source: section 6.4 of the paper.
    """
    rows = histograms.shape[0] - BLOCK + 1
    columns = histograms.shape[1] - BLOCK + 1
    cells = [histograms[i : i + rows, j : j + columns] for i in range(BLOCK) for j in range(BLOCK)]
    blocks = np.concatenate(cells, axis=2)
    return _unit_length(np.minimum(_unit_length(blocks), CLIP_VALUE))


def hog(image: np.ndarray) -> np.ndarray:
    """HOG descriptor of an image: its blocks, row by row, as one vector.

    Args:
        image: (H, W, 3) or (H, W).
    Returns:
        float64 (blocks · 36,).

    >>> hog(np.zeros((128, 64))).shape
    (3780,)
    """
    return normalize_blocks(cell_histograms(image)).ravel()


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    """(..., D) -> the same, each vector divided by its length."""
    return vectors / np.sqrt((vectors**2).sum(axis=-1, keepdims=True) + EPSILON**2)
