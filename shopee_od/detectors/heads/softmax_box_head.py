"""The head of Fast R-CNN: dense layers with two outputs, class scores and a box per class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.detectors.slots import (
    Proposals,
    RegionFeatures,
    ScoredProposals,
    assign_variables,
    read_variables,
)


@dataclass(frozen=True)
class BoxHeadConfig:
    """The layers of the head.

    Args:
        channels: of a pooled cell, once they are mixed.
        units: of each of two dense layers.
    """

    channels: int = 128
    units: int = 256


class SoftmaxBoxHead:
    """Pooled regions -> softmax over classes and background, and deltas for each class.

    Args:
        classes: without background.
        size: cells per side of a pooled region.
        width: channels of a pooled cell.
        config: the layers.
    """

    def __init__(
        self, classes: int, size: int, width: int, config: BoxHeadConfig = BoxHeadConfig()
    ) -> None:
        self.classes = classes
        self.model = build_box_head(classes, size, width, config)
        self.mean = np.zeros(4, np.float32)
        self.std = np.ones(4, np.float32)
        pooled = tf.TensorSpec([None, size, size, width], tf.float32)
        self._run = tf.function(self._predict, input_signature=[pooled])

    @property
    def variables(self) -> list[tf.Variable]:
        """Those that training changes."""
        return self.model.trainable_variables

    def compute(self, pooled: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """(N, 7, 7, width) -> logits (N, classes + 1), 0 background; normalized deltas
        (N, classes, 4).
        """
        logits, deltas = self.model(pooled, training=training)
        return logits, tf.reshape(deltas, [-1, self.classes, 4])

    def predict(self, features: RegionFeatures, proposals: Proposals) -> ScoredProposals:
        """Pooled regions (N, 7, 7, width) -> scores and deltas for each class."""
        probabilities, deltas = (part.numpy() for part in self._run(features.values))
        return ScoredProposals(probabilities[:, 1:], deltas * self.std + self.mean)

    @property
    def num_parameters(self) -> int:
        return self.model.count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        return read_variables(self.variables) | {"mean": self.mean, "std": self.std}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        assign_variables(self.variables, state)
        self.mean = state["mean"]
        self.std = state["std"]

    def _predict(self, pooled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, deltas = self.compute(pooled)
        return tf.nn.softmax(logits), deltas


def build_box_head(classes: int, size: int, width: int, config: BoxHeadConfig) -> tf_keras.Model:
    """The network of the head.

    Cells are normalized and their channels mixed to fewer, or the first dense layer would have
    millions of weights more than there are regions to train them on. The two outputs start with
    small weights, of standard deviation 0.01 and 0.001.

    Args:
        classes: without background.
        size: cells per side of a pooled region.
        width: channels of a cell.
        config: the layers.
    Returns:
        (N, size, size, width) -> logits (N, classes + 1), deltas (N, 4 · classes).
    Source:
        Girshick, "Fast R-CNN", ICCV 2015, section 2.3.
    """
    layers = tf_keras.layers
    he = "he_normal"
    pooled = layers.Input([size, size, width])
    x = layers.LayerNormalization()(pooled)
    x = layers.Conv2D(config.channels, 1, activation="relu", kernel_initializer=he)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(config.units, "relu", kernel_initializer=he)(x)
    normal = tf_keras.initializers.RandomNormal
    logits = layers.Dense(classes + 1, kernel_initializer=normal(stddev=0.01))(x)
    deltas = layers.Dense(4 * classes, kernel_initializer=normal(stddev=0.001))(x)
    return tf_keras.Model(pooled, [logits, deltas])
