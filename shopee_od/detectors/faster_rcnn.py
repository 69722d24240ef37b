"""Faster R-CNN (Ren et al., 2015) with a feature pyramid (Lin et al., 2017), as TF Model Garden has it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import SLIMMEST
from shopee_od.detectors.card import CARD, Carded, checked, own_folder, read_card, write_card
from shopee_od.detectors.heads import Heads, trace
from shopee_od.paths import whole_folder
from shopee_od.profiles import Profile, best_canvas
from shopee_od.types import Card, Cost, Detections, InputError, Trace

SAVED_MODEL = "saved_model"


class FasterRCNN(Carded):
    """A `Detector`. Photos of any size go in, boxes in their own pixels come out."""

    kind = "faster_rcnn"

    def __init__(self, model_dir: Path | None = None, card: Card | None = None):
        """Without arguments: untrained, to be `fit`. `shopee_od.load` gives the other two."""
        super().__init__(model_dir, card)
        self._opened = None

    @classmethod
    def load(cls, directory: Path) -> FasterRCNN:
        """Raises InputError where the folder does not hold a whole detector."""
        directory = Path(directory)
        card = read_card(directory)
        if not (directory / SAVED_MODEL / "saved_model.pb").is_file():
            raise InputError(f"{directory / SAVED_MODEL}: there is no SavedModel; save the detector again")
        return cls(directory / SAVED_MODEL, card)

    @property
    def parameters(self) -> int:
        """How many numbers it works with, those of batch norms that training only averages among them."""
        self._open()
        return sum(int(np.prod(each.shape)) for each in self._opened.weights)

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Trains in `run_dir`, or goes on there; takes the checkpoint and the operating threshold by `val`.

        1. `garden.train` trains and keeps the checkpoint with the best AP on `val`.
        2. That one is exported to `run_dir/saved_model`.
        3. The score with the best F1 on `val` becomes the threshold; 0.5 without `val`.

        Raises InputError on a configuration or a data set that cannot work.
        """
        from shopee_od.evaluation import best_threshold, predict
        from shopee_od.garden import runs
        from shopee_od.garden.train import judged
        from shopee_od.garden.train import train as train_in

        run_dir = Path(run_dir)
        checkpoint = train_in(train, val, profile, run_dir, seed)
        runs.export(run_dir, checkpoint, run_dir / SAVED_MODEL)
        trained = runs.provenance(run_dir, checkpoint)
        name = f"{self.kind}-{profile.backbone}-{train.name}-{datetime.now(UTC):%Y%m%d}"
        self.__init__(run_dir / SAVED_MODEL, Card(self.kind, train.classes, train.types, 0.5, trained, name))
        val = judged(val, profile)
        if val is not None:
            found = predict(self, val)
            threshold, f1 = best_threshold(found, val.take(found), self.classes)
            trained |= {"threshold_f1_on_val": f1}
            self._card = replace(self._card, threshold=float(threshold), trained=trained)
        self._cost = Cost()

    def detect(
        self, images: Iterable[np.ndarray], score_threshold: float = 0.05, max_detections: int = 100
    ) -> Iterator[Detections]:
        """uint8 (H, W, 3) RGB photos -> their Detections, in order; classes apart suppressed above IoU 0.5."""
        from shopee_od.garden.metric import detections_of

        self._open()  # before the clock starts
        for image in images:
            start = time.perf_counter()
            name, canvas, info = self._fit_to_canvas(image)
            found = self._call(f"detect_{name}", images=canvas)
            detections = detections_of(found | {"image_info": info[None]}, 0).above(score_threshold)
            self._count(time.perf_counter() - start, self._trained().trained["proposals"], cnn_passes=1)
            yield detections.first(max_detections)

    def heads(self, image: np.ndarray) -> Heads:
        """uint8 (H, W, 3) -> what the network puts out for it, from which `Heads` goes on in NumPy.

        Raises InputError where the detector was saved by a version that did not keep it.
        """
        from shopee_od.garden.experiment import CANDIDATES, SCORE_FLOOR

        name, canvas, info = self._fit_to_canvas(image)
        if f"heads_{name}" not in self._open():
            raise InputError(
                f"{self._learnt}: saved by an earlier version, without stages; fit it again in its run folder"
            )
        raw = self._call(f"heads_{name}", images=canvas)
        by_level = ("backbone", "features", "anchors", "objectness", "deltas")
        levels = {part: {} for part in by_level}
        for key in sorted(key for key in raw if key.startswith(by_level)):
            part, level = key.split("_")
            levels[part][int(level)] = raw.pop(key)
        return Heads(
            canvas.shape[1:3],
            image.shape[:2],
            info[2],
            **levels,
            **raw,
            most=CANDIDATES * self._trained().trained["proposals"],
            score_floor=SCORE_FLOOR,
        )

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> its maps, objectness, anchors, proposals, classes, refined boxes, kept detections."""
        return trace(image, self.heads(image), next(self.detect([image], self.threshold)))

    def save(self, directory: Path) -> None:
        """detector.json and the SavedModel, whole or not at all. Raises InputError where other things lie there."""
        card, directory = self._trained(), Path(directory)
        own_folder(directory, (CARD, SAVED_MODEL))
        with whole_folder(directory) as part:
            shutil.copytree(self._learnt, part / SAVED_MODEL)
            write_card(part, card)

    def _fit_to_canvas(self, image: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
        """The name of the canvas that shows the photo largest, the photo in it (1, H, W, 3), its image_info (4, 2)."""
        height, width = checked(image).shape[:2]
        h, w = best_canvas(self._trained().trained["canvases"], width, height)
        # A thinner photo would be scaled to no pixels at all: its edge is repeated.
        thinnest = -(-max(height, width) // SLIMMEST)
        padding = [(0, max(0, thinnest - side)) for side in (height, width)]
        fitted = self._call(f"fit_{h}x{w}", photo=np.pad(image, [*padding, (0, 0)], "edge"))
        fitted["image_info"][0] = height, width
        return f"{h}x{w}", fitted["canvas"][None], fitted["image_info"]

    def _open(self) -> dict:
        """The SavedModel's signatures, opened once. Raises InputError where it is damaged."""
        import tensorflow as tf

        self._trained()
        if self._opened is None:
            try:
                self._opened = tf.saved_model.load(str(self._learnt))
            except (OSError, ValueError, tf.errors.OpError) as e:
                reason = str(e).splitlines()[0]
                raise InputError(f"{self._learnt}: damaged ({reason}); save the detector again") from None
        return self._opened.signatures

    def _call(self, signature: str, **inputs) -> dict[str, np.ndarray]:
        import tensorflow as tf

        outputs = self._open()[signature](**{key: tf.constant(value) for key, value in inputs.items()})
        return {key: value.numpy() for key, value in outputs.items()}
