"""HOG + SVM: every window of a pyramid, its HOG, a linear SVM per class.

Source: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005; a
window shape per class and hard negatives as in Felzenszwalb et al., "Object Detection with
Discriminatively Trained Part Based Models", PAMI 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

from shopee_od.detectors.features.hog import HOGPyramid
from shopee_od.detectors.heads.hog_templates import HOGTemplates
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.sliding_windows import PyramidConfig, PyramidWindows
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.hog_svm import HOGTrainingConfig, train_templates

Parts = Slots[PyramidWindows, HOGPyramid, HOGTemplates]


@dataclass(frozen=True)
class HOGSVMConfig:
    """Hyperparameters of HOG + SVM."""

    pyramid: PyramidConfig = PyramidConfig()
    training: HOGTrainingConfig = HOGTrainingConfig()


class HOGSVM(Pipeline):
    """Windows of a pyramid → HOG → linear SVMs. Trained: the head."""

    kind = "sliding_window"
    method = "hog-svm"
    initial_weights = "none"
    default_config = HOGSVMConfig()

    def build(self, classes: int, seed: int | None = None) -> Parts:
        head = HOGTemplates(classes)
        windows = PyramidWindows(head, self.config.pyramid)
        return Slots(windows, HOGPyramid(self.config.pyramid), head)

    def train(self, slots: Parts, data: TrainingData) -> TrainingResult:
        train_templates(data.train, data.seed, self.config.training, slots.features, slots.head)
        return TrainingResult()
