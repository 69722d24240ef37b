"""R-CNN: selective search proposes regions, a CNN runs on each warped crop, SVMs classify it.

Source: Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object
detection and semantic segmentation", CVPR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.crop_cnn import CropCNN, CropConfig
from shopee_od.detectors.heads.region_svms import LinearSVMs
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.cached_selective_search import (
    SelectiveSearch,
    SelectiveSearchConfig,
)
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.fine_tuning import FineTuningConfig, fine_tune
from shopee_od.detectors.training.region_examples import ExamplesConfig
from shopee_od.detectors.training.region_svms import SVMConfig, train_region_svms

Parts = Slots[SelectiveSearch, CropCNN, LinearSVMs]


@dataclass(frozen=True)
class RCNNConfig:
    """Hyperparameters of R-CNN."""

    search: SelectiveSearchConfig = SelectiveSearchConfig()
    crops: CropConfig = CropConfig()
    examples: ExamplesConfig = ExamplesConfig()
    svm: SVMConfig = SVMConfig()
    fine_tuning: FineTuningConfig = FineTuningConfig()


class RCNN(Pipeline):
    """Selective search → CNN on each warped crop → SVMs + box regression. Trained: the head."""

    kind = "rcnn"
    default_config = RCNNConfig()
    val_images = 30  # each takes as long as a test image

    @property
    def method(self) -> str:  # type: ignore[override]
        return "tuned" if self.config.fine_tuning.enabled else "lite0"

    def build(self, classes: int, seed: int | None = None) -> Parts:
        search = SelectiveSearch(self.config.search)
        features = CropCNN(self.config.crops)
        return Slots(search, features, LinearSVMs(features.width, classes))

    def train(self, slots: Parts, data: TrainingData) -> TrainingResult:
        config = self.config
        prefetched = slots.proposer.prefetch(data.paths)
        if config.fine_tuning.enabled:
            search, examples, tuning = slots.proposer, config.examples, config.fine_tuning
            fine_tune(slots.features, data.train, data.seed, search, examples, tuning)
        return train_region_svms(slots, data, prefetched, config.examples, config.svm)
