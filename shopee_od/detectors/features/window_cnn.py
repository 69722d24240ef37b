"""A small CNN on windows: on every window by itself, or once over each level, with the same result.

The second is OverFeat's idea: a network without padding is itself a sliding window, whose windows
are as far apart as the product of its strides; what windows share is computed once.

Source: Sermanet et al., "OverFeat", ICLR 2014, section 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from shopee_od.detectors.proposers.sliding_windows import StretchConfig
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.ops.pyramid import resize_image, window_grid
from shopee_od.structures import MapStage

CHANNELS = 128
"""Features of a window."""
WINDOWS_PER_BATCH = 256


def build_network(classes: int) -> Any:
    """The whole network, features and classifier.

    No layer pads, so that a window's scores depend on nothing outside it.

    Args:
        classes: without background.
    Returns:
        A tf_keras.Sequential: normalized (B, 48, 48, 3) -> logits (B, 1, 1, classes + 1), 0 for
        background; a larger image gives a map of them.
    """
    import tf_keras

    layers = tf_keras.layers

    def conv(filters: int, size: int, strides: int = 1) -> list:
        convolution = layers.Conv2D(filters, size, strides, use_bias=False)
        return [convolution, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    return tf_keras.Sequential(
        [
            layers.Input([None, None, 3]),
            *conv(16, 5, strides=2),
            *conv(32, 3),
            layers.MaxPool2D(2),
            *conv(64, 3),
            layers.MaxPool2D(2),
            *conv(CHANNELS, 4),
            layers.SpatialDropout2D(0.3),
            layers.Conv2D(classes + 1, 1),
        ]
    )


def normalize_pixels(image: np.ndarray) -> np.ndarray:
    """0–255, any shape -> float32 around 0."""
    return (np.asarray(image, np.float32) - 127) / 64


def count_multiply_adds(network: Any, height: int, width: int) -> int:
    """How often a network of convolutions multiplies and adds for an input of this size."""
    count = 0
    shape = (1, height, width, 3)
    for layer in network.layers:
        channels = shape[3]
        shape = layer.compute_output_shape(shape)
        if hasattr(layer, "kernel_size"):
            count += math.prod(shape[1:]) * math.prod(layer.kernel_size) * channels
    return count


class WindowFeatures:
    """The feature extractor of the window CNN.

    Args:
        network: as `build_network` makes it; its last layer, the classifier, is the head's.
        config: the windows it is given.
        shared: whether the CNN runs once over each level instead of on every window.
    """

    def __init__(self, network: Any, config: StretchConfig, shared: bool = True) -> None:
        import tensorflow as tf
        import tf_keras

        self.network = network
        self.config = config
        self.shared = shared
        images = tf_keras.layers.Input([None, None, 3])
        self._trunk = tf_keras.Sequential([images, *network.layers[:-1]])
        any_size = tf.TensorSpec([None, None, None, 3], tf.float32)
        # Compiled for images of any size, since TensorFlow is slower without.
        self._run = tf.function(
            lambda images: self._trunk(images, training=False), input_signature=[any_size]
        )

    @property
    def num_parameters(self) -> int:
        return sum(weights.size for weights in self._trunk.get_weights())

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and windows on its levels -> float32 (N, 128)."""
        parts = [np.zeros((0, CHANNELS), np.float32)]
        maps = {}
        for grid in proposals.grids:
            level = normalize_pixels(resize_image(image, grid.size))
            features = self.extract_shared(level) if self.shared else self.extract_each(level)
            maps[f"{grid.size[0]} × {grid.size[1]}"] = features
            parts.append(features.reshape(-1, CHANNELS))
        values = np.concatenate(parts)
        passes = len(proposals.grids) if self.shared else len(values)
        stage = MapStage(
            name="features", description="The CNN's last layer for each window.", maps=maps
        )
        return RegionFeatures(values, passes, stage)

    def extract_shared(self, level: np.ndarray) -> np.ndarray:
        """Normalized (h, w, 3) -> float32 (rows, columns, 128), one pass for all windows."""
        rows, columns = self._count_windows(level)
        return self._run(level[None]).numpy()[0, :rows, :columns]

    def extract_each(self, level: np.ndarray) -> np.ndarray:
        """The same, one pass for each window."""
        side = self.config.side
        height, width = level.shape[:2]
        windows = window_grid(height, width, (side, side), self.config.stride)
        crops = np.stack([level[y1:y2, x1:x2] for x1, y1, x2, y2 in windows])
        parts = [
            self._run(crops[i : i + WINDOWS_PER_BATCH]).numpy()
            for i in range(0, len(crops), WINDOWS_PER_BATCH)
        ]
        return np.concatenate(parts).reshape(*self._count_windows(level), CHANNELS)

    def state_dict(self) -> dict[str, np.ndarray]:
        return {f"weights_{k}": w for k, w in enumerate(self._trunk.get_weights())}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        self._trunk.set_weights([state[f"weights_{k}"] for k in range(len(self._trunk.weights))])

    def _count_windows(self, level: np.ndarray) -> tuple[int, int]:
        side, stride = self.config.side, self.config.stride
        return (level.shape[0] - side) // stride + 1, (level.shape[1] - side) // stride + 1
