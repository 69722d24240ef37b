"""What the stages before Faster R-CNN share: regions are scored one by one, and NMS takes the best."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import CARD, Carded, checked, own_folder, read_card, write_card
from shopee_od.ops.nms import nms_by_class
from shopee_od.paths import whole_folder
from shopee_od.types import Card, Cost, Detections, InputError, Stage

SUPPRESS = 0.4  # NMS drops what overlaps a better box of its class more
KEPT = 300  # regions that NMS is given
WEIGHTS = "weights.npz"
CHECKPOINT = "checkpoint.npz"  # where long training goes on from; gone once the detector is saved
OWN = (CARD, WEIGHTS, CHECKPOINT)


class RegionDetector(Carded):
    """A `Detector` that says which regions of a photo look like a garment (`_candidates`) and keeps the best.

    A stage adds kind, load, fit, explain, `_candidates`, and `_arrays`, which are saved.
    """

    kind: str
    _spared = 0.0  # seconds that the work under way would have taken longer, but for what a cache held

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int, int]:
        """The regions before NMS, how many were scored, and how often a CNN ran."""
        raise NotImplementedError

    def _arrays(self) -> dict[str, np.ndarray]:
        """What training brought, by name."""
        raise NotImplementedError

    @property
    def parameters(self) -> int:
        """How many numbers training brought."""
        self._trained()
        return sum(array.size for array in self._arrays().values())

    def detect(
        self, images: Iterable[np.ndarray], score_threshold: float = 0.05, max_detections: int = 100
    ) -> Iterator[Detections]:
        """uint8 (H, W, 3) RGB photos -> their Detections, in order; boxes of a class suppressed above IoU 0.4."""
        self._trained()
        for image in map(checked, images):
            start, self._spared = time.perf_counter(), 0.0
            before, regions, passes = self._candidates(image, score_threshold)
            kept = suppressed(before)
            self._count(time.perf_counter() - start + self._spared, regions, passes)
            yield kept.first(max_detections)

    def save(self, directory: Path) -> None:
        """detector.json and the weights, whole or not at all. Raises InputError where other things lie there."""
        card, directory = self._trained(), Path(directory)
        own_folder(directory, OWN)
        with whole_folder(directory) as part:
            np.savez(part / WEIGHTS, **self._arrays())
            write_card(part, card)

    def _last_stages(self, image: np.ndarray) -> tuple[Stage, Stage]:
        """For a Trace: the regions above the operating threshold, and those that NMS leaves."""
        before, _, _ = self._candidates(image, self.threshold)
        kept = next(self.detect([image], self.threshold))
        named = (
            ("windows", "Regions that look like a garment: each is found many times.", before.first(KEPT)),
            ("kept", "What is left after NMS, above the operating threshold.", kept),
        )
        return tuple(Stage(n, says, {"boxes": d.boxes, "scores": d.scores, "labels": d.labels}) for n, says, d in named)

    def _fit_once(
        self,
        train: Dataset,
        val: Dataset | None,
        run_dir: Path,
        seed: int,
        method: str,
        weights: str,
        learn: Callable[[Dataset], object],
        **settings,
    ) -> None:
        """What `learn` makes of the photos with boxes, a card for it, and the threshold with the best F1 on `val`.

        A detector of the same photos, those of `val` too, seed and settings that `run_dir` holds is taken as it is; a
        new one is saved there. method, weights: for its name, and those it started from. Raises InputError where no
        photo has a box, and where `run_dir` holds anything else than a detector of this kind.
        """
        from shopee_od.evaluation import best_threshold, predict

        given = [each.fingerprint() for each in (train, val) if each is not None]
        run_dir, key = Path(run_dir), {"fingerprints": given, "seed": seed, "weights": weights, **settings}
        own_folder(run_dir, OWN)
        kept = self._held(run_dir)
        if kept is not None and key.items() <= kept.trained.items():
            self._learnt, self._card = kept._learnt, kept._card
            return
        start, self._spared, train = time.perf_counter(), 0.0, train.with_boxes()
        self._learnt = learn(train)
        minutes = round((time.perf_counter() - start + self._spared) / 60, 1)
        trained = key | {"dataset": train.name, "photos": len(train), "minutes": minutes}
        name = f"{self.kind}-{method}-{train.name}-{datetime.now(UTC):%Y%m%d}"
        self._card = Card(self.kind, train.classes, train.types, 0.5, trained, name)
        if val is not None and val.counts.any():
            found = predict(self, val)
            threshold, f1 = best_threshold(found, val.take(found), self.classes)
            self._card = replace(self._card, threshold=threshold, trained=trained | {"threshold_f1_on_val": f1})
        self._cost = Cost()
        self.save(run_dir)

    def _held(self, run_dir: Path) -> RegionDetector | None:
        """The detector there; None where there is none, or a damaged one. Raises InputError on one of another kind."""
        try:
            kind = read_card(run_dir).kind
        except InputError:
            return None
        if kind != self.kind:
            raise InputError(f"{run_dir} holds a detector of the kind {kind}; give this one a folder of its own")
        try:
            return self.load(run_dir)
        except InputError:
            return None


def suppressed(before: Detections) -> Detections:
    """What NMS by class leaves of the best regions."""
    before = before.first(KEPT)
    keep = nms_by_class(before.boxes, before.scores, before.labels, SUPPRESS)
    return Detections(before.boxes[keep], before.scores[keep], before.labels[keep])


def joined(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Detections:
    """Boxes (N, 4), scores (N,), labels (N,) of several levels -> one."""
    nothing = (np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))
    return Detections(*(np.concatenate(each) for each in zip(nothing, *parts, strict=True)))


@contextmanager
def opened(directory: Path) -> Iterator[dict[str, np.ndarray]]:
    """The saved arrays; whatever is wrong with them, in the block too, is one InputError."""
    file = Path(directory) / WEIGHTS
    try:
        with np.load(file, allow_pickle=False) as held:
            yield held
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as e:
        raise InputError(f"{file}: damaged or absent ({e}); save the detector again") from None
