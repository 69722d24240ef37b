"""SPP-net's network: the ImageNet-pretrained EfficientNet-Lite0, once over the whole photo at each of a few scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from shopee_od.detectors.kept import key_of
from shopee_od.detectors.svm_training import Seen
from shopee_od.ops.pooling import nearest_scale, pyramid_pool, whole_cells
from shopee_od.types import Stage

SCALES = (256, 320, 448)  # pixels of the shorter side; the paper's are 480 to 1200
LEVEL = "5"  # of the network: its last block's 320 channels, as R-CNN has them
STRIDE = 32  # pixels a cell of that level
PYRAMID = (1, 3)  # on validation photos of ShopSim AP50 0.78; (1, 2) 0.71, without the middle scale 0.76


@dataclass(frozen=True)
class FeatureMap:
    """What the network makes of a photo at one scale.

    cells: float32 (h, w, C), one a `STRIDE` pixels of the scaled photo
    size:  height and width of the photo itself, in pixels, which RoIs are in
    """

    cells: np.ndarray
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """By how much the photo was enlarged, width and height taken together."""
        return float(np.sqrt(self._by[:2].prod()))

    @property
    def energy(self) -> np.ndarray:
        """float32 (h, w): the length of each cell's vector."""
        return np.linalg.norm(self.cells, axis=2)

    def project(self, rois: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the photo -> float64 (N, 4) in pixels of the scaled one."""
        return np.asarray(rois, np.float64) * self._by

    def windows(self, rois: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the photo -> int64 (N, 4): the whole cells that each is pooled from."""
        return whole_cells(self.project(rois), STRIDE, *self.cells.shape[:2])

    def in_photo(self, cells: np.ndarray) -> np.ndarray:
        """(N, 4) cells -> float64 (N, 4): where they lie in the photo."""
        return cells * STRIDE / self._by

    def pooled(self, rois: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the photo -> float32 (N, D): the spatial pyramid of each."""
        return np.stack([pyramid_pool(self.cells[y1:y2, x1:x2], PYRAMID) for x1, y1, x2, y2 in self.windows(rois)])

    @property
    def _by(self) -> np.ndarray:
        """By how much x1, y1, x2, y2 grow from the photo to the scaled one."""
        (h, w), (height, width) = self.cells.shape[:2], self.size
        return np.array([w / width, h / height] * 2) * STRIDE


class MapCNN:
    """Photos of any size -> their maps, and of RoIs on them the features; no weight is changed.

    width: of a region's features; key: another one where features would be others.
    """

    def __init__(self):
        import tensorflow as tf

        from shopee_od.garden.backbones import lite0

        self.model = lite0()
        self.width = self.model.output[LEVEL].shape[-1] * sum(n * n for n in PYRAMID)
        self.key = key_of(SCALES, LEVEL, PYRAMID, *self.weights)
        self._run = tf.function(self.cells, [tf.TensorSpec([None, None, None, 3], tf.uint8)])
        self.maps(np.zeros((64, 64, 3), np.uint8))  # TensorFlow sets the network up now, outside of any clock

    def cells(self, photos):
        """uint8 (B, H, W, 3) -> float32 (B, h, w, C), as tensors; batch norms as they were learnt."""
        from shopee_od.garden.backbones import normalised

        return self.model(normalised(photos), training=False)[LEVEL]

    def map(self, image: np.ndarray, side: int) -> FeatureMap:
        """uint8 (H, W, 3), pixels of its shorter side -> its map at that scale."""
        return FeatureMap(self._run(scaled(image, side)[None]).numpy()[0], image.shape[:2])

    def maps(self, image: np.ndarray) -> list[FeatureMap]:
        """uint8 (H, W, 3) -> its map at each of `SCALES`."""
        return [self.map(image, side) for side in SCALES]

    def pooled(self, maps: list[FeatureMap], rois: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Maps of a photo, (N, 4) in its pixels -> float32 (N, D), each from one map; and int (N,), from which."""
        chosen = nearest_scale(rois, [each.scale for each in maps])
        features = np.zeros((len(rois), self.width), np.float32)
        for k in np.unique(chosen):
            features[chosen == k] = maps[k].pooled(rois[chosen == k])
        return features, chosen

    def see(self, image: np.ndarray, boxes: np.ndarray) -> Seen:
        """uint8 (H, W, 3), (N, 4) in its pixels -> their features, in one pass a scale."""
        maps = self.maps(image)
        features, chosen = self.pooled(maps, boxes)
        energy = {f"energy_{side}": each.energy for side, each in zip(SCALES, maps, strict=True)}
        says = "The whole photo's, one a scale; each proposal is pooled from one of them."
        return Seen(features, len(maps), Stage("maps", says, energy | {"scale": np.array(SCALES)[chosen]}))

    def training_features(self, image: np.ndarray, corners: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """A photo, its own boxes (M, 4), N proposals -> float32 (2M + N, D): its boxes, these mirrored, proposals."""
        features, chosen = self.pooled(self.maps(image), np.concatenate([corners, boxes]))
        turned = corners[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [image.shape[1], 0, image.shape[1], 0]
        mirrored, chosen = np.zeros((len(corners), self.width), np.float32), chosen[: len(corners)]
        for k in np.unique(chosen):
            mirrored[chosen == k] = self.map(image[:, ::-1], SCALES[k]).pooled(turned[chosen == k])
        return np.concatenate([features[: len(corners)], mirrored, features[len(corners) :]])

    @property
    def weights(self) -> list[np.ndarray]:
        """All of them, as they were learnt on ImageNet."""
        return self.model.get_weights()


@cache
def map_cnn() -> MapCNN:
    """The one of this process: it takes seconds to make, and nothing ever changes it."""
    return MapCNN()


def scaled(image: np.ndarray, side: float) -> np.ndarray:
    """uint8 (H, W, 3) -> uint8 (h, w, 3) with about `side` pixels on its shorter side, the shape kept but for rounding.

    Both sides are whole cells, so that the RoI of the whole photo is the whole map.
    """
    by = side / min(image.shape[:2]) / STRIDE
    height, width = (max(1, round(length * by)) * STRIDE for length in image.shape[:2])
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2)
    return np.asarray(resized)
