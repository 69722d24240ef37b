"""Faster R-CNN, from scratch: Fast R-CNN whose proposals come from a network on the same map.

Only the proposer differs from `fast_rcnn.py`. It differs from the paper as that one does; in
smaller anchors for smaller images, used across the edge in training too; and in joint training
instead of four alternating steps.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015; approximate joint training: TPAMI 2017, section
3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.roi_align_map import RoIAlignConfig, RoIAlignMap
from shopee_od.detectors.heads.softmax_box_head import BoxHeadConfig, SoftmaxBoxHead
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.rpn import RPN, RPNConfig
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.anchor_samples import AnchorSamplingConfig
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig
from shopee_od.detectors.training.faster_rcnn import MEASURED, FasterRCNNSlots, train_faster_rcnn
from shopee_od.detectors.training.seeding import set_random_seed


@dataclass(frozen=True)
class FasterRCNNConfig:
    """Hyperparameters of Faster R-CNN."""

    rpn: RPNConfig = RPNConfig()
    features: RoIAlignConfig = RoIAlignConfig()
    head: BoxHeadConfig = BoxHeadConfig()
    anchor_sampling: AnchorSamplingConfig = AnchorSamplingConfig()
    training: FastRCNNTrainingConfig = FastRCNNTrainingConfig()


class FasterRCNN(Pipeline):
    """RPN → the map that it read, RoIAlign → softmax + box deltas. Trained: all, jointly."""

    kind = "faster_rcnn_scratch"
    default_config = FasterRCNNConfig()
    history_columns = MEASURED

    def build(self, classes: int, seed: int | None = None) -> FasterRCNNSlots:
        if seed is not None:
            set_random_seed(seed)
        features = RoIAlignMap(self.config.features, self.config.rpn.proposals)
        head = SoftmaxBoxHead(classes, self.config.features.size, features.width, self.config.head)
        return Slots(RPN(features, self.config.rpn), features, head)

    def train(self, slots: FasterRCNNSlots, data: TrainingData) -> TrainingResult:
        return train_faster_rcnn(slots, data, self.config.training, self.config.anchor_sampling)
