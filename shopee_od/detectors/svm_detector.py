"""What R-CNN and SPP-net share: proposals, a network's features of each, SVMs that name them, boxes that are moved.

The two differ in their network, and in nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.proposed import ProposalDetector, prepared
from shopee_od.detectors.region_svm import RegionSVMs, learn
from shopee_od.detectors.sliding_window import squeezed
from shopee_od.detectors.svm_training import RegionCNN, Seen, training_examples
from shopee_od.profiles import Profile
from shopee_od.types import Stage, Trace

VALIDATED = 30  # validation photos that the threshold is chosen by, at most: each takes as long as a test photo
SVMS = ("scale", "weights", "biases", "moves")


@dataclass(frozen=True)
class Learnt:
    """The SVMs with their box regressions, and the network whose features they are for."""

    svms: RegionSVMs
    cnn: RegionCNN


@dataclass(frozen=True)
class Looked:
    """As `proposed.Looked`; seen: what the network made of them."""

    boxes: np.ndarray
    seen: Seen
    scores: np.ndarray
    seconds: dict[str, float]

    @property
    def passes(self) -> int:
        return self.seen.passes


class SVMDetector(ProposalDetector):
    """A `Detector`: proposals, a network's features of each, an SVM a class, boxes moved by regression, NMS by class.

    A stage adds kind, load and `_network`. A score is the SVM's margin, squeezed into 0 to 1.
    """

    steps = ("proposals", "CNN", "SVMs")

    def _network(self, train: Dataset, seed: int) -> RegionCNN:
        """The network for photos to learn from, whose proposals have been prepared."""
        raise NotImplementedError

    def _fit_svms(
        self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int, method: str, weights: str
    ) -> None:
        val = val and val.sample(VALIDATED, seed)
        self._fit_once(train, val, run_dir, seed, method, weights, lambda photos: self._learn(photos, val, seed))

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns SVMs and box regressions from regions of `train`; the threshold with the best F1 on some of `val`.

        A detector of the same photos and seed that `run_dir` holds is taken as it is; `profile` has no size for this.
        Proposals and features are kept in the user's cache, photo by photo: stopped, it goes on where it was. Their
        seconds count as training in any case. Raises InputError where no photo has a box.
        """
        self._fit_svms(train, val, run_dir, seed, "lite0", "EfficientNet-Lite0 of ImageNet")

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> proposals, what the network saw, scores, refined boxes, kept detections; the first three
        with seconds.
        """
        found = self._look(image)
        scores, refined, kept = self._chosen(image, found)
        took, stage = [{"seconds": np.float64(found.seconds[step])} for step in self.steps], found.seen.stage
        stages = (
            ("proposals", "Selective search.", {"boxes": found.boxes} | took[0]),
            (stage.name, stage.says, stage.arrays | took[1]),
            ("scores", "The SVM that is surest of each.", scores | took[2]),
            ("refined", "The sure ones, moved by regression.", refined),
            ("kept", "What NMS leaves.", kept),
        )
        return Trace(image, tuple(Stage(*stage) for stage in stages))

    @property
    def svms(self) -> RegionSVMs:
        """What was learnt on top of the network."""
        self._trained()
        return self._learnt.svms

    @property
    def cnn(self) -> RegionCNN:
        """The network that looks at the regions."""
        self._trained()
        return self._learnt.cnn

    @property
    def parameters(self) -> int:
        """How many numbers it works with: the network's too, whether or not training changed them."""
        own = sum(np.size(getattr(self.svms, name)) for name in SVMS)
        return own + sum(each.size for each in self.cnn.weights)

    def _learn(self, train: Dataset, val: Dataset | None, seed: int) -> Learnt:
        spent, cnn = prepared(train, val), self._network(train, seed)
        start = time.perf_counter()
        found, seconds = training_examples(train, seed, cnn)
        self._spared = seconds - spent - (time.perf_counter() - start)
        return Learnt(learn(found, seed), cnn)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self._learnt.svms, name) for name in SVMS}

    def _look(self, image: np.ndarray) -> Looked:
        found = self._searched(image)
        start = time.perf_counter()
        seen = self._learnt.cnn.see(image, found.boxes)
        looked = time.perf_counter()
        scores = squeezed(self._learnt.svms.margins(seen.features))
        took = (found.seconds, looked - start, time.perf_counter() - looked)
        return Looked(found.boxes, seen, scores, dict(zip(self.steps, took, strict=True)))

    def _moved(self, found: Looked, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return self._learnt.svms.refined(found.seen.features[rows], found.boxes[rows])
