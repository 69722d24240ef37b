"""Photos of unlike sizes in one batch, two ways: padded to a common size, or sorted into buckets of equal ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STEP = 32  # pixels: the coarsest stride; sides that are multiples of it fall alike on the cells of every level


def scaled(height: int, width: int, longest: int) -> tuple[int, int]:
    """A photo's size -> (height, width) with the longer side `longest`, its shape kept to the pixel.

    >>> scaled(825, 550, 320)
    (320, 213)
    """
    scale = longest / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """A photo's size -> (height, width), the longer side `longest`, the other the nearest multiple of STEP.

    Photos come in few shapes, so few sizes are left: that is what fills buckets. The price is a little stretching.

    >>> fitted(825, 550, 320), fitted(30, 900, 320)
    ((320, 224), (32, 320))
    """
    return tuple(max(STEP, round(side / STEP) * STEP) for side in scaled(height, width, longest))


def padded(photos: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """float (h, w, 3) each -> float32 (B, H, W, 3), zeros right of and below each; int32 (B, 2), what each photo has.

    H and W are multiples of STEP. The network must be told the sizes (`garden.masked`): what it makes of the zeros
    would leak into the photo.
    """
    sizes = np.array([photo.shape[:2] for photo in photos], np.int32)
    batch = np.zeros((len(photos), *canvas(sizes), 3), np.float32)
    for room, photo in zip(batch, photos, strict=True):
        room[: photo.shape[0], : photo.shape[1]] = photo
    return batch, sizes


def canvas(sizes: np.ndarray) -> tuple[int, int]:
    """(B, 2) heights and widths -> the smallest height and width that hold all of them, multiples of STEP."""
    height, width = (-(-np.max(sizes, axis=0) // STEP) * STEP).tolist()
    return height, width


def buckets(sizes: np.ndarray) -> list[np.ndarray]:
    """(N, 2) -> the indices of the photos of each size; a batch is taken from one of these and needs no padding.

    >>> [bucket.tolist() for bucket in buckets(np.array([[320, 224], [320, 256], [320, 224]]))]
    [[0, 2], [1]]
    """
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    return [np.flatnonzero(kind.ravel() == k) for k in range(len(kinds))]


def wasted(batches: Sequence[np.ndarray]) -> float:
    """The sizes (B, 2) of the photos of each batch -> the share of the batches' pixels that show no photo.

    >>> wasted([np.array([[64, 64], [64, 32]])])
    0.25
    """
    shown = sum(np.prod(sizes, axis=1).sum() for sizes in batches)
    return float(1 - shown / sum(len(sizes) * np.prod(canvas(sizes)) for sizes in batches))
