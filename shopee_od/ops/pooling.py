"""Pooling: from a region of any size on a feature map to a fixed number of values.

A feature map is float (H, W, C), and its cells have sides of `stride` pixels. RoIs (regions of
interest) are boxes in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.ndimage import shift

from shopee_od.ops.boxes import box_area


def quantize_rois(rois: np.ndarray, stride: float, height: int, width: int) -> np.ndarray:
    """Round RoIs to whole cells: those whose center is inside the RoI, and at least one.

    Args:
        rois: (N, 4) x1, y1, x2, y2 in pixels.
        stride: pixels per cell.
        height: height of the feature map in cells.
        width: width of the feature map in cells.
    Returns:
        int64 (N, 4) x1, y1, x2, y2 in cells, x2 and y2 exclusive.
    Source: He et al., "Spatial Pyramid Pooling", ECCV 2014, long version, "Mapping a Window to
        Feature Maps". Fast R-CNN rounds in the same way.

    >>> quantize_rois(np.array([[20, 0, 60, 7]]), 16, 4, 4)
    array([[1, 0, 4, 1]])
    """
    cells = np.floor(np.asarray(rois, np.float64) / stride + 0.5).astype(np.int64)
    size = np.array([width, height])
    start = np.clip(cells[:, :2], 0, size - 1)
    end = np.clip(cells[:, 2:], start + 1, size)
    return np.concatenate([start, end], axis=1)


def crop_features(features: np.ndarray, roi: np.ndarray, stride: float) -> np.ndarray:
    """The cells of a feature map that belong to an RoI.

    Args:
        features: (H, W, C).
        roi: (4,) x1, y1, x2, y2 in pixels.
        stride: pixels per cell.
    Returns:
        (h, w, C), a view of `features`.
    """
    x1, y1, x2, y2 = quantize_rois(np.asarray(roi)[None], stride, *features.shape[:2])[0]
    return features[y1:y2, x1:x2]


def pooling_bins(length: int, n: int) -> np.ndarray:
    """Divide a side of `length` cells into n bins.

    The start of a bin is rounded down and its end up. So no bin is empty, and neighboring bins may
    share a cell.

    Args:
        length: number of cells.
        n: number of bins.
    Returns:
        int64 (n, 2) start and end (exclusive) of each bin.
    Source: He et al., "Spatial Pyramid Pooling", ECCV 2014, long version, "Implementation of
        Pooling Bins".

    >>> pooling_bins(5, 3).tolist(), pooling_bins(2, 3).tolist()
    ([[0, 2], [1, 4], [3, 5]], [[0, 1], [0, 2], [1, 2]])
    """
    k = np.arange(n)
    start = k * length // n
    end = ((k + 1) * length + n - 1) // n  # whole-number division, rounded up
    return np.stack([start, end], axis=1)


def max_pool_bins(cells: np.ndarray, n: int) -> np.ndarray:
    """Maximum of each of n × n bins, in each channel: (h, w, C) -> (n, n, C)."""
    height, width = cells.shape[:2]
    rows = [cells[start:end].max(axis=0) for start, end in pooling_bins(height, n)]
    pooled_rows = np.stack(rows)
    columns = [pooled_rows[:, start:end].max(axis=1) for start, end in pooling_bins(width, n)]
    return np.stack(columns, axis=1)


def pyramid_pool(cells: np.ndarray, levels: Sequence[int] = (1, 2, 4)) -> np.ndarray:
    """Spatial pyramid pooling (SPP): a vector of fixed length from a feature map of any size.

    Args:
        cells: (h, w, C).
        levels: n of the n × n bins of each level. SPP-net's detector has 1, 2, 3 and 6: 50 bins.
    Returns:
        (C · Σ n²,) the maxima of the bins, level by level, row by row.
    Source: He et al., "Spatial Pyramid Pooling", ECCV 2014, section 2.2.

    >>> pyramid_pool(np.arange(12).reshape(3, 4, 1), (1, 2)).tolist()
    [11, 5, 7, 9, 11]
    """
    return np.concatenate([max_pool_bins(cells, n).ravel() for n in levels])


def roi_max_pool(features: np.ndarray, roi: np.ndarray, stride: float, size: int = 7) -> np.ndarray:
    """RoI pooling: spatial pyramid pooling with a single level.

    The RoI is rounded to whole cells, and its bins are rounded once more. While the RoI moves by
    less than a cell, its values stay the same; then they jump.

    Args:
        features: (H, W, C).
        roi: (4,) x1, y1, x2, y2 in pixels.
        stride: pixels per cell.
        size: bins per side.
    Returns:
        (size, size, C).
    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.1.

    >>> roi_max_pool(np.arange(16).reshape(4, 4, 1), np.array([20, 0, 60, 30]), 16, 2)[:, :, 0]
    array([[2, 3],
           [6, 7]])
    """
    return max_pool_bins(crop_features(features, roi, stride), size)


def bilinear_interpolate(features: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Values of a feature map between its cells, on a grid of rows and columns.

    Args:
        features: (H, W, C); cell k is at coordinate k.
        y: (n,) rows, in cells.
        x: (m,) columns, in cells. Coordinates outside the map take the value at its edge.
    Returns:
        float64 (n, m, C).

    >>> features = np.array([[[0], [10]], [[20], [30]]])
    >>> bilinear_interpolate(features, np.array([0.5]), np.array([0, 0.25, 9]))[0, :, 0]
    array([10. , 12.5, 20. ])
    """
    height, width = features.shape[:2]
    y = np.clip(y, 0, height - 1)
    x = np.clip(x, 0, width - 1)
    top = np.floor(y).astype(int)
    left = np.floor(x).astype(int)
    bottom = np.minimum(top + 1, height - 1)
    right = np.minimum(left + 1, width - 1)
    weight_bottom = (y - top)[:, None, None]
    weight_right = (x - left)[:, None]
    rows = features[top] * (1 - weight_bottom) + features[bottom] * weight_bottom
    return rows[:, left] * (1 - weight_right) + rows[:, right] * weight_right


def roi_align(
    features: np.ndarray, roi: np.ndarray, stride: float, size: int = 7, samples: int = 1
) -> np.ndarray:
    """RoIAlign: RoI pooling without rounding.

    1. The RoI is divided into size × size equal bins, and each bin into samples × samples parts.
    2. At the center of each part the map is interpolated from its four nearest cells.
    3. The value of a bin is the mean of its samples.

    Args:
        features: (H, W, C).
        roi: (4,) x1, y1, x2, y2 in pixels.
        stride: pixels per cell.
        size: bins per side.
        samples: samples per side of a bin; the paper takes 2, Model Garden 1.
    Returns:
        float64 (size, size, C).
    Source: He, Gkioxari, Dollár and Girshick, "Mask R-CNN", ICCV 2017, section 3.

    >>> ramp = np.arange(4.0)[None, :, None] * np.ones((4, 1, 1))
    >>> roi_align(ramp, np.array([16, 16, 32, 48]), 16, 2)[:, :, 0]
    array([[1.25, 1.75],
           [1.25, 1.75]])
    """
    x1, y1, x2, y2 = np.asarray(roi, np.float64) / stride
    centers = (np.arange(size * samples) + 0.5) / (size * samples)
    y = y1 + centers * (y2 - y1)
    x = x1 + centers * (x2 - x1)
    values = bilinear_interpolate(features, y, x)
    return values.reshape(size, samples, size, samples, -1).mean(axis=(1, 3))


def assign_fpn_level(rois: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    """The pyramid level that each RoI is pooled from: large RoIs from coarse levels.

    An RoI of 224 × 224 pixels, the size of ImageNet's training images, is pooled from level 4, one
    with half the side from level 3. An empty RoI is pooled from the lowest level.

    Args:
        rois: (N, 4) x1, y1, x2, y2 in pixels.
        lowest: finest level of the pyramid.
        highest: coarsest level of the pyramid.
    Returns:
        int64 (N,) level.
    Source: Lin et al., "Feature Pyramid Networks", CVPR 2017, section 4.2, equation 1.

    >>> rois = np.array([[0, 0, 224, 224], [0, 0, 111, 111], [0, 0, 56, 224], [0, 0, 900, 900]])
    >>> assign_fpn_level(rois, 2, 5)
    array([4, 2, 3, 5])
    """
    side = np.sqrt(np.maximum(box_area(rois), 1e-12))  # above 0: the logarithm must be finite
    level = np.floor(4 + np.log2(side / 224))
    return np.clip(level, lowest, highest).astype(np.int64)


def assign_image_scale(rois: np.ndarray, scales: Sequence[float], side: int = 224) -> np.ndarray:
    """The feature map to pool each RoI from, of maps of one image at several scales.

    It is the one on which the RoI's area is closest to side², so that the network gets the RoI at
    about the size of the objects it was trained on.

    Args:
        rois: (N, 4) x1, y1, x2, y2 in pixels of the image.
        scales: factor by which the image was enlarged for each map.
        side: side of the network's training images, in pixels.
    Returns:
        int64 (N,) index into `scales`.
    Source: He et al., "Spatial Pyramid Pooling", ECCV 2014, section 4.1.

    >>> rois = np.array([[0, 0, 100, 100], [0, 0, 50, 60], [0, 0, 400, 300]])
    >>> assign_image_scale(rois, [1.0, 2.0, 4.0])
    array([1, 2, 0])
    """
    areas = box_area(rois)[:, None] * np.square(scales)
    return np.abs(areas - side**2).argmin(axis=1)


def multilevel_roi_align(
    features: Mapping[int, np.ndarray], rois: np.ndarray, size: int = 7
) -> np.ndarray:
    """RoIAlign on a feature pyramid. Equal to Model Garden's MultilevelROIAligner.

    Args:
        features: (h, w, C) of each level; the stride of level k is 2^k pixels.
        rois: (N, 4) x1, y1, x2, y2 in pixels.
        size: bins per side.
    Returns:
        float64 (N, size, size, C), each RoI pooled from the level of `assign_fpn_level`.
    """
    levels = assign_fpn_level(rois, min(features), max(features))
    return np.stack(
        [roi_align(features[k], roi, 2**k, size) for k, roi in zip(levels, rois, strict=True)]
    )


def shift_error(
    pool: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    features: np.ndarray,
    roi: np.ndarray,
    stride: float,
    shifts: Sequence[float],
) -> np.ndarray:
    """How much the pooled values change where they should not: the cost of rounding an RoI.

    Moving an RoI to the right and down over the image should pool the same values as moving the
    image to the left and up below it. The error is the mean absolute difference of the two.

    Args:
        pool: function of features, roi and stride, such as `roi_align`.
        features: (H, W, C).
        roi: (4,) x1, y1, x2, y2 in pixels, on whole cells.
        stride: pixels per cell.
        shifts: how far to move, in pixels.
    Returns:
        float64 (shifts,) error of each, in standard deviations of the feature map.
    """
    errors = []
    for pixels in shifts:
        cells = pixels / stride
        moved_map = shift(features, (-cells, -cells, 0), order=3, mode="nearest")
        moved_roi = np.asarray(roi) + pixels
        difference = pool(features, moved_roi, stride) - pool(moved_map, roi, stride)
        errors.append(np.abs(difference).mean())
    return np.array(errors) / features.std()
