"""Fast R-CNN's network: one feature map of the whole photo, RoIAlign, and dense layers with two ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.detectors.proposals import MOST
from shopee_od.garden.backbones import freeze, lite0, normalised
from shopee_od.garden.masked import masked_maps
from shopee_od.ops.tf_pooling import roi_align
from shopee_od.profiles import LAPTOP

LEVELS = (4, 5)  # of the backbone, at strides of 16 and 32; RoIs are pooled from both
POOLED = 7  # cells a side of a pooled RoI
CHANNELS, UNITS = 128, 256  # of a pooled cell, once they are mixed; and of each of two dense layers
FROZEN = 3  # levels that stay as ImageNet left them


class Network:
    """The backbone up to LEVELS, what follows pooling, and how deltas are normalised.

    backbone: a tf_keras.Model; variables: those that training changes; mean, std: float32 (4,), of the deltas.
    """

    def __init__(self, classes: int, mean: np.ndarray | None = None, std: np.ndarray | None = None):
        """ImageNet's backbone with new dense layers. classes: without background."""
        whole = lite0()
        self.backbone = tf_keras.Model(whole.inputs, [whole.output[str(level)] for level in LEVELS])
        freeze(self.backbone, LAPTOP.with_(frozen_level=FROZEN))
        for part in self.backbone.submodules:
            if isinstance(part, tf_keras.layers.BatchNormalization):
                part.trainable = False
        self.width = sum(each.shape[-1] for each in self.backbone.outputs)
        self.count = classes
        self.mean = np.zeros(4, np.float32) if mean is None else mean
        self.std = np.ones(4, np.float32) if std is None else std
        self.head = head(classes, self.width)
        self.variables = [*self.backbone.trainable_variables, *self.head.trainable_variables]
        inputs = [tf.TensorSpec([1, None, None, 3], tf.uint8), tf.TensorSpec([MOST, 4], tf.float32)]
        self._run = tf.function(self._scored, inputs)

    def __call__(self, photo: np.ndarray, rois: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (h, w, 3), up to 300 RoIs (N, 4) in its pixels -> float32 (N, classes + 1) probabilities, 0 background;
        deltas (N, classes, 4), normalisation undone.
        """
        filled = np.zeros((MOST, 4), np.float32)  # TensorFlow sets up one network, for a fixed number of them
        filled[: len(rois)] = rois
        scores, deltas = (each.numpy()[: len(rois)] for each in self._run(photo[None], filled))
        return scores, deltas * self.std + self.mean

    def maps(self, photos: tf.Tensor, sizes: tf.Tensor | None = None) -> list[tf.Tensor]:
        """(B, H, W, 3), `normalised` -> the map of each of LEVELS; sizes (B, 2) where photos are padded."""
        return self.backbone(photos, training=False) if sizes is None else masked_maps(self.backbone, photos, sizes)

    def pooled(self, maps: Sequence[tf.Tensor], rois: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
        """RoIs (N, 4) in pixels, the photo of each (N,) -> (N, 7, 7, C): each level's RoIAlign, side by side."""
        strides = [2**level for level in LEVELS]
        parts = [roi_align(each, rois, photos, stride, POOLED) for each, stride in zip(maps, strides, strict=True)]
        return tf.concat(parts, axis=-1)

    def heads(self, pooled: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """(N, 7, 7, C) -> logits (N, classes + 1), 0 background; normalised deltas (N, classes, 4), a box a class."""
        logits, deltas = self.head(pooled, training=training)
        return logits, tf.reshape(deltas, [-1, self.count, 4])

    def _scored(self, photo: tf.Tensor, rois: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first = tf.zeros([MOST], tf.int32)
        logits, deltas = self.heads(self.pooled(self.maps(normalised(photo)), rois, first))
        return tf.nn.softmax(logits), deltas


def head(classes: int, width: int) -> tf_keras.Model:
    """(N, 7, 7, width) -> logits (N, classes + 1), deltas (N, 4 · classes).

    Cells are normalised and their channels mixed to fewer, or the first dense layer would have millions of weights more
    than there are RoIs to learn them from. The two ends start with small weights, of standard deviation 0.01 and 0.001:
    section 2.3.
    """
    layers, small = tf_keras.layers, tf_keras.initializers.RandomNormal
    pooled = x = layers.Input([POOLED, POOLED, width])
    x = layers.Conv2D(CHANNELS, 1, activation="relu", kernel_initializer="he_normal")(layers.LayerNormalization()(x))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(UNITS, "relu", kernel_initializer="he_normal")(x)
    logits = layers.Dense(classes + 1, kernel_initializer=small(stddev=0.01))(x)
    deltas = layers.Dense(4 * classes, kernel_initializer=small(stddev=0.001))(x)
    return tf_keras.Model(pooled, [logits, deltas])
