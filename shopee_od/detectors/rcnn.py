"""R-CNN: selective search says where to look, a CNN looks at each place by itself, SVMs name it, its box is moved.

Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
segmentation", CVPR 2014.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import read_card
from shopee_od.detectors.rcnn_network import CropCNN
from shopee_od.detectors.region_svm import RegionSVMs
from shopee_od.detectors.regions import opened
from shopee_od.detectors.svm_detector import SVMS, Learnt, SVMDetector
from shopee_od.profiles import Profile
from shopee_od.types import Card


class RCNN(SVMDetector):
    """A `Detector`: proposals, one CNN pass for each, an SVM a class, boxes moved by regression, NMS by class."""

    kind = "rcnn"

    def __init__(self, learnt: Learnt | None = None, card: Card | None = None, fine_tune: bool = False):
        """Without the first two: untrained, to be `fit`. `shopee_od.load` gives them.

        fine_tune: whether `fit` also changes the CNN, as in the paper; it takes many times as long.
        """
        super().__init__(learnt, card)
        self._fine_tune = fine_tune

    @classmethod
    def load(cls, directory: Path) -> RCNN:
        """Raises InputError where the folder does not hold a whole detector."""
        card = read_card(directory)
        with opened(directory) as held:
            svms = RegionSVMs(*(held[name] for name in SVMS))
            tuned = [held[f"cnn_{k}"] for k in range(sum(name.startswith("cnn_") for name in held))]
            cnn = CropCNN(tuned or None)
            if (cnn.width, len(card.classes)) != svms.weights.shape:
                raise ValueError("its SVMs do not fit its network or its classes")
        return cls(Learnt(svms, cnn), card, bool(tuned))

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """As every `SVMDetector`; where it was asked for, the CNN is fine-tuned first."""
        weights = "EfficientNet-Lite0 of ImageNet"
        if self._fine_tune:
            self._fit_svms(train, val, run_dir, seed, "tuned", f"{weights}, fine-tuned")
        else:
            self._fit_svms(train, val, run_dir, seed, "lite0", weights)

    def _network(self, train: Dataset, seed: int) -> CropCNN:
        from shopee_od.detectors.rcnn_training import fine_tune

        cnn = CropCNN()
        if self._fine_tune:
            fine_tune(train, seed, cnn)
        return cnn

    def _arrays(self) -> dict[str, np.ndarray]:
        tuned = self._learnt.cnn.weights if self._fine_tune else []
        return super()._arrays() | {f"cnn_{k}": each for k, each in enumerate(tuned)}
