"""Fast R-CNN's features: one map of the whole image, RoIAlign of each region, all trainable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.backbones import efficientnet_lite0, freeze, normalize_images
from shopee_od.config import setting
from shopee_od.detectors.features.batch_padding import compute_masked_maps
from shopee_od.detectors.features.roi_align_layer import roi_align
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.ops.batching import round_size
from shopee_od.ops.pyramid import resize_image
from shopee_od.structures import MapStage


@dataclass(frozen=True)
class RoIAlignConfig:
    """The map and what is pooled from it.

    Args:
        longest: pixels of an image's longer side, in training and in detection.
        levels: of the backbone, at strides of 16 and 32; regions are pooled from both.
        size: cells per side of a pooled region.
        frozen_level: the backbone's levels up to it stay as ImageNet left them.
    """

    longest: int = 320
    levels: tuple[int, ...] = setting((4, 5), choices=(2, 3, 4, 5))
    size: int = 7
    frozen_level: int = setting(3, choices=(0, 2, 3, 4, 5))


class RoIAlignMap:
    """A feature extractor: one CNN pass per image, RoIAlign for each region.

    Args:
        config: the map and what is pooled from it.
        max_regions: per image; TensorFlow compiles one network for a fixed number of them.
    """

    def __init__(self, config: RoIAlignConfig = RoIAlignConfig(), max_regions: int = 300) -> None:
        self.config = config
        self.max_regions = max_regions
        whole = efficientnet_lite0()
        outputs = [whole.output[str(level)] for level in config.levels]
        self.backbone = tf_keras.Model(whole.inputs, outputs)
        freeze(self.backbone, config.frozen_level)
        for part in self.backbone.submodules:
            if isinstance(part, tf_keras.layers.BatchNormalization):
                part.trainable = False
        self.width = sum(output.shape[-1] for output in self.backbone.outputs)
        image = tf.TensorSpec([1, None, None, 3], tf.uint8)
        rois = tf.TensorSpec([max_regions, 4], tf.float32)
        self._run = tf.function(self._extract, input_signature=[image, rois])

    @property
    def variables(self) -> list[tf.Variable]:
        """Those that training changes."""
        return self.backbone.trainable_variables

    def resize(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (h, w, 3) for the backbone, its sides multiples of 32."""
        height, width = image.shape[:2]
        return resize_image(image, round_size(height, width, self.config.longest))

    def compute_maps(self, images: tf.Tensor, sizes: tf.Tensor | None = None) -> list[tf.Tensor]:
        """The map of each level.

        Args:
            images: normalized (B, H, W, 3).
            sizes: int32 (B, 2), heights and widths, where the images are padded.
        """
        if sizes is None:
            return self.backbone(images, training=False)
        return compute_masked_maps(self.backbone, images, sizes)

    def pool(self, maps: Sequence[tf.Tensor], rois: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """Pools regions from every level.

        Args:
            maps: as `compute_maps` returns them.
            rois: float32 (N, 4) in pixels.
            images: int32 (N,), the image of each.
        Returns:
            (N, size, size, width), the levels' channels concatenated.
        """
        size = self.config.size
        parts = [
            roi_align(features, rois, images, 2**level, size)
            for features, level in zip(maps, self.config.levels, strict=True)
        ]
        return tf.concat(parts, axis=-1)

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and N regions, at most `max_regions` -> tensor (N, 7, 7, width)."""
        if len(proposals) > self.max_regions:
            raise ValueError(f"{len(proposals)} regions; this network takes {self.max_regions}")
        resized = self.resize(image)
        height, width = image.shape[:2]
        scale = np.tile([resized.shape[1] / width, resized.shape[0] / height], 2)
        rois = np.zeros((self.max_regions, 4), np.float32)
        rois[: len(proposals)] = proposals.boxes * scale
        pooled, strength = self._run(resized[None], rois)
        levels = self.config.levels
        stage = MapStage(
            name="features",
            description="One map of the whole image per level: the mean strength of its features.",
            maps={f"level {k}": m.numpy() for k, m in zip(levels, strength, strict=True)},
        )
        return RegionFeatures(pooled[: len(proposals)], 1, stage)

    @property
    def num_parameters(self) -> int:
        return self.backbone.count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        """The backbone's weights that training changed."""
        return {f"weights_{k}": variable.numpy() for k, variable in enumerate(self.variables)}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        for k, variable in enumerate(self.variables):
            variable.assign(state[f"weights_{k}"])

    def _extract(self, image: tf.Tensor, rois: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        maps = self.compute_maps(normalize_images(image))
        first = tf.zeros([self.max_regions], tf.int32)
        strength = [tf.reduce_mean(tf.abs(features[0]), axis=-1) for features in maps]
        return self.pool(maps, rois, first), strength
