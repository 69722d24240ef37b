"""Sliding windows with HOG and linear SVMs: one template a class, laid over every place of every size of the photo.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005; a window of its own shape for each
class and hard negatives as in Felzenszwalb et al., "Object Detection with Discriminatively Trained Part Based Models",
PAMI 2010.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import CARD, Carded, read_card, write_card
from shopee_od.detectors.templates import Templates, learn
from shopee_od.ops.hog import cells
from shopee_od.ops.nms import nms_by_class
from shopee_od.paths import whole_folder
from shopee_od.profiles import Profile
from shopee_od.types import Card, Detections, InputError, Stage, Trace

WEIGHTS = "templates.npz"
SUPPRESS = 0.4  # NMS drops what overlaps a better box of its class more
KEPT = 300  # windows that NMS is given


class SlidingWindow(Carded):
    """A `Detector`: the photo in many sizes, the HOG of each, every template at every block of it, NMS by class."""

    kind = "sliding_window"

    def __init__(self, templates: Templates | None = None, card: Card | None = None):
        """Without arguments: untrained, to be `fit`. `shopee_od.load` gives the other two."""
        super().__init__(templates, card)

    @classmethod
    def load(cls, directory: Path) -> SlidingWindow:
        """Raises InputError where the folder does not hold a whole detector."""
        card, file = read_card(directory), Path(directory) / WEIGHTS
        try:
            with np.load(file, allow_pickle=False) as held:
                weights = tuple(held[f"weights_{k}"] for k in range(len(card.classes)))
                templates = Templates(held["shapes"], weights, held["biases"])
            if [len(each) for each in weights] != (templates.shapes.prod(axis=1) * 36).tolist():
                raise ValueError("its weights do not fit its shapes")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as e:
            raise InputError(f"{file}: damaged or absent ({e}); save the detector again") from None
        return cls(templates, card)

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns a template a class from `train`, and the threshold with the best F1 from `val` (0.5 without).

        A detector of the same photos and seed that `run_dir` holds is taken as it is; `profile` has no size for this.
        Raises InputError where no photo has a box.
        """
        self._fit_once(train, val, run_dir, seed, "hog-svm", "none", lambda photos: learn(photos, seed))

    def detect(
        self, images: Iterable[np.ndarray], score_threshold: float = 0.05, max_detections: int = 100
    ) -> Iterator[Detections]:
        """uint8 (H, W, 3) RGB photos -> their Detections, in order; a score is the SVM's, squeezed into 0 to 1."""
        self._trained()
        for image in images:
            start = time.perf_counter()
            before, count = self._candidates(image, score_threshold)
            keep = nms_by_class(before.boxes, before.scores, before.labels, SUPPRESS)
            self._count(time.perf_counter() - start, count, cnn_passes=0)
            yield Detections(before.boxes[keep], before.scores[keep], before.labels[keep]).first(max_detections)

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> HOG of the photo at its own size, best windows, kept detections."""
        before, _ = self._candidates(image, self.threshold)
        kept = next(self.detect([image], self.threshold))
        windows = {"boxes": before.boxes, "scores": before.scores, "labels": before.labels}
        return Trace(
            image,
            (
                Stage(
                    "features", "HOG: how strong edges of each direction are, cell by cell.", {"cells": cells(image)}
                ),
                Stage("windows", "Windows of all sizes on the garment's side of a class's SVM.", windows),
                Stage(
                    "kept",
                    "What is left after NMS, above the operating threshold.",
                    {"boxes": kept.boxes, "scores": kept.scores, "labels": kept.labels},
                ),
            ),
        )

    def save(self, directory: Path) -> None:
        """detector.json and the templates, whole or not at all. Raises InputError where other things lie there."""
        card, directory = self._trained(), Path(directory)
        if directory.exists() and {file.name for file in directory.iterdir()} - {CARD, WEIGHTS}:
            raise InputError(f"{directory} holds other things than a detector; give it a folder of its own")
        weights = {f"weights_{k}": each for k, each in enumerate(self._learnt.weights)}
        with whole_folder(directory) as part:
            np.savez(part / WEIGHTS, shapes=self._learnt.shapes, biases=self._learnt.biases, **weights)
            write_card(part, card)

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int]:
        """The best windows before NMS, and how many were scored."""
        count, found = 0, [(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))]
        for labels, boxes, features in self._learnt.windows(image):
            scores = squeezed(self._learnt.scores(labels, features))
            count += scores.size
            rows, columns = np.nonzero(scores >= score_threshold)
            found.append((boxes[rows], scores[rows, columns], np.array(labels)[columns]))
        boxes, scores, labels = (np.concatenate(each) for each in zip(*found, strict=True))
        return Detections(boxes, scores, labels).first(KEPT), count


def squeezed(margins: np.ndarray) -> np.ndarray:
    """An SVM's margins, -1 and 1 at the edges of the street -> 0 to 1: 0.12 and 0.88 there.

    >>> squeezed(np.array([-1, 0, 1])).round(2).tolist()
    [0.12, 0.5, 0.88]
    """
    return 1 / (1 + np.exp(-2 * margins))
