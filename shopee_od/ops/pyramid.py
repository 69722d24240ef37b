"""Sliding windows: a few window shapes, moved over the photo, at every size of an image pyramid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image


def level_sizes(height: int, width: int, smallest: tuple[int, int], step: float = 1.25) -> list[tuple[int, int]]:
    """A photo's size in pixels -> (height, width) of each level, each smaller than the last by `step`, rounded up.

    The first is the photo itself; the last is the last that holds `smallest`, (height, width). Adelson et al.,
    "Pyramid methods in image processing", RCA Engineer 1984; sizes as scikit-image's pyramid_gaussian.

    >>> level_sizes(100, 60, (64, 32))
    [(100, 60), (80, 48), (64, 39)]
    """
    sizes = []
    while height >= smallest[0] and width >= smallest[1]:
        sizes.append((height, width))
        height, width = math.ceil(height / step), math.ceil(width / step)
        if sizes[-1] == (height, width):  # a single pixel, halved and rounded up
            break
    return sizes


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (height, width, 3); smoothed as it is made smaller, each side as much as it needs."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def pyramid(image: np.ndarray, smallest: tuple[int, int], step: float = 1.25) -> Iterator[np.ndarray]:
    """uint8 (H, W, 3) -> its levels, one after another, uint8 (h, w, 3); the first is the photo itself."""
    for size in level_sizes(*image.shape[:2], smallest, step):
        yield resized(image, size)


def count_windows(height: int, width: int, window: tuple[int, int], stride: int) -> int:
    """How many windows (height, width) fit into a level, moved by `stride` pixels.

    >>> count_windows(100, 60, (64, 32), 8)
    20
    """
    down, across = ((side - small) // stride + 1 for side, small in zip((height, width), window, strict=True))
    return max(down, 0) * max(across, 0)


def windows(height: int, width: int, window: tuple[int, int], stride: int) -> np.ndarray:
    """A level's size -> int64 (N, 4), x1, y1, x2, y2 of the windows that lie in it whole, row by row.

    >>> windows(10, 12, (8, 8), 4)
    array([[ 0,  0,  8,  8],
           [ 4,  0, 12,  8]])
    """
    y, x = np.meshgrid(
        np.arange(0, height - window[0] + 1, stride), np.arange(0, width - window[1] + 1, stride), indexing="ij"
    )
    corners = np.stack([x, y], axis=2).reshape(-1, 2)
    return np.concatenate([corners, corners + np.array(window[::-1])], axis=1)


def to_photo(boxes: np.ndarray, level: tuple[int, int], photo: tuple[int, int]) -> np.ndarray:
    """(N, 4) in pixels of a level (height, width) -> float64 (N, 4) in those of the photo (height, width).

    >>> to_photo(np.array([[0, 0, 16, 32]]), (50, 30), (100, 60))
    array([[ 0.,  0., 32., 64.]])
    """
    factor = np.array(photo[::-1]) / level[::-1]
    return np.asarray(boxes, np.float64) * np.tile(factor, 2)


def sliding_windows(
    image: np.ndarray, shapes: Sequence[tuple[int, int]], stride: int, step: float = 1.25
) -> Iterator[tuple[np.ndarray, tuple[int, int], np.ndarray]]:
    """uint8 (H, W, 3), window shapes (height, width) -> level by level and shape by shape: the level uint8 (h, w, 3),
    the shape, and int64 (N, 4), its windows in pixels of the level; nothing where it does not fit. Only one level is
    held at a time.
    """
    smallest = tuple(min(shape[axis] for shape in shapes) for axis in (0, 1))
    for level in pyramid(image, smallest, step):
        for shape in shapes:
            found = windows(*level.shape[:2], shape, stride)
            if len(found):
                yield level, shape, found
