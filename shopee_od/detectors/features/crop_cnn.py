"""R-CNN's features: the ImageNet-pretrained EfficientNet-Lite0, once over each warped crop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopee_od import cache
from shopee_od.backbones import efficientnet_lite0, normalize_images
from shopee_od.detectors.features.warped_crops import warp_crops
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.structures import CropStage

LEVEL = "5"
"""The network's last block, at stride 32: where in the crop still matters, for the boxes."""


@dataclass(frozen=True)
class CropConfig:
    """How regions are cropped.

    Args:
        side: pixels of a crop.
        batch_size: crops per call of the network; more outgrow a CPU's caches.
    """

    side: int = 96
    batch_size: int = 32


class CropCNN:
    """A feature extractor: a CNN pass for each region.

    The features are the last block's map, flat. The paper takes pool5 for box regression and a
    later layer for the SVMs; here one serves both.

    Args:
        config: the crops.
    """

    def __init__(self, config: CropConfig = CropConfig()) -> None:
        import tensorflow as tf

        self.config = config
        side = config.side
        self.model = efficientnet_lite0((side, side))
        self.tuned = False
        self.width = int(np.prod(self.model.output[LEVEL].shape[1:]))
        crops = tf.TensorSpec([None, side, side, 3], tf.uint8)
        self._run = tf.function(self.compute, input_signature=[crops])
        # TensorFlow builds the network at the first call, which no clock should count.
        self(np.zeros((1, side, side, 3), np.uint8))

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, side, side, 3) -> float32 (N, width)."""
        size = self.config.batch_size
        parts = [self._run(crops[k : k + size]).numpy() for k in range(0, len(crops), size)]
        return np.concatenate([np.zeros((0, self.width), np.float32), *parts])

    def compute(self, crops):
        """The same as tensors, with gradients; batch norms stay in inference mode."""
        import tensorflow as tf

        maps = self.model(normalize_images(crops), training=False)
        return tf.reshape(maps[LEVEL], [-1, self.width])

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and N regions -> float32 (N, width), one pass for each."""
        crops = warp_crops(image, proposals.boxes, self.config.side)
        description = "Each region with context, warped to a square; the CNN runs on each."
        stage = CropStage(name="features", description=description, crops=crops)
        return RegionFeatures(self(crops), len(crops), stage)

    def extract_training(
        self, image: np.ndarray, gt_boxes: np.ndarray, boxes: np.ndarray
    ) -> np.ndarray:
        """An image, its M boxes, N proposals -> float32 (2M + N, width), as `training_crops`."""
        return self(self.training_crops(image, gt_boxes, boxes))

    def training_crops(
        self, image: np.ndarray, gt_boxes: np.ndarray, boxes: np.ndarray
    ) -> np.ndarray:
        """uint8 (2M + N, side, side, 3): an image's M boxes, these mirrored, and N proposals."""
        crops = warp_crops(image, np.concatenate([gt_boxes, boxes]), self.config.side)
        of_boxes = crops[: len(gt_boxes)]
        return np.concatenate([of_boxes, of_boxes[:, :, ::-1], crops[len(gt_boxes) :]])

    @property
    def key(self) -> str:
        """Different where the features would be different."""
        return cache.make_key(self.config.side, LEVEL, *self.model.get_weights())

    @property
    def num_parameters(self) -> int:
        import tf_keras

        return tf_keras.Model(self.model.inputs, self.model.output[LEVEL]).count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        """The network's weights where training changed them; ImageNet's come with the package."""
        weights = self.model.get_weights() if self.tuned else []
        return {f"weights_{k}": w for k, w in enumerate(weights)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        if state:
            self.model.set_weights([state[f"weights_{k}"] for k in range(len(state))])
            self.tuned = True
