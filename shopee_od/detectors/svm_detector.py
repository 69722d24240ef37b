"""What R-CNN and SPP-net share: proposals, a network's features of each, SVMs that name them, boxes that are moved.

The two differ in their network, and in nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.proposals import MOST, prepare, proposals
from shopee_od.detectors.region_svm import RegionSVMs, learn
from shopee_od.detectors.regions import RegionDetector, suppressed
from shopee_od.detectors.sliding_window import squeezed
from shopee_od.detectors.svm_training import RegionCNN, Seen, training_examples
from shopee_od.ops.boxes import clip
from shopee_od.profiles import Profile
from shopee_od.types import Card, Detections, Stage, Trace

VALIDATED = 30  # validation photos that the threshold is chosen by, at most: each takes as long as a test photo
STEPS = ("proposals", "CNN", "SVMs")
SVMS = ("scale", "weights", "biases", "moves")


@dataclass(frozen=True)
class Learnt:
    """The SVMs with their box regressions, and the network whose features they are for."""

    svms: RegionSVMs
    cnn: RegionCNN


@dataclass(frozen=True)
class Looked:
    """A photo's N proposals: boxes float32 (N, 4), what the network saw, margins float32 (N, classes); and the seconds
    that each step took.
    """

    boxes: np.ndarray
    seen: Seen
    margins: np.ndarray
    seconds: dict[str, float]


class SVMDetector(RegionDetector):
    """A `Detector`: proposals, a network's features of each, an SVM a class, boxes moved by regression, NMS by class.

    A stage adds kind, load and `_network`. A score is the SVM's margin, squeezed into 0 to 1.
    seconds: what `detect` has taken so far, by step.
    """

    def __init__(self, learnt: Learnt | None = None, card: Card | None = None):
        """Without them: untrained, to be `fit`. `shopee_od.load` gives them."""
        super().__init__(learnt, card)
        self.seconds = dict.fromkeys(STEPS, 0.0)

    def _network(self, train: Dataset, seed: int) -> RegionCNN:
        """The network for photos to learn from, whose proposals have been prepared."""
        raise NotImplementedError

    def _fit_svms(
        self, train: Dataset, val: Dataset | None, run_dir: Path, seed: int, method: str, weights: str
    ) -> None:
        val = val and val.sample(VALIDATED, seed)
        self._fit_once(train, val, run_dir, seed, method, weights, lambda photos: self._learn(photos, val, seed))
        self.seconds = dict.fromkeys(STEPS, 0.0)  # from here on, as the cost

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
        found, threshold = self._look(image), self.threshold
        scores, labels = squeezed(found.margins.max(axis=1, initial=-np.inf)), found.margins.argmax(axis=1)
        high = np.flatnonzero(scores >= threshold)
        refined = {"boxes": self._refined(image, found, high), "before": found.boxes[high]}
        kept = suppressed(self._named(image, found, threshold))
        took = [{"seconds": np.float64(found.seconds[step])} for step in STEPS]
        named, stage = {"scores": scores, "labels": labels}, found.seen.stage
        stages = (
            ("proposals", "Selective search.", {"boxes": found.boxes} | took[0]),
            (stage.name, stage.says, stage.arrays | took[1]),
            ("scores", "The SVM that is surest of each.", {"boxes": found.boxes} | named | took[2]),
            ("refined", "The sure ones, moved by regression.", refined | {k: v[high] for k, v in named.items()}),
            ("kept", "What NMS leaves.", {"boxes": kept.boxes, "scores": kept.scores, "labels": kept.labels}),
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
        start = time.perf_counter()
        prepare([*train.images.path, *(val.images.path if val is not None else [])])
        prepared, cnn = time.perf_counter(), self._network(train, seed)
        made = time.perf_counter()
        found, seconds = training_examples(train, seed, cnn)
        self._spared = seconds - (prepared - start) - (time.perf_counter() - made)
        return Learnt(learn(found, seed), cnn)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self._learnt.svms, name) for name in SVMS}

    def _look(self, image: np.ndarray) -> Looked:
        """What is the same whatever the threshold."""
        self._trained()
        start = time.perf_counter()
        found = proposals(image)
        searched = time.perf_counter()
        self._spared = found.seconds - (searched - start)
        boxes = found.boxes[:MOST]
        seen = self._learnt.cnn.see(image, boxes)
        looked = time.perf_counter()
        margins = self._learnt.svms.margins(seen.features)
        took = (found.seconds, looked - searched, time.perf_counter() - looked)
        return Looked(boxes, seen, margins, dict(zip(STEPS, took, strict=True)))

    def _refined(self, image: np.ndarray, found: Looked, rows: np.ndarray) -> np.ndarray:
        moved = self._learnt.svms.refined(found.seen.features[rows], found.boxes[rows])
        return clip(moved, *image.shape[:2])

    def _named(self, image: np.ndarray, found: Looked, score_threshold: float) -> Detections:
        scores = squeezed(found.margins)
        rows, labels = np.nonzero(scores >= score_threshold)
        return Detections(self._refined(image, found, rows), scores[rows, labels], labels)

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int, int]:
        found = self._look(image)
        self.seconds = {step: self.seconds[step] + found.seconds[step] for step in STEPS}
        return self._named(image, found, score_threshold), len(found.boxes), found.seen.passes
