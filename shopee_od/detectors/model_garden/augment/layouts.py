"""Where the photos of a collage are: rectangles on a page."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

MAX_PHOTOS = 9


def grid(rows: int, columns: int) -> np.ndarray:
    """(rows * columns, 4) y1, x1, y2, x2 in [0, 1] of equal cells, row by row.

    >>> grid(1, 2).tolist()
    [[0.0, 0.0, 1.0, 0.5], [0.0, 0.5, 1.0, 1.0]]
    """
    y, x = np.mgrid[:rows, :columns].reshape(2, -1, 1)
    return np.hstack([y / rows, x / columns, (y + 1) / rows, (x + 1) / columns])


def one_large(small: int, share: float = 2 / 3) -> np.ndarray:
    """(1 + small, 4): one large cell at the left, and a column of small ones at its right."""
    column = grid(small, 1) * [1, 1 - share, 1, 1 - share] + [0, share, 0, share]
    return np.vstack([[0, 0, 1, share], column])


# Cells, and the width / height of the page that gives most of them the shape of a photo.
COLLAGES = (
    (grid(1, 2), 1.4),
    (grid(2, 1), 0.6),
    (grid(1, 3), 2.0),
    (grid(2, 2), 0.85),
    (grid(2, 2), 0.85),
    (grid(2, 3), 1.2),
    (grid(3, 2), 0.7),
    (grid(2, 4), 1.5),
    (grid(3, 3), 0.85),
    (one_large(2), 1.1),
    (one_large(3), 1.0),
    (one_large(4, 0.75), 1.0),
)
SHEETS = (
    (grid(1, 1), 0.8),
    (grid(1, 1), 1.0),
    (grid(1, 2), 1.1),
    (grid(2, 1), 0.75),
    (grid(1, 3), 1.5),
)


def random_layout(
    layouts: Sequence[tuple[np.ndarray, float]], limits: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """One of some layouts at random, on a page of random shape.

    Args:
        layouts: cells (K, 4) in [0, 1], and the page's width / height.
        limits: the page's largest height and width in pixels.
    Returns:
        cells: float32 (9, 4), y1, x1, y2, x2 in [0, 1]; rows after the first `count` are 0.
        count: int32, how many cells there are.
        page: float32 (2,), height and width in whole pixels; one of them is the largest allowed.
    """
    padded = [np.pad(cells, ((0, MAX_PHOTOS - len(cells)), (0, 0))) for cells, _ in layouts]
    index = tf.random.uniform([], 0, len(layouts), tf.int32)
    cells = tf.constant(np.stack(padded), tf.float32)[index]
    count = tf.constant([len(cells) for cells, _ in layouts])[index]
    aspect = tf.constant([aspect for _, aspect in layouts], tf.float32)[index]
    aspect *= tf.exp(tf.random.uniform([], -0.2, 0.2))
    height = tf.minimum(float(limits[0]), limits[1] / aspect)
    page = tf.round(tf.stack([height, height * aspect]))
    return cells, count, tf.minimum(page, tf.constant(limits, tf.float32))


def shrink_cells(cells: tf.Tensor, lowest: float, highest: float) -> tf.Tensor:
    """Cells (K, 4) made smaller, each at a random place within its old bounds.

    Args:
        cells: y1, x1, y2, x2.
        lowest, highest: the factor of the sides is between these.
    """
    sides = cells[:, 2:] - cells[:, :2]
    smaller = sides * tf.random.uniform([tf.shape(cells)[0], 1], lowest, highest)
    corner = cells[:, :2] + tf.random.uniform(tf.shape(sides)) * (sides - smaller)
    return tf.concat([corner, corner + smaller], axis=1)


def add_gutters(cells: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Cells (K, 4) without `width` / 2 at each side, in the unit of the cells."""
    return cells + tf.constant([0.5, 0.5, -0.5, -0.5]) * width
