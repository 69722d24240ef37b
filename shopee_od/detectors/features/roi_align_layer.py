"""Pooling in TensorFlow, for the RoIs of several images at once, so that gradients go through it.

Equal to `shopee_od.ops.pooling`, which explains each step. In every function:

    features: float (B, H, W, C), one cell per `stride` pixels
    rois:     float32 (N, 4) in pixels, inside the image
    images:   int32 (N,), the image of each RoI
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def roi_align(
    features: tf.Tensor,
    rois: tf.Tensor,
    images: tf.Tensor,
    stride: float,
    size: int = 7,
    samples: int = 1,
) -> tf.Tensor:
    """RoIAlign: the mean of samples × samples values of each bin, interpolated between cells.

    TensorFlow's crop_and_resize samples from edge to edge of a box, so it is given the box of the
    sampling points; half a cell beyond the last one counts as outside, so that one is repeated.

    Args:
        features, rois, images, stride: as above.
        size: bins per side.
        samples: per side of a bin.
    Returns:
        float32 (N, size, size, C).
    """
    x1, y1, x2, y2 = tf.unstack(rois / stride, axis=1)
    points = size * samples
    half_x = (x2 - x1) / (2 * points)
    half_y = (y2 - y1) / (2 * points)
    corners = tf.stack([y1 + half_y, x1 + half_x, y2 - half_y, x2 - half_x], axis=1)
    padded = tf.pad(features, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC")
    sides = tf.cast(tf.tile(tf.shape(features)[1:3], [2]), tf.float32)
    sampled = tf.image.crop_and_resize(padded, corners / sides, images, [points, points])
    return tf.nn.avg_pool2d(sampled, samples, samples, "VALID")


def roi_max_pool(
    features: tf.Tensor, rois: tf.Tensor, images: tf.Tensor, stride: float, size: int = 7
) -> tf.Tensor:
    """RoI pooling: the largest value of each bin of the RoI, rounded to whole cells.

    Returns:
        (N, size, size, C).
    """
    return max_in_bins(features, quantize_rois(rois, stride, tf.shape(features)), images, size)


def pyramid_pool(
    features: tf.Tensor,
    rois: tf.Tensor,
    images: tf.Tensor,
    stride: float,
    levels: Sequence[int] = (1, 2, 4),
) -> tf.Tensor:
    """Spatial pyramid pooling: the maxima of n × n bins of each RoI for each n of `levels`.

    Returns:
        (N, C · Σ n²), level after level.
    """
    cells = quantize_rois(rois, stride, tf.shape(features))
    channels = features.shape[-1]
    parts = []
    for n in levels:
        pooled = max_in_bins(features, cells, images, n)
        parts.append(tf.reshape(pooled, [-1, n * n * channels]))
    return tf.concat(parts, axis=1)


def quantize_rois(rois: tf.Tensor, stride: float, shape: tf.Tensor) -> tf.Tensor:
    """The cells whose center is in each RoI; at least one.

    Args:
        rois: (N, 4) in pixels.
        stride: pixels per cell.
        shape: of the features.
    Returns:
        int32 (N, 4) in cells, x2 and y2 exclusive.
    """
    cells = tf.cast(tf.floor(rois / stride + 0.5), tf.int32)
    size = tf.reverse(shape[1:3], [0])
    start = tf.clip_by_value(cells[:, :2], 0, size - 1)
    return tf.concat([start, tf.clip_by_value(cells[:, 2:], start + 1, size)], axis=1)


def max_in_bins(features: tf.Tensor, cells: tf.Tensor, images: tf.Tensor, n: int) -> tf.Tensor:
    """The largest value of each of n × n bins.

    The gradient goes to the cell that gave the maximum; where several did, in equal parts.

    Args:
        features: (B, H, W, C).
        cells: int32 (N, 4), the RoIs in whole cells.
        images: int32 (N,).
        n: bins per side.
    Returns:
        (N, n, n, C).
    Source:
        Girshick, "Fast R-CNN", ICCV 2015, section 2.3, equation 4.
    """
    batch, height, width, channels = tf.unstack(tf.shape(features))
    rows = bin_members(cells[:, 1], cells[:, 3], n)
    columns = bin_members(cells[:, 0], cells[:, 2], n)
    rows += (images * height)[:, None, None]
    index = rows[:, :, None, :, None] * width + columns[:, None, :, None, :]  # (N, n, n, M, M)
    flat = tf.reshape(features, [batch * height * width, channels])
    return tf.reduce_max(tf.gather(flat, index), axis=[3, 4])


def bin_members(start: tf.Tensor, end: tf.Tensor, n: int) -> tf.Tensor:
    """The cells of each of n bins between start and end.

    Args:
        start: int32 (N,).
        end: int32 (N,), exclusive.
        n: bins.
    Returns:
        int32 (N, n, M); short bins repeat their last cell.
    """
    k = tf.range(n)
    length = (end - start)[:, None]
    first = start[:, None] + k * length // n
    last = start[:, None] - (-(k + 1) * length // n) - 1
    longest = tf.reduce_max(length) // n + 2
    return tf.minimum(first[..., None] + tf.range(longest), last[..., None])
