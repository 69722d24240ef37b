"""Pooling in TensorFlow, for the RoIs of several photos at once, so that gradients go through it.

Equal to `shopee_od.ops.pooling`, which says what is done and why. Of every function: features float (B, H, W, C), one
cell a `stride` pixels; rois float32 (N, 4), in pixels, inside the photo; photos int32 (N,), the photo of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def roi_align(
    features: tf.Tensor, rois: tf.Tensor, photos: tf.Tensor, stride: float, size: int = 7, samples: int = 1
) -> tf.Tensor:
    """-> float32 (N, size, size, C): samples × samples of each bin, between cells, and their mean.

    TensorFlow's crop_and_resize takes samples from edge to edge of a box, so it gets the box of their places; what it
    holds for outside, half a cell beyond the last one, is padded with that one.
    """
    x1, y1, x2, y2 = tf.unstack(rois / stride, axis=1)
    points = size * samples
    across, down = (x2 - x1) / (2 * points), (y2 - y1) / (2 * points)
    places = tf.stack([y1 + down, x1 + across, y2 - down, x2 - across], axis=1)
    padded = tf.pad(features, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC")
    sides = tf.cast(tf.tile(tf.shape(features)[1:3], [2]), tf.float32)
    sampled = tf.image.crop_and_resize(padded, places / sides, photos, [points, points])
    return tf.nn.avg_pool2d(sampled, samples, samples, "VALID")


def roi_max_pool(features: tf.Tensor, rois: tf.Tensor, photos: tf.Tensor, stride: float, size: int = 7) -> tf.Tensor:
    """-> (N, size, size, C): the largest value of each bin of the RoI, rounded to whole cells."""
    return max_in_bins(features, whole_cells(rois, stride, tf.shape(features)), photos, size)


def pyramid_pool(
    features: tf.Tensor, rois: tf.Tensor, photos: tf.Tensor, stride: float, levels: Sequence[int] = (1, 2, 4)
) -> tf.Tensor:
    """-> (N, C · Σ n²): the maxima of n × n bins of each RoI for each n of `levels`, one after another."""
    cells = whole_cells(rois, stride, tf.shape(features))
    return tf.concat(
        [tf.reshape(max_in_bins(features, cells, photos, n), [-1, n * n * features.shape[-1]]) for n in levels], axis=1
    )


def whole_cells(rois: tf.Tensor, stride: float, shape: tf.Tensor) -> tf.Tensor:
    """(N, 4) pixels, the features' shape -> int32 (N, 4) cells, x2 and y2 exclusive: those with their middle in it."""
    cells = tf.cast(tf.floor(rois / stride + 0.5), tf.int32)
    size = tf.reverse(shape[1:3], [0])
    start = tf.clip_by_value(cells[:, :2], 0, size - 1)
    return tf.concat([start, tf.clip_by_value(cells[:, 2:], start + 1, size)], axis=1)


def max_in_bins(features: tf.Tensor, cells: tf.Tensor, photos: tf.Tensor, n: int) -> tf.Tensor:
    """(B, H, W, C), int32 (N, 4) cells -> (N, n, n, C).

    The gradient goes to the cell that gave the maximum; where several did, in equal parts. Girshick, "Fast R-CNN",
    ICCV 2015, section 2.3, equation 4.
    """
    batch, height, width, channels = tf.unstack(tf.shape(features))
    rows, columns = members(cells[:, 1], cells[:, 3], n), members(cells[:, 0], cells[:, 2], n)
    rows += (photos * height)[:, None, None]
    index = rows[:, :, None, :, None] * width + columns[:, None, :, None, :]  # (N, n, n, M, M)
    flat = tf.reshape(features, [batch * height * width, channels])
    return tf.reduce_max(tf.gather(flat, index), axis=[3, 4])


def members(start: tf.Tensor, end: tf.Tensor, n: int) -> tf.Tensor:
    """int32 (N,), (N,) -> int32 (N, n, M): the cells of each of n bins; short bins name their last one again."""
    k, length = tf.range(n), (end - start)[:, None]
    first = start[:, None] + k * length // n
    last = start[:, None] - (-(k + 1) * length // n) - 1
    most = tf.reduce_max(length) // n + 2
    return tf.minimum(first[..., None] + tf.range(most), last[..., None])
