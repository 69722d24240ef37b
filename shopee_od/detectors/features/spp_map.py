"""SPP-net's features: one map of the image per scale, spatial pyramid pooling of each region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from shopee_od.backbones import efficientnet_lite0, normalize_images
from shopee_od.cache import make_key
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.ops.boxes import mirror_boxes
from shopee_od.ops.pooling import assign_image_scale, pyramid_pool, quantize_rois
from shopee_od.structures import MapStage

LEVEL = "5"
"""Of the network: its last block's 320 channels, as R-CNN has them."""
STRIDE = 32
"""Pixels per cell of that level."""


@dataclass(frozen=True)
class SPPConfig:
    """Scales and pyramid.

    Args:
        scales: pixels of the image's shorter side; the paper's are 480 to 1200.
        pyramid: bins per side of each pyramid level; the paper's are 1, 2, 3 and 6.
    """

    scales: tuple[int, ...] = (256, 320, 448)
    pyramid: tuple[int, ...] = (1, 3)


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """The network's map of an image at one scale.

    Args:
        cells: float32 (h, w, C), one cell per `STRIDE` pixels of the scaled image.
        size: height and width of the image itself in pixels, which regions are in.
    """

    cells: np.ndarray
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """By how much the image was enlarged, the geometric mean of width and height."""
        return float(np.sqrt(self._factors[:2].prod()))

    @property
    def energy(self) -> np.ndarray:
        """float32 (h, w): the norm of each cell's vector."""
        return np.linalg.norm(self.cells, axis=2)

    def project(self, rois: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the image -> float64 (N, 4) in pixels of the scaled one."""
        return np.asarray(rois, np.float64) * self._factors

    def quantize(self, rois: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the image -> int64 (N, 4): the whole cells each is pooled from."""
        return quantize_rois(self.project(rois), STRIDE, *self.cells.shape[:2])

    def to_image(self, cells: np.ndarray) -> np.ndarray:
        """(N, 4) in cells -> float64 (N, 4) in pixels of the image."""
        return cells * STRIDE / self._factors

    def pool(self, rois: np.ndarray, pyramid: tuple[int, ...]) -> np.ndarray:
        """(N, 4) in pixels of the image -> float32 (N, C · Σ n²): the spatial pyramid of each."""
        windows = self.quantize(rois)
        return np.stack(
            [pyramid_pool(self.cells[y1:y2, x1:x2], pyramid) for x1, y1, x2, y2 in windows]
        )

    @property
    def _factors(self) -> np.ndarray:
        """By how much x1, y1, x2, y2 grow from the image to the scaled one."""
        h, w = self.cells.shape[:2]
        height, width = self.size
        return np.array([w / width, h / height] * 2) * STRIDE


class SPPMap:
    """A feature extractor: one CNN pass per scale, for any number of regions.

    Args:
        config: scales and pyramid.
    """

    def __init__(self, config: SPPConfig = SPPConfig()) -> None:
        import tensorflow as tf

        self.config = config
        self.model = efficientnet_lite0()
        bins = sum(n * n for n in config.pyramid)
        self.width = self.model.output[LEVEL].shape[-1] * bins
        self.key = make_key(config.scales, LEVEL, config.pyramid, *self.model.get_weights())
        images = tf.TensorSpec([None, None, None, 3], tf.uint8)
        self._run = tf.function(self.compute, input_signature=[images])
        # TensorFlow builds the network at the first call, which no clock should count.
        self.compute_maps(np.zeros((64, 64, 3), np.uint8))

    def compute(self, images):
        """uint8 (B, H, W, 3) -> float32 (B, h, w, C) as tensors; batch norms in inference mode."""
        return self.model(normalize_images(images), training=False)[LEVEL]

    def compute_map(self, image: np.ndarray, side: int) -> FeatureMap:
        """uint8 (H, W, 3), pixels of its shorter side -> its map at that scale."""
        cells = self._run(scale_to_cells(image, side)[None]).numpy()[0]
        return FeatureMap(cells, image.shape[:2])

    def compute_maps(self, image: np.ndarray) -> list[FeatureMap]:
        """uint8 (H, W, 3) -> its map at each scale."""
        return [self.compute_map(image, side) for side in self.config.scales]

    def pool(self, maps: list[FeatureMap], rois: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pools each region from the map on which it is nearest to the size the network knows.

        Args:
            maps: of an image, one per scale.
            rois: (N, 4) in pixels of the image.
        Returns:
            float32 (N, width) features, int (N,) the map each was pooled from.
        """
        scales = assign_image_scale(rois, [m.scale for m in maps])
        features = np.zeros((len(rois), self.width), np.float32)
        for k in np.unique(scales):
            features[scales == k] = maps[k].pool(rois[scales == k], self.config.pyramid)
        return features, scales

    def extract(self, image: np.ndarray, proposals: Proposals) -> RegionFeatures:
        """uint8 (H, W, 3) and N regions -> float32 (N, width), one pass for each scale."""
        maps = self.compute_maps(image)
        features, scales = self.pool(maps, proposals.boxes)
        sides = self.config.scales
        stage = MapStage(
            name="features",
            description="A map of the whole image per scale; each region is pooled from one.",
            maps={f"{side} pixels": m.energy for side, m in zip(sides, maps, strict=True)},
            details={"scale": np.array(sides)[scales]},
        )
        return RegionFeatures(features, len(maps), stage)

    def extract_training(
        self, image: np.ndarray, gt_boxes: np.ndarray, boxes: np.ndarray
    ) -> np.ndarray:
        """An image, its M boxes, N proposals -> float32 (2M + N, width): boxes, these mirrored,
        proposals.
        """
        count = len(gt_boxes)
        features, scales = self.pool(self.compute_maps(image), np.concatenate([gt_boxes, boxes]))
        mirrored_boxes = mirror_boxes(gt_boxes, image.shape[1])
        mirrored = np.zeros((count, self.width), np.float32)
        for k in np.unique(scales[:count]):
            chosen = scales[:count] == k
            feature_map = self.compute_map(image[:, ::-1], self.config.scales[k])
            mirrored[chosen] = feature_map.pool(mirrored_boxes[chosen], self.config.pyramid)
        return np.concatenate([features[:count], mirrored, features[count:]])

    @property
    def num_parameters(self) -> int:
        import tf_keras

        return tf_keras.Model(self.model.inputs, self.model.output[LEVEL]).count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Nothing: ImageNet's weights come with the package."""
        return {}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        pass


@cache
def shared_spp_map(config: SPPConfig) -> SPPMap:
    """The one of this process: it takes seconds to build, and training does not change it."""
    return SPPMap(config)


def scale_to_cells(image: np.ndarray, side: float) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (h, w, 3), about `side` pixels on its shorter side.

    Both sides are whole cells, so that the region of the whole image is the whole map.
    """
    factor = side / min(image.shape[:2]) / STRIDE
    height, width = (max(1, round(length * factor)) * STRIDE for length in image.shape[:2])
    size = (width, height)
    scaled = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2)
    return np.asarray(scaled)
