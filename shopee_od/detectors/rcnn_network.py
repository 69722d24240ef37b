"""R-CNN's network: the ImageNet-pretrained EfficientNet-Lite0, once over each crop."""

from __future__ import annotations

import numpy as np

from shopee_od.detectors.crops import warped
from shopee_od.detectors.kept import key_of
from shopee_od.detectors.svm_training import Seen
from shopee_od.types import Stage

SIDE = 96  # pixels of a crop
LEVEL = "5"  # of the network: its last block, 3 x 3 cells of 320 channels; where in the crop still matters, for boxes
BATCH = 32  # of 300 crops: on two cores a quarter faster than 64, whose maps outgrow the caches


class CropCNN:
    """uint8 (N, 96, 96, 3) -> float32 (N, 2880): the last map before the layers that name ImageNet's classes, flat.

    The paper takes its pool5 for box regression and a later layer for the SVMs; here one serves both. On validation
    photos it does better than the head's 1280 channels, averaged: AP50 0.80 against 0.66 on ShopSim.

    width: 2880; key: another one where features would be others.
    """

    def __init__(self, weights: list[np.ndarray] | None = None):
        """weights: of the network after fine-tuning; ImageNet's without."""
        import tensorflow as tf

        from shopee_od.garden.backbones import lite0

        self.model = lite0((SIDE, SIDE))
        if weights is not None:
            self.model.set_weights(weights)
        self.width = int(np.prod(self.model.output[LEVEL].shape[1:]))
        self._run = tf.function(self.features, [tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8)])
        self.changed()
        self(np.zeros((1, SIDE, SIDE, 3), np.uint8))  # TensorFlow sets the network up now, outside of any clock

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        parts = [self._run(crops[k : k + BATCH]).numpy() for k in range(0, len(crops), BATCH)]
        return np.concatenate([np.zeros((0, self.width), np.float32), *parts])

    def features(self, crops):
        """The same as tensors; batch norms as they were learnt."""
        import tensorflow as tf

        from shopee_od.garden.backbones import normalised

        maps = self.model(normalised(crops), training=False)
        return tf.reshape(maps[LEVEL], [-1, self.width])

    def see(self, image: np.ndarray, boxes: np.ndarray) -> Seen:
        """uint8 (H, W, 3), (N, 4) in its pixels -> features float32 (N, 2880), in one pass for each."""
        crops = warped(image, boxes, SIDE)
        stage = Stage("crops", "Each with context, warped; the CNN sees them one by one.", {"crops": crops})
        return Seen(self(crops), len(crops), stage)

    def training_features(self, image: np.ndarray, corners: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """A photo, its own boxes (M, 4), N proposals -> float32 (2M + N, D), as their `training_crops`."""
        return self(training_crops(image, corners, boxes))

    @property
    def weights(self) -> list[np.ndarray]:
        """All of them, as `CropCNN` takes them."""
        return self.model.get_weights()

    def changed(self) -> None:
        """To be called when the weights have changed: features that were kept are then no longer those."""
        self.key = key_of(SIDE, LEVEL, *self.weights)


def training_crops(image: np.ndarray, corners: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """uint8 (2M + N, side, side, 3): a photo's own boxes (M, 4), these mirrored, and N proposals."""
    crops = warped(image, np.concatenate([corners, boxes]), SIDE)
    own = crops[: len(corners)]
    return np.concatenate([own, own[:, :, ::-1], crops[len(corners) :]])
