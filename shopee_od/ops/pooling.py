"""Pooling: from a region of any size on a feature map to as many values as the layers above it take.

A feature map float (H, W, C) has one cell a `stride` pixels; RoIs, regions of interest, are boxes in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.ndimage import shift

from shopee_od.ops.boxes import area


def whole_cells(rois: np.ndarray, stride: float, height: int, width: int) -> np.ndarray:
    """(N, 4) pixels, a map's size in cells -> int64 (N, 4) cells, x2 and y2 exclusive: the RoIs, rounded.

    The cells whose middle lies in the RoI; at least one. He et al., "Spatial Pyramid Pooling", ECCV 2014, "Mapping a
    Window to Feature Maps" of the long version; Fast R-CNN rounds likewise.

    >>> whole_cells(np.array([[20, 0, 60, 7]]), 16, 4, 4)
    array([[1, 0, 4, 1]])
    """
    cells = np.floor(np.asarray(rois, np.float64) / stride + 0.5).astype(np.int64)
    size = np.array([width, height])
    start = np.clip(cells[:, :2], 0, size - 1)
    return np.concatenate([start, np.clip(cells[:, 2:], start + 1, size)], axis=1)


def cut(features: np.ndarray, roi: np.ndarray, stride: float) -> np.ndarray:
    """(H, W, C), (4,) pixels -> (h, w, C): the cells of an RoI."""
    ((x1, y1, x2, y2),) = whole_cells(np.asarray(roi)[None], stride, *features.shape[:2])
    return features[y1:y2, x1:x2]


def bins(length: int, n: int) -> np.ndarray:
    """A side in cells -> int64 (n, 2): where each of n bins starts, and where it ends (exclusive).

    The start is rounded down, the end up: no bin is empty, neighbours may share a cell. He et al., ECCV 2014,
    "Implementation of Pooling Bins" of the long version.

    >>> bins(5, 3).tolist(), bins(2, 3).tolist()
    ([[0, 2], [1, 4], [3, 5]], [[0, 1], [0, 2], [1, 2]])
    """
    k = np.arange(n)
    return np.stack([k * length // n, -(-(k + 1) * length // n)], axis=1)


def max_in_bins(cells: np.ndarray, n: int) -> np.ndarray:
    """(h, w, C) -> (n, n, C), the largest value of each bin and channel: first down the rows, then across."""
    rows = np.stack([cells[start:end].max(axis=0) for start, end in bins(cells.shape[0], n)])
    return np.stack([rows[:, start:end].max(axis=1) for start, end in bins(cells.shape[1], n)], axis=1)


def pyramid_pool(cells: np.ndarray, levels: Sequence[int] = (1, 2, 4)) -> np.ndarray:
    """(h, w, C) of any h and w -> (C · Σ n²,): the maxima of n × n bins for each n of `levels`, one after another.

    Spatial pyramid pooling: He et al., ECCV 2014, section 2.2.

    >>> pyramid_pool(np.arange(12).reshape(3, 4, 1), (1, 2)).tolist()
    [11, 5, 7, 9, 11]
    """
    return np.concatenate([max_in_bins(cells, n).ravel() for n in levels])


def roi_max_pool(features: np.ndarray, roi: np.ndarray, stride: float, size: int = 7) -> np.ndarray:
    """(H, W, C), (4,) pixels -> (size, size, C): RoI pooling, a spatial pyramid of a single level.

    The RoI is rounded to whole cells, its bins once more: values stay the same while it moves by less than a cell,
    then leap. Girshick, "Fast R-CNN", ICCV 2015, section 2.1.

    >>> roi_max_pool(np.arange(16).reshape(4, 4, 1), np.array([20, 0, 60, 30]), 16, 2)[:, :, 0]
    array([[2, 3],
           [6, 7]])
    """
    return max_in_bins(cut(features, roi, stride), size)


def bilinear(features: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(H, W, C), rows (n,), columns (m,) -> float64 (n, m, C): the map between its cells, at every row and column.

    Cell 0 stands at 0, cell 1 at 1; beyond the first and the last the map goes on as they are.

    >>> bilinear(np.array([[[0], [10]], [[20], [30]]]), np.array([0.5]), np.array([0, 0.25, 9]))[0, :, 0]
    array([10. , 12.5, 20. ])
    """
    height, width = features.shape[:2]
    y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (y - top)[:, None, None], (x - left)[:, None]
    rows = features[top] * (1 - down) + features[bottom] * down
    return rows[:, left] * (1 - across) + rows[:, right] * across


def roi_align(features: np.ndarray, roi: np.ndarray, stride: float, size: int = 7, samples: int = 1) -> np.ndarray:
    """(H, W, C), (4,) pixels -> float64 (size, size, C): nothing is rounded.

    1. The RoI is divided into size × size bins, and each into samples × samples parts, all alike.
    2. In the middle of each part the map is sampled by its four nearest cells.
    3. A bin's value is the mean of its samples.

    He, Gkioxari, Dollár and Girshick, "Mask R-CNN", ICCV 2017, section 3, with 2 × 2 samples; Model Garden takes one.

    >>> ramp = np.arange(4.0)[None, :, None] * np.ones((4, 1, 1))
    >>> roi_align(ramp, np.array([16, 16, 32, 48]), 16, 2)[:, :, 0]
    array([[1.25, 1.75],
           [1.25, 1.75]])
    """
    x1, y1, x2, y2 = np.asarray(roi, np.float64) / stride
    middles = (np.arange(size * samples) + 0.5) / (size * samples)
    values = bilinear(features, y1 + middles * (y2 - y1), x1 + middles * (x2 - x1))
    return values.reshape(size, samples, size, samples, -1).mean(axis=(1, 3))


def level_of(rois: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    """(N, 4) pixels -> int64 (N,): the pyramid level that each RoI is pooled from, large ones from coarse levels.

    An RoI of 224 pixels a side, ImageNet's photos, from level 4; half of that, a level lower. Lin et al., "Feature
    Pyramid Networks", CVPR 2017, section 4.2, equation 1.

    >>> level_of(np.array([[0, 0, 224, 224], [0, 0, 111, 111], [0, 0, 56, 224], [0, 0, 900, 900]]), 2, 5)
    array([4, 2, 3, 5])
    """
    side = np.sqrt(np.maximum(area(rois), 1e-12))  # an empty RoI has a level too: the lowest
    return np.clip(np.floor(4 + np.log2(side / 224)), lowest, highest).astype(np.int64)


def nearest_scale(rois: np.ndarray, scales: Sequence[float], side: int = 224) -> np.ndarray:
    """(N, 4) pixels of a photo, by how much it was enlarged for each map -> int64 (N,): the map to pool each RoI from.

    The one on which the RoI's area is nearest to `side` squared, so that the network meets it about as large as what it
    learnt from. He et al., ECCV 2014, section 4.1.

    >>> nearest_scale(np.array([[0, 0, 100, 100], [0, 0, 50, 60], [0, 0, 400, 300]]), [1.0, 2.0, 4.0])
    array([1, 2, 0])
    """
    areas = area(rois)[:, None] * np.square(scales)
    return np.abs(areas - side**2).argmin(axis=1)


def pyramid_roi_align(features: Mapping[int, np.ndarray], rois: np.ndarray, size: int = 7) -> np.ndarray:
    """By level (h, w, C), (N, 4) pixels -> float64 (N, size, size, C): each RoI from the map of its own level.

    Equal to Model Garden's MultilevelROIAligner.
    """
    levels = level_of(rois, min(features), max(features))
    return np.stack([roi_align(features[k], roi, 2**k, size) for k, roi in zip(levels, rois, strict=True)])


def shift_error(
    pool: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    features: np.ndarray,
    roi: np.ndarray,
    stride: float,
    shifts: Sequence[float],
) -> np.ndarray:
    """(H, W, C), (4,) pixels on whole cells, shifts in pixels -> float64 (len(shifts),): what rounding an RoI costs.

    Moving an RoI right and down over the photo, or the photo left and up beneath it, should pool the same values. The
    mean difference between the two, as a share of the map's standard deviation; `pool` takes features, roi, stride.
    """
    errors = []
    for moved in shifts:
        beneath = shift(features, (-moved / stride, -moved / stride, 0), order=3, mode="nearest")
        errors.append(np.abs(pool(features, np.asarray(roi) + moved, stride) - pool(beneath, roi, stride)).mean())
    return np.array(errors) / features.std()
