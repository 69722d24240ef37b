"""A detector of three small parts, in which everything can be computed by hand."""

from dataclasses import dataclass, field

import numpy as np

from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals, Slots
from shopee_od.detectors.training.data import TrainingResult
from shopee_od.structures import CropStage

IMAGE = np.zeros((40, 60, 3), np.uint8)
IMAGE[:20, :30, 0] = 200
IMAGE[20:, 30:, 1] = 100
"""Red at the top left, a weaker green at the bottom right."""
QUADRANTS = np.array([[0, 0, 30, 20], [30, 0, 60, 20], [0, 20, 30, 40], [30, 20, 60, 40]])
NEAR_RED = [[0, 0, 28, 20]]
"""Overlaps the red quadrant."""


@dataclass(frozen=True)
class Quadrants:
    """A proposer: the four quadrants of a 60 × 40 image, and one more that overlaps the first."""

    seconds: float | None = None
    count: int = 5

    def propose(self, image):
        boxes = np.concatenate([QUADRANTS, NEAR_RED]).astype(np.float32)
        return Proposals(boxes[: self.count], self.seconds)


@dataclass
class MeanColor:
    """A feature extractor: the mean color of each region."""

    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    num_parameters: int = 3

    def extract(self, image, proposals):
        rows = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in proposals.boxes.astype(int)]
        values = np.array([row.mean(axis=(0, 1)) for row in rows]).reshape(-1, 3) + self.offset
        stage = CropStage(name="features", description="Mean colors.", crops=values[:, None, None])
        return RegionFeatures(values, len(values), stage)

    def state_dict(self):
        return {"offset": self.offset}

    def load_state_dict(self, state):
        self.offset = state["offset"]


@dataclass
class RedOrGreen:
    """A head: how red and how green a region is; it may move boxes 1/10 of their width right."""

    gain: np.ndarray = field(default_factory=lambda: np.zeros(()))
    moves: bool = False
    num_parameters: int = 1

    def predict(self, features, proposals):
        scores = (features.values[:, :2] * self.gain).astype(np.float32)
        deltas = np.tile(np.float32([0.1, 0, 0, 0]), (len(scores), 1)) if self.moves else None
        return ScoredProposals(scores, deltas)

    def state_dict(self):
        return {"gain": self.gain}

    def load_state_dict(self, state):
        if state["gain"].shape != ():
            raise ValueError("its gain is no number")
        self.gain = state["gain"]


@dataclass(frozen=True)
class HeadConfig:
    """Whether boxes move, and the factor from color to score."""

    moves: bool = False
    scale: float = 1 / 256


@dataclass(frozen=True)
class ColorsConfig:
    """How many proposals there are, and the seconds they are recorded with."""

    proposals: int = 5
    seconds: tuple[float, ...] = ()
    head: HeadConfig = HeadConfig()


class Colors(Pipeline):
    """A recipe of the three."""

    kind = "colors"
    method = "fake"
    initial_weights = "none"
    default_config = ColorsConfig()
    history_columns = ("loss",)
    val_images = 2

    def build(self, classes, seed=None):
        seconds = self.config.seconds
        proposer = Quadrants(seconds[0] if seconds else None, self.config.proposals)
        return Slots(proposer, MeanColor(), RedOrGreen(moves=self.config.head.moves))

    def train(self, slots, data):
        trainings.append(data)
        slots.head.gain = np.asarray(self.config.head.scale)
        return TrainingResult(cached_seconds=120.0, history=np.array([[0.5], [0.25]]))


trainings = []
"""What was trained on, training by training."""
