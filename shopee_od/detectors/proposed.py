"""What R-CNN, SPP-net and Fast R-CNN share: selective search's proposals are scored, named and moved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.card import checked
from shopee_od.detectors.proposals import MOST, Proposals, prepare, proposals
from shopee_od.detectors.regions import RegionDetector, suppressed
from shopee_od.ops.boxes import clip
from shopee_od.types import Card, Detections


class Looked(Protocol):
    """What a stage makes of a photo's N proposals.

    boxes:   float32 (N, 4); scores: float32 (N, classes), in 0 to 1; passes: how often its CNN ran
    seconds: that each step took, by the stage's `steps`
    """

    boxes: np.ndarray
    scores: np.ndarray
    passes: int
    seconds: dict[str, float]


class ProposalDetector(RegionDetector):
    """A `Detector` that looks at a photo's proposals, and moves those that it names.

    A stage adds kind, load, fit, explain, `_arrays`, `steps`, the first of which is the search, `_look` and `_moved`.
    seconds: what `detect` has taken so far, by step.
    """

    steps: tuple[str, ...]

    def __init__(self, learnt=None, card: Card | None = None):
        """Without them: untrained, to be `fit`. `shopee_od.load` gives them."""
        super().__init__(learnt, card)
        self.seconds = dict.fromkeys(self.steps, 0.0)

    def _look(self, image: np.ndarray) -> Looked:
        """What is the same whatever the threshold."""
        raise NotImplementedError

    def _moved(self, found: Looked, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Some of what was looked at, and the class of each -> (N, 4): their boxes, as the class has it."""
        raise NotImplementedError

    def _fit_once(self, *args, **settings) -> None:
        super()._fit_once(*args, **settings)
        self.seconds = dict.fromkeys(self.steps, 0.0)  # from here on, as the cost

    def _searched(self, image: np.ndarray) -> Proposals:
        """The photo's proposals; what was kept counts with the seconds that it took."""
        self._trained()
        start = time.perf_counter()
        found = proposals(checked(image)).first(MOST)
        self._spared = found.seconds - (time.perf_counter() - start)
        return found

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int, int]:
        found = self._look(image)
        self.seconds = {step: self.seconds[step] + found.seconds[step] for step in self.steps}
        return self._named(image, found, score_threshold), len(found.boxes), found.passes

    def _named(self, image: np.ndarray, found: Looked, score_threshold: float) -> Detections:
        rows, labels = np.nonzero(found.scores >= score_threshold)
        return Detections(self._refined(image, found, rows, labels), found.scores[rows, labels], labels)

    def _refined(self, image: np.ndarray, found: Looked, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return clip(self._moved(found, rows, labels), *image.shape[:2])

    def _chosen(self, image: np.ndarray, found: Looked) -> tuple[dict[str, np.ndarray], ...]:
        """For a Trace the arrays of three stages: scores, those above the operating threshold refined, kept."""
        scores, labels = found.scores.max(axis=1), found.scores.argmax(axis=1)
        high = np.flatnonzero(scores >= self.threshold)
        refined = {"boxes": self._refined(image, found, high, labels[high]), "before": found.boxes[high]}
        kept = suppressed(self._named(image, found, self.threshold))
        return (
            {"boxes": found.boxes, "scores": scores, "labels": labels},
            refined | {"scores": scores[high], "labels": labels[high]},
            {"boxes": kept.boxes, "scores": kept.scores, "labels": kept.labels},
        )


def prepared(train: Dataset, val: Dataset | None) -> float:
    """Searches the photos to learn from and to choose the threshold by -> the seconds it took just now."""
    start = time.perf_counter()
    prepare([*train.images.path, *(val.images.path if val is not None else [])])
    return time.perf_counter() - start


def labelled(train: Dataset) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, Proposals]]:
    """Photo by photo: its id, it, the boxes that count float32 (M, 4) with labels (M,), its proposals."""
    for image_id, path in train.images[["image_id", "path"]].itertuples(index=False):
        image, rows = read_photo(path), train.counted_boxes_of(image_id)
        yield image_id, image, rows[CORNERS].to_numpy(np.float32), rows.label.to_numpy(), proposals(image).first(MOST)
