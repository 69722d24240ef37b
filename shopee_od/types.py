"""The few types that everything passes: Detections, Detector, Trace, Cost, and the package's own error."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset
    from shopee_od.profiles import Profile

TYPES = ("upper", "lower", "full")
"""Where on the body a garment is worn; "" stands for not known."""


class InputError(ValueError):
    """Bad input, said in one sentence that names the file, the row where there is one, and the mend."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one photo, best first.

    boxes:  float32 (N, 4), x1, y1, x2, y2 in pixels of the upright photo, x2 and y2 exclusive
    scores: float32 (N,), falling, in [0, 1]
    labels: int32 (N,), 0-based into the detector's classes

    Given unsorted arrays, it sorts them (stably). Raises ValueError on shapes that do not fit.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        boxes = np.asarray(self.boxes, np.float32).reshape(-1, 4)
        scores = np.asarray(self.scores, np.float32)
        labels = np.asarray(self.labels, np.int32)
        if scores.shape != (len(boxes),) or labels.shape != (len(boxes),):
            raise ValueError(f"boxes {boxes.shape}, scores {scores.shape}, labels {labels.shape} do not fit")
        order = np.argsort(-scores, kind="stable")
        for name, value in (("boxes", boxes), ("scores", scores), ("labels", labels)):
            object.__setattr__(self, name, value[order])

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score_threshold: float) -> Detections:
        """Those with a score of at least `score_threshold`."""
        keep = self.scores >= score_threshold
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep])

    def first(self, n: int) -> Detections:
        """The best `n`."""
        return Detections(self.boxes[:n], self.scores[:n], self.labels[:n])

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Stage:
    """One step of a photo's way through a detector: a name, a sentence, and its arrays by name."""

    name: str
    says: str
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True)
class Trace:
    """The named stages of one photo's way through a detector, in order.

    image: uint8 (H, W, 3). Boxes in every stage are in its pixels.
    """

    image: np.ndarray
    stages: tuple[Stage, ...]

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(f"no stage {name!r}; the stages are {', '.join(s.name for s in self.stages)}")


@dataclass
class Cost:
    """What detecting has cost so far: counted, not estimated. `peak_memory` is the process's, in bytes."""

    photos: int = 0
    seconds: float = 0.0
    regions: int = 0
    cnn_passes: int = 0
    peak_memory: int = 0

    @property
    def seconds_per_photo(self) -> float:
        return self.seconds / self.photos if self.photos else 0.0


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes.

    Linux hands getrusage's figure down from the process that started this one; its status is our own.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@dataclass(frozen=True)
class Card:
    """What a saved detector says of itself (`detector.json`).

    classes:   the names, in the order of the labels
    types:     upper, lower, full or "" for each class
    threshold: the operating threshold: the score with the best F1 on validation
    trained:   what it was trained on, for how long, from which weights
    name:      short, for tables and tags
    """

    kind: str
    classes: tuple[str, ...]
    types: tuple[str, ...]
    threshold: float
    trained: dict = field(default_factory=dict)
    name: str = ""


@runtime_checkable
class Detector(Protocol):
    """What every stage of the course can do; `shopee_od.load(dir)` opens a saved one."""

    classes: tuple[str, ...]
    types: tuple[str, ...]
    threshold: float
    name: str

    def fit(self, train: Dataset, val: Dataset, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns from `train`, chooses by `val`; called again with the same `run_dir`, goes on where it was."""

    def detect(
        self, images: Iterable[np.ndarray], score_threshold: float = 0.05, max_detections: int = 100
    ) -> Iterator[Detections]:
        """uint8 (H, W, 3) RGB photos of any sizes, one by one -> their Detections, in order."""

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> the stages of its way through the detector."""

    @property
    def cost(self) -> Cost:
        """What `detect` has cost since the detector was made."""

    def save(self, directory: Path) -> None:
        """Writes `detector.json` and the weights; never a pickle."""
