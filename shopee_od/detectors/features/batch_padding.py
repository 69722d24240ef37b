"""EfficientNet-Lite0 over padded images: the padding must not leak into the image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras


def compute_masked_maps(
    model: tf_keras.Model, images: tf.Tensor, sizes: tf.Tensor
) -> list[tf.Tensor]:
    """The model's maps of padded images, equal to those of each image alone.

    1. A convolution of more than one cell reads beyond the image's edge, where an image alone has
       zeros. A padded one has there what the layers before made of the padding: it is set to zero
       before each such convolution.
    2. Beyond the image its last cells are repeated, so that sampling near its edge reads the same
       values as in an image alone.

    Args:
        model: `efficientnet_lite0`, or the part of it up to some level.
        images: normalized (B, H, W, 3), zeros beyond each; H and W multiples of 32, so that all
            strides divide them.
        sizes: int32 (B, 2), height and width of each image.
    """
    maps = {}
    x = images
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.Conv2D):
            x = layer(mask_padding(x, sizes, images))
        elif type(layer).__name__ == "InvertedBottleneckBlock":
            x = _run_block(layer, x, sizes, images)
        elif not isinstance(layer, tf_keras.layers.InputLayer):
            x = layer(x)
        if layer.name in model.output_names:
            maps[layer.name] = x
    return [repeat_edges(maps[name], sizes, images) for name in model.output_names]


def count_cells(x: tf.Tensor, sizes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """int32 (B, 2): how many rows and columns of a map show each image, whole or in part."""
    stride = tf.shape(images)[1] // tf.shape(x)[1]
    return -(-sizes // stride)


def mask_padding(x: tf.Tensor, sizes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """A map (B, h, w, C) -> the same, zero beyond each image."""
    cells = count_cells(x, sizes, images)
    rows = tf.sequence_mask(cells[:, 0], tf.shape(x)[1], x.dtype)
    columns = tf.sequence_mask(cells[:, 1], tf.shape(x)[2], x.dtype)
    return x * rows[:, :, None, None] * columns[:, None, :, None]


def repeat_edges(x: tf.Tensor, sizes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """A map (B, h, w, C) -> the same, with each image's last row and column repeated beyond it."""
    last = count_cells(x, sizes, images) - 1
    for axis in (0, 1):
        nearest = tf.minimum(tf.range(tf.shape(x)[axis + 1])[None], last[:, axis, None])
        x = tf.gather(x, nearest, axis=axis + 1, batch_dims=1)
    return x


def _run_block(block: Any, x: tf.Tensor, sizes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """An inverted bottleneck block, its depthwise convolution masked.

    Model Garden has no public names for the parts of a block.
    """
    before = x
    activation = block._activation_layer
    if block._expand_ratio > 1:
        x = activation(block._norm0(block._conv0(x), training=False))
    masked = mask_padding(x, sizes, images)
    x = activation(block._norm1(block._conv1(masked), training=False))
    x = block._norm2(block._conv2(x), training=False)
    has_shortcut = x.shape[-1] == before.shape[-1] and block._strides == 1
    return x + before if has_shortcut else x
