"""Sliding windows: a few window shapes, moved over the image at every scale of an image pyramid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image


def level_sizes(
    height: int, width: int, smallest: tuple[int, int], downscale: float = 1.25
) -> list[tuple[int, int]]:
    """Sizes of the levels of an image pyramid; the first is the image itself.

    Each level is smaller than the one before by the factor `downscale`, rounded up, as in
    scikit-image's pyramid_gaussian.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        smallest: (height, width) that every level must have room for.
        downscale: factor above 1 between levels.
    Returns:
        (height, width) of each level.
    Source: Adelson et al., "Pyramid methods in image processing", RCA Engineer 1984.

    >>> level_sizes(100, 60, (64, 32))
    [(100, 60), (80, 48), (64, 39)]
    """
    sizes = []
    while height >= smallest[0] and width >= smallest[1]:
        sizes.append((height, width))
        height = math.ceil(height / downscale)
        width = math.ceil(width / downscale)
        if sizes[-1] == (height, width):  # a side of few pixels, rounded up, no longer shrinks
            break
    return sizes


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image bilinearly; it is smoothed when it is made smaller, to avoid aliasing.

    Args:
        image: uint8 (H, W, 3).
        size: (height, width) of the result.
    Returns:
        uint8 (height, width, 3).
    """
    height, width = size
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def image_pyramid(
    image: np.ndarray, smallest: tuple[int, int], downscale: float = 1.25
) -> Iterator[np.ndarray]:
    """The levels of an image pyramid, one after another, largest first.

    Args:
        image: uint8 (H, W, 3).
        smallest: (height, width) that every level must have room for.
        downscale: factor above 1 between levels.
    Returns:
        Iterator of uint8 (h, w, 3), with the sizes of `level_sizes`.
    """
    height, width = image.shape[:2]
    for size in level_sizes(height, width, smallest, downscale):
        yield resize_image(image, size)


def count_windows(height: int, width: int, window: tuple[int, int], stride: int) -> int:
    """Number of windows that fit into a level: the length of `window_grid`.

    Args:
        height: height of the level in pixels.
        width: width of the level in pixels.
        window: (height, width) of the window.
        stride: pixels by which it moves.
    Returns:
        The number of windows.

    >>> count_windows(100, 60, (64, 32), 8)
    20
    """
    rows = (height - window[0]) // stride + 1
    columns = (width - window[1]) // stride + 1
    return max(rows, 0) * max(columns, 0)


def window_grid(height: int, width: int, window: tuple[int, int], stride: int) -> np.ndarray:
    """All windows of one shape that fit into a level.

    Args:
        height: height of the level in pixels.
        width: width of the level in pixels.
        window: (height, width) of the window.
        stride: pixels by which it moves.
    Returns:
        int64 (N, 4) x1, y1, x2, y2 in pixels of the level, row by row.

    >>> window_grid(10, 12, (8, 8), 4)
    array([[ 0,  0,  8,  8],
           [ 4,  0, 12,  8]])
    """
    window_height, window_width = window
    top = np.arange(0, height - window_height + 1, stride)
    left = np.arange(0, width - window_width + 1, stride)
    y, x = np.meshgrid(top, left, indexing="ij")
    corners = np.stack([x, y], axis=2).reshape(-1, 2)
    size = np.array([window_width, window_height])
    return np.concatenate([corners, corners + size], axis=1)


def boxes_to_image(
    boxes: np.ndarray, level_size: tuple[int, int], image_size: tuple[int, int]
) -> np.ndarray:
    """Boxes in pixels of a level -> the same boxes in pixels of the image.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels of the level.
        level_size: (height, width) of the level.
        image_size: (height, width) of the image.
    Returns:
        float64 (N, 4).

    >>> boxes_to_image(np.array([[0, 0, 16, 32]]), (50, 30), (100, 60))
    array([[ 0.,  0., 32., 64.]])
    """
    scale_y = image_size[0] / level_size[0]
    scale_x = image_size[1] / level_size[1]
    return np.asarray(boxes, np.float64) * [scale_x, scale_y, scale_x, scale_y]


def sliding_windows(
    image: np.ndarray, shapes: Sequence[tuple[int, int]], stride: int, downscale: float = 1.25
) -> Iterator[tuple[np.ndarray, tuple[int, int], np.ndarray]]:
    """All windows of all shapes at all levels of an image pyramid.

    Args:
        image: uint8 (H, W, 3).
        shapes: (height, width) of each window shape.
        stride: pixels of the level by which a window moves.
        downscale: factor above 1 between levels.
    Returns:
        Iterator over levels and shapes, without those that do not fit; one level is in memory at
        a time:
        level: uint8 (h, w, 3).
        shape: (height, width) of the window.
        windows: int64 (N, 4) x1, y1, x2, y2 in pixels of the level.
    """
    smallest = (min(height for height, _ in shapes), min(width for _, width in shapes))
    for level in image_pyramid(image, smallest, downscale):
        height, width = level.shape[:2]
        for shape in shapes:
            windows = window_grid(height, width, shape, stride)
            if len(windows):
                yield level, shape, windows
