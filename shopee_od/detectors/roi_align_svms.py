"""SPP-net's head on Fast R-CNN's features: a bridge between the two.

From SPP-net to Fast R-CNN the pooling, the head and what is trained change together. Here the
pooling changes alone: RoIAlign at one image size instead of a spatial pyramid at three. With it
comes what Fast R-CNN pools from: its map at stride 16 next to the one at stride 32. A region has
3 × 3 cells, each the mean of 2 × 2 samples, so that the SVMs are given about as many numbers as
SPP-net's. Fast R-CNN has 7 × 7 cells of one sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.roi_align_map import (
    RoIAlignConfig,
    RoIAlignMap,
    shared_roi_align_map,
)
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

Parts = Slots[SelectiveSearch, RoIAlignMap, LinearSVMs]


@dataclass(frozen=True)
class RoIAlignSVMsConfig:
    """Hyperparameters: the features are those of ImageNet, frozen up to the last level."""

    search: SelectiveSearchConfig = SelectiveSearchConfig()
    features: RoIAlignConfig = RoIAlignConfig(size=3, samples=2, frozen_level=5)
    examples: ExamplesConfig = ExamplesConfig()
    svm: SVMConfig = SVMConfig()


class RoIAlignSVMs(Pipeline):
    """Selective search → one map, RoIAlign → SVMs + box regression. Trained: the head."""

    kind = "roi_align_svms"
    default_config = RoIAlignSVMsConfig()
    val_images = 30  # as R-CNN

    def build(self, classes: int, seed: int | None = None) -> Parts:
        search = SelectiveSearch(self.config.search)
        features = shared_roi_align_map(self.config.features, self.config.search.proposals)
        return Slots(search, features, LinearSVMs(features.flat_width, classes))

    def train(self, slots: Parts, data: TrainingData) -> TrainingResult:
        prefetched = slots.proposer.prefetch(data.paths)
        return train_region_svms(slots, data, prefetched, self.config.examples, self.config.svm)
