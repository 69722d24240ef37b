"""EfficientNet-Lite0 over padded photos: what stands beyond a photo is kept from leaking into it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras


def masked_maps(model: tf_keras.Model, photos: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
    """Photos (B, H, W, 3), normalised, zeros beyond each; sizes int32 (B, 2), height and width -> the model's maps.

    `model` is `lite0`, or the part of it up to some level. H and W are multiples of 32, so that strides fall alike.

    1. A convolution of more than one cell looks beyond the photo's edge, where a photo alone has zeros. There a padded
       one has what the layers before have made of the padding: it is set to zero before each such convolution.
    2. Beyond the photo its last cells are repeated: as for a photo alone, sampling near its edge meets them.
    """
    maps, x = {}, photos
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.Conv2D):
            x = layer(inside(x, sizes, photos))
        elif type(layer).__name__ == "InvertedBottleneckBlock":
            x = _block(layer, x, sizes, photos)
        elif not isinstance(layer, tf_keras.layers.InputLayer):
            x = layer(x)
        if layer.name in model.output_names:
            maps[layer.name] = x
    return [repeated(maps[name], sizes, photos) for name in model.output_names]


def cells(x: tf.Tensor, sizes: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
    """int32 (B, 2): how many rows and columns of a map show each photo, whole or in part."""
    stride = tf.shape(photos)[1] // tf.shape(x)[1]
    return -(-sizes // stride)


def inside(x: tf.Tensor, sizes: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
    """A map (B, h, w, C) -> the same, zero beyond each photo."""
    rows, columns = (tf.sequence_mask(cells(x, sizes, photos)[:, k], tf.shape(x)[k + 1], x.dtype) for k in (0, 1))
    return x * rows[:, :, None, None] * columns[:, None, :, None]


def repeated(x: tf.Tensor, sizes: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
    """A map (B, h, w, C) -> the same, beyond each photo its last row and column over again."""
    last = cells(x, sizes, photos) - 1
    for k in (0, 1):
        nearest = tf.minimum(tf.range(tf.shape(x)[k + 1])[None], last[:, k, None])
        x = tf.gather(x, nearest, axis=k + 1, batch_dims=1)
    return x


def _block(block, x: tf.Tensor, sizes: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
    """An inverted bottleneck block, its wide convolution masked. Model Garden has no public names for its parts."""
    before, activation = x, block._activation_layer
    if block._expand_ratio > 1:
        x = activation(block._norm0(block._conv0(x), training=False))
    x = activation(block._norm1(block._conv1(inside(x, sizes, photos)), training=False))
    x = block._norm2(block._conv2(x), training=False)
    return x + before if x.shape[-1] == before.shape[-1] and block._strides == 1 else x
