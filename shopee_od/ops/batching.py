"""Images of different sizes in one batch: padded to a common size, or grouped by equal size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIZE_DIVISOR = 32
"""Pixels: the coarsest stride. Sides that are multiples of it are whole cells at every level."""


def scale_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Size of an image scaled so that its longer side is `long_side`; aspect ratio kept.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        long_side: longer side of the result in pixels.
    Returns:
        (height, width), each rounded to a pixel.

    >>> scale_size(825, 550, 320)
    (320, 213)
    """
    scale = long_side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def round_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Size of an image scaled as by `scale_size`, then rounded to multiples of SIZE_DIVISOR.

    Images come in few shapes, so only a few sizes remain and each has many images. In exchange
    the image is stretched a little.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        long_side: longer side of the result in pixels.
    Returns:
        (height, width), each at least SIZE_DIVISOR.

    >>> round_size(825, 550, 320), round_size(30, 900, 320)
    ((320, 224), (32, 320))
    """
    height, width = scale_size(height, width, long_side)
    return _round_side(height), _round_side(width)


def _round_side(side: int) -> int:
    """The nearest multiple of SIZE_DIVISOR, at least one."""
    return max(SIZE_DIVISOR, round(side / SIZE_DIVISOR) * SIZE_DIVISOR)


def pad_images(images: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One batch of images of different sizes, padded with zeros on the right and below.

    The network must be given the sizes and mask the padding: otherwise what its layers compute
    from the zeros leaks into the image.

    Args:
        images: B arrays, float (h, w, 3).
    Returns:
        batch: float32 (B, H, W, 3); H and W are multiples of SIZE_DIVISOR.
        sizes: int32 (B, 2) height and width of each image.
    """
    sizes = np.array([image.shape[:2] for image in images], np.int32)
    batch = np.zeros((len(images), *canvas_size(sizes), 3), np.float32)
    for canvas, image in zip(batch, images, strict=True):
        height, width = image.shape[:2]
        canvas[:height, :width] = image
    return batch, sizes


def canvas_size(sizes: np.ndarray) -> tuple[int, int]:
    """The smallest canvas that holds images of these sizes.

    Args:
        sizes: (B, 2) height and width of each image.
    Returns:
        (height, width), multiples of SIZE_DIVISOR.

    >>> canvas_size(np.array([[40, 30], [20, 64]]))
    (64, 64)
    """
    height, width = np.ceil(np.max(sizes, axis=0) / SIZE_DIVISOR).astype(int) * SIZE_DIVISOR
    return int(height), int(width)


def group_by_size(sizes: np.ndarray) -> list[np.ndarray]:
    """Indices of the images of each size. A batch taken from one group needs no padding.

    Args:
        sizes: (N, 2) height and width of each image.
    Returns:
        One int64 array per size; together they hold every index once.

    >>> [group.tolist() for group in group_by_size(np.array([[320, 224], [320, 256], [320, 224]]))]
    [[0, 2], [1]]
    """
    unique_sizes, group_index = np.unique(sizes, axis=0, return_inverse=True)
    return [np.flatnonzero(group_index.ravel() == k) for k in range(len(unique_sizes))]


def padding_share(batches: Sequence[np.ndarray]) -> float:
    """Share of the pixels of padded batches that belong to no image.

    Args:
        batches: for each batch, (B, 2) height and width of its images.
    Returns:
        A number in [0, 1).

    >>> padding_share([np.array([[64, 64], [64, 32]])])
    0.25
    """
    image_pixels = sum(np.prod(sizes, axis=1).sum() for sizes in batches)
    batch_pixels = sum(len(sizes) * np.prod(canvas_size(sizes)) for sizes in batches)
    return float(1 - image_pixels / batch_pixels)
