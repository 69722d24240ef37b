"""Fast R-CNN: one CNN pass per image, RoIAlign of each proposal, one head for class and box.

It differs from the paper in EfficientNet-Lite0 instead of VGG16, RoIAlign instead of RoI pooling,
smaller dense layers, and minutes of training on two cores.

Source: Girshick, "Fast R-CNN", ICCV 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.roi_align_map import RoIAlignConfig, RoIAlignMap
from shopee_od.detectors.heads.softmax_box_head import BoxHeadConfig, SoftmaxBoxHead
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.cached_selective_search import (
    SelectiveSearch,
    SelectiveSearchConfig,
)
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.fast_rcnn import (
    MEASURED,
    FastRCNNSlots,
    FastRCNNTrainingConfig,
    train_fast_rcnn,
)
from shopee_od.detectors.training.seeding import set_random_seed


@dataclass(frozen=True)
class FastRCNNConfig:
    """Hyperparameters of Fast R-CNN."""

    search: SelectiveSearchConfig = SelectiveSearchConfig()
    features: RoIAlignConfig = RoIAlignConfig()
    head: BoxHeadConfig = BoxHeadConfig()
    training: FastRCNNTrainingConfig = FastRCNNTrainingConfig()


class FastRCNN(Pipeline):
    """Selective search → one map, RoIAlign → softmax + box deltas. Trained: all but the search."""

    kind = "fast_rcnn"
    default_config = FastRCNNConfig()
    history_columns = MEASURED

    def build(self, classes: int, seed: int | None = None) -> FastRCNNSlots:
        if seed is not None:
            set_random_seed(seed)
        search = SelectiveSearch(self.config.search)
        features = RoIAlignMap(self.config.features, self.config.search.proposals)
        head = SoftmaxBoxHead(classes, self.config.features.size, features.width, self.config.head)
        return Slots(search, features, head)

    def train(self, slots: FastRCNNSlots, data: TrainingData) -> TrainingResult:
        prefetched = slots.proposer.prefetch(data.paths)
        result = train_fast_rcnn(slots, data, self.config.training)
        return TrainingResult(result.cached_seconds - prefetched, result.history)
