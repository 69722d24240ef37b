"""Fast R-CNN: one pass over the photo, RoIAlign for each proposal, and a network that names and moves it at once.

Girshick, "Fast R-CNN", ICCV 2015. Where this one differs: EfficientNet-Lite0 instead of VGG16, RoIAlign instead of RoI
pooling, smaller dense layers, and minutes of training on two cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.batching import fitted
from shopee_od.detectors.card import read_card
from shopee_od.detectors.proposed import ProposalDetector, prepared
from shopee_od.detectors.regions import CHECKPOINT, opened
from shopee_od.ops.boxes import decode
from shopee_od.ops.pyramid import resized
from shopee_od.profiles import Profile
from shopee_od.types import Card, Stage, Trace

if TYPE_CHECKING:
    from shopee_od.detectors.fast_rcnn_network import Network

LONGEST = 320  # pixels: the longer side of every photo, in training and in detection
EPOCHS = 8  # how often training sees each photo, about
MEASURED = ("class_loss", "box_loss", "accuracy")


@dataclass(frozen=True)
class Learnt:
    """The trained network, and float32 (steps, 3): MEASURED of each training step."""

    network: Network
    history: np.ndarray


@dataclass(frozen=True)
class Looked:
    """As `proposed.Looked`; deltas: float32 (N, classes, 4)."""

    boxes: np.ndarray
    scores: np.ndarray
    deltas: np.ndarray
    seconds: dict[str, float]
    passes: int = 1


class FastRCNN(ProposalDetector):
    """A `Detector`: proposals, one CNN pass over the photo, softmax and a box a class for each, NMS by class."""

    kind = "fast_rcnn"
    steps = ("proposals", "network")

    def __init__(self, learnt: Learnt | None = None, card: Card | None = None, epochs: int = EPOCHS):
        """Without the first two: untrained, to be `fit`. `shopee_od.load` gives them."""
        super().__init__(learnt, card)
        self._epochs = epochs

    @classmethod
    def load(cls, directory: Path) -> FastRCNN:
        """Raises InputError where the folder does not hold a whole detector."""
        from shopee_od.detectors.fast_rcnn_network import Network

        card = read_card(directory)
        with opened(directory) as held:
            network = Network(len(card.classes), held["mean"], held["std"])
            for k, variable in enumerate(network.variables):
                variable.assign(held[f"weights_{k}"])
            return cls(Learnt(network, held["history"]), card)

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns from `train`, all layers together; the threshold with the best F1 on `val`.

        A detector of the same photos and seed that `run_dir` holds is taken as it is; training that was stopped goes on
        from its last checkpoint there; `profile` has no size for this. Proposals are kept in the user's cache; their
        seconds count as training in any case. Raises InputError where no photo has a box.
        """
        weights, file = "EfficientNet-Lite0 of ImageNet", Path(run_dir) / CHECKPOINT

        def learn(photos: Dataset) -> Learnt:
            return self._learn(photos, val, file, seed)

        self._fit_once(train, val, run_dir, seed, "lite0", weights, learn, epochs=self._epochs)

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> feature maps, proposals, scores, refined boxes, kept detections."""
        found = self._look(image)
        scores, refined, kept = self._chosen(image, found)
        stages = (
            ("features", "One pass over the whole photo: where the backbone sees something.", self.maps(image)),
            ("proposals", "Selective search.", {"boxes": found.boxes}),
            ("scores", "The class that the network is surest of for each.", scores),
            ("refined", "The sure ones, moved as their class has it.", refined),
            ("kept", "What NMS leaves.", kept),
        )
        return Trace(image, tuple(Stage(*stage) for stage in stages))

    @property
    def network(self) -> Network:
        """What it has learnt."""
        self._trained()
        return self._learnt.network

    @property
    def history(self) -> pd.DataFrame:
        """A row a training step: class_loss, box_loss, accuracy (the share of its RoIs with the right class)."""
        self._trained()
        return pd.DataFrame(self._learnt.history, columns=list(MEASURED))

    @property
    def parameters(self) -> int:
        """How many numbers it works with: the backbone's too, whether or not training changed them."""
        return sum(part.count_params() for part in (self.network.backbone, self.network.head))

    def maps(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 (H, W, 3) -> float32 (h, w) by level: the mean strength of its features."""
        from shopee_od.detectors.fast_rcnn_network import LEVELS
        from shopee_od.garden.backbones import normalised

        maps = self.network.maps(normalised(self._fitted(image)[None]))
        return {f"level {k}": np.abs(each[0].numpy()).mean(axis=2) for k, each in zip(LEVELS, maps, strict=True)}

    def _learn(self, train: Dataset, val: Dataset | None, checkpoint: Path, seed: int) -> Learnt:
        from shopee_od.detectors.fast_rcnn_training import learn

        spent = prepared(train, val)
        network, history, seconds = learn(train, checkpoint, seed, self._epochs)
        self._spared = seconds - spent
        return Learnt(network, history)

    def _arrays(self) -> dict[str, np.ndarray]:
        network = self._learnt.network
        learnt = {f"weights_{k}": each.numpy() for k, each in enumerate(network.variables)}
        return learnt | {"mean": network.mean, "std": network.std, "history": self._learnt.history}

    def _fitted(self, image: np.ndarray) -> np.ndarray:
        return resized(image, fitted(*image.shape[:2], LONGEST))

    def _look(self, image: np.ndarray) -> Looked:
        found = self._searched(image)
        start, photo = time.perf_counter(), self._fitted(image)
        scale = np.tile([photo.shape[1] / image.shape[1], photo.shape[0] / image.shape[0]], 2)
        scores, deltas = self.network(photo, found.boxes * scale)
        took = (found.seconds, time.perf_counter() - start)
        return Looked(found.boxes, scores[:, 1:], deltas, dict(zip(self.steps, took, strict=True)))  # 0 is background

    def _moved(self, found: Looked, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return decode(found.deltas[rows, labels], found.boxes[rows])
