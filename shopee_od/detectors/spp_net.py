"""SPP-net: the CNN looks at the photo once, and each proposal's features are pooled from the map it makes.

He, Zhang, Ren and Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", ECCV 2014,
section 4. Beside R-CNN it differs in this alone: proposals, SVMs and box regression are the same.
"""

from __future__ import annotations

from pathlib import Path

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import read_card
from shopee_od.detectors.region_svm import RegionSVMs
from shopee_od.detectors.regions import opened
from shopee_od.detectors.spp_network import MapCNN, map_cnn
from shopee_od.detectors.svm_detector import SVMS, Learnt, SVMDetector


class SPPNet(SVMDetector):
    """A `Detector`: proposals, their features pooled from one map a scale, SVMs, boxes moved, NMS by class."""

    kind = "spp_net"

    @classmethod
    def load(cls, directory: Path) -> SPPNet:
        """Raises InputError where the folder does not hold a whole detector."""
        card = read_card(directory)
        with opened(directory) as held:
            svms, cnn = RegionSVMs(*(held[name] for name in SVMS)), map_cnn()
            if (cnn.width, len(card.classes)) != svms.weights.shape:
                raise ValueError("its SVMs do not fit its network or its classes")
        return cls(Learnt(svms, cnn), card)

    def _network(self, train: Dataset, seed: int) -> MapCNN:
        return map_cnn()
