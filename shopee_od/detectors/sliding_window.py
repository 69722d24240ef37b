"""Sliding windows with HOG and linear SVMs: one template a class, laid over every place of every size of the photo.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005; a window of its own shape for each
class and hard negatives as in Felzenszwalb et al., "Object Detection with Discriminatively Trained Part Based Models",
PAMI 2010.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import checked, read_card
from shopee_od.detectors.regions import RegionDetector, joined, opened
from shopee_od.detectors.templates import ROUNDS, Templates, learn
from shopee_od.ops.hog import cells
from shopee_od.profiles import Profile
from shopee_od.types import Card, Detections, Stage, Trace


class SlidingWindow(RegionDetector):
    """A `Detector`: the photo in many sizes, the HOG of each, every template at every block of it, NMS by class.

    A score is the SVM's margin, squeezed into 0 to 1. rounds: of looking for hard negatives.
    """

    kind = "sliding_window"

    def __init__(self, templates: Templates | None = None, card: Card | None = None, rounds: int = ROUNDS):
        """Without templates and a card: untrained, to be `fit`. `shopee_od.load` gives them."""
        super().__init__(templates, card)
        self.rounds = rounds

    @property
    def templates(self) -> Templates:
        """What it has learnt."""
        self._trained()
        return self._learnt

    @classmethod
    def load(cls, directory: Path) -> SlidingWindow:
        """Raises InputError where the folder does not hold a whole detector."""
        card = read_card(directory)
        with opened(directory) as held:
            weights = tuple(held[f"weights_{k}"] for k in range(len(card.classes)))
            templates = Templates(held["shapes"], weights, held["biases"])
            if [len(each) for each in weights] != (templates.shapes.prod(axis=1) * 36).tolist():
                raise ValueError("its weights do not fit its shapes")
        return cls(templates, card)

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns a template a class from `train`, and the threshold with the best F1 from `val` (0.5 without).

        A detector of the same photos and seed that `run_dir` holds is taken as it is; `profile` has no size for this.
        Raises InputError where no photo has a box.
        """
        rounds = self.rounds
        self._fit_once(train, val, run_dir, seed, "hog-svm", "none", lambda p: learn(p, seed, rounds), rounds=rounds)

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> HOG of the photo at its own size, best windows, kept detections."""
        features = Stage(
            "features", "HOG: how strong edges of each direction are, by cell.", {"cells": cells(checked(image))}
        )
        return Trace(image, (features, *self._last_stages(image)))

    def _arrays(self) -> dict[str, np.ndarray]:
        weights = {f"weights_{k}": each for k, each in enumerate(self._learnt.weights)}
        return weights | {"shapes": self._learnt.shapes, "biases": self._learnt.biases}

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int, int]:
        count, found = 0, []
        for label, boxes, margins in self._learnt.everywhere(image):
            scores = squeezed(margins)
            high = scores >= score_threshold
            count += len(scores)
            found.append((boxes[high], scores[high], np.full(high.sum(), label)))
        return joined(found), count, 0


def squeezed(margins: np.ndarray) -> np.ndarray:
    """An SVM's margins, -1 and 1 at the edges of the street -> 0 to 1: 0.12 and 0.88 there.

    >>> squeezed(np.array([-1, 0, 1])).round(2).tolist()
    [0.12, 0.5, 0.88]
    """
    return 1 / (1 + np.exp(-2 * margins))
