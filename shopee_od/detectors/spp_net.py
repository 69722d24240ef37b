"""SPP-net: the CNN runs once over the image, and each proposal's features are pooled from its map.

It differs from R-CNN in the features alone: proposals, SVMs and box regression are the same.

Source: He, Zhang, Ren and Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual
Recognition", ECCV 2014, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.spp_map import SPPConfig, SPPMap, shared_spp_map
from shopee_od.detectors.heads.region_svms import LinearSVMs
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.cached_selective_search import (
    SelectiveSearch,
    SelectiveSearchConfig,
)
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.region_examples import ExamplesConfig
from shopee_od.detectors.training.region_svms import SVMConfig, train_region_svms

Parts = Slots[SelectiveSearch, SPPMap, LinearSVMs]


@dataclass(frozen=True)
class SPPNetConfig:
    """Hyperparameters of SPP-net."""

    search: SelectiveSearchConfig = SelectiveSearchConfig()
    maps: SPPConfig = SPPConfig()
    examples: ExamplesConfig = ExamplesConfig()
    svm: SVMConfig = SVMConfig()


class SPPNet(Pipeline):
    """Selective search → one map, SPP → SVMs + box regression. Trained: the head."""

    kind = "spp_net"
    default_config = SPPNetConfig()
    val_images = 30  # as R-CNN

    def build(self, classes: int, seed: int | None = None) -> Parts:
        search = SelectiveSearch(self.config.search)
        features = shared_spp_map(self.config.maps)
        return Slots(search, features, LinearSVMs(features.width, classes))

    def train(self, slots: Parts, data: TrainingData) -> TrainingResult:
        prefetched = slots.proposer.prefetch(data.paths)
        return train_region_svms(slots, data, prefetched, self.config.examples, self.config.svm)
