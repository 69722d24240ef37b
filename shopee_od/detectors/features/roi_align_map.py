"""Fast R-CNN's features: one map of the whole image, RoIAlign of each region, all trainable.

SVMs can be trained on them too, as on SPP-net's: then the backbone is the one of ImageNet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.backbones import efficientnet_lite0, freeze, normalize_images
from shopee_od.cache import make_key
from shopee_od.config import setting
from shopee_od.detectors.features.batch_padding import compute_masked_maps
from shopee_od.detectors.features.roi_align_layer import roi_align
from shopee_od.detectors.slots import (
    ImageMaps,
    Proposals,
    RegionFeatures,
    assign_variables,
    read_variables,
)
from shopee_od.ops.batching import round_size
from shopee_od.ops.boxes import mirror_boxes
from shopee_od.ops.pyramid import resize_image
from shopee_od.structures import MapStage


@dataclass(frozen=True)
class RoIAlignConfig:
    """The map and what is pooled from it.

    Args:
        longest: pixels of an image's longer side, in training and in detection.
        levels: of the backbone, at strides of 16 and 32; regions are pooled from both.
        size: cells per side of a pooled region.
        samples: per side of a cell, which is their mean.
        frozen_level: the backbone's levels up to it stay as ImageNet left them.
    """

    longest: int = 320
    levels: tuple[int, ...] = setting((4, 5), choices=(2, 3, 4, 5))
    size: int = 7
    samples: int = 1
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
        maps = [tf.TensorSpec(output.shape, tf.float32) for output in self.backbone.outputs]
        rois = tf.TensorSpec([max_regions, 4], tf.float32)
        self._run_backbone = tf.function(self._map_batch, input_signature=[image])
        self._run_pooling = tf.function(self._pool_image, input_signature=[maps, rois])

    @property
    def flat_width(self) -> int:
        """D: how many numbers describe a region, in all its cells."""
        return self.config.size**2 * self.width

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
            return tf.nest.flatten(self.backbone(images, training=False))
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
        size, samples = self.config.size, self.config.samples
        parts = [
            roi_align(features, rois, images, 2**level, size, samples)
            for features, level in zip(maps, self.config.levels, strict=True)
        ]
        return tf.concat(parts, axis=-1)

    def map_image(self, image: np.ndarray) -> ImageMaps:
        """uint8 (H, W, 3) -> the map of each level: one pass of the CNN."""
        start = time.perf_counter()
        resized = self.resize(image)
        levels = self._run_backbone(resized[None])
        seconds = time.perf_counter() - start
        return ImageMaps(levels, resized.shape[:2], image.shape[:2], seconds)

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and N regions, at most `max_regions` -> tensor (N, 7, 7, width).

        Where the proposer has computed the maps of the image, they are pooled from.
        """
        if len(proposals) > self.max_regions:
            raise ValueError(f"{len(proposals)} regions; this network takes {self.max_regions}")
        maps = proposals.maps or self.map_image(image)
        rois = np.zeros((self.max_regions, 4), np.float32)
        rois[: len(proposals)] = proposals.boxes * maps.scale
        pooled = self._run_pooling(maps.levels, rois)
        pairs = zip(self.config.levels, maps.levels, strict=True)
        stage = MapStage(
            name="features",
            description="One map of the whole image per level: the mean strength of its features.",
            maps={f"level {k}": np.abs(cells[0]).mean(axis=-1) for k, cells in pairs},
        )
        return RegionFeatures(pooled[: len(proposals)], int(proposals.maps is None), stage)

    def extract_training(
        self, image: np.ndarray, gt_boxes: np.ndarray, boxes: np.ndarray
    ) -> np.ndarray:
        """An image, its M boxes, N proposals -> float32 (2M + N, D): boxes, mirrored, proposals."""
        maps = self.map_image(image)
        mirrored = self.map_image(image[:, ::-1])
        parts = (
            Proposals(gt_boxes, maps=maps),
            Proposals(mirror_boxes(gt_boxes, image.shape[1]), maps=mirrored),
            Proposals(boxes, maps=maps),
        )
        features = [self.extract(image, part) for part in parts]
        return np.concatenate([f.values for f in features]).reshape(-1, self.flat_width)

    @property
    def key(self) -> str:
        """Different where the features would be different."""
        return make_key(self.config, *self.backbone.get_weights())

    @property
    def num_parameters(self) -> int:
        return self.backbone.count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        """The backbone's weights that training changed."""
        return read_variables(self.variables)

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        assign_variables(self.variables, state)

    def _map_batch(self, images: tf.Tensor) -> list[tf.Tensor]:
        return self.compute_maps(normalize_images(images))

    def _pool_image(self, maps: Sequence[tf.Tensor], rois: tf.Tensor) -> tf.Tensor:
        return self.pool(maps, rois, tf.zeros([self.max_regions], tf.int32))


@cache
def shared_roi_align_map(config: RoIAlignConfig, max_regions: int) -> RoIAlignMap:
    """The one of this process, for detectors that do not train it: it takes seconds to build."""
    return RoIAlignMap(config, max_regions)
