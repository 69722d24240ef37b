"""Predictions kept in a folder, so that a second look at the same detector and photos does not run it again."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.scoring import SCORE_THRESHOLD, predict_timed
from shopee_od.paths import whole_file
from shopee_od.types import Detections, Detector


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a detector found in the photos of a data set, and what it took.

    detections: by image_id, with scores of at least 0.01
    left_out:   the photos that cannot be read, by path, with the reason
    seconds_per_photo: of the run that made them; None where it is not known
    fresh:      made just now, not read from the folder
    """

    detections: dict[int, Detections]
    left_out: dict[str, str]
    seconds_per_photo: float | None
    fresh: bool = True


def predictions(detector: Detector, dataset: Dataset, folder: Path, progress: bool = True) -> Predictions:
    """Predictions of `detector` on every photo of `dataset`, read from `folder` where they are, else made and kept.

    They are the same where the detector's name, classes, threshold and training are, and the photos' names, sizes
    and labels. A damaged file is made anew. Raises InputError where no photo can be read.
    """
    file = Path(folder) / f"predictions-{_key(detector, dataset)[:16]}.npz"
    kept = _read(file)
    if kept is not None:
        return kept
    made = Predictions(*predict_timed(detector, dataset, progress))
    _write(file, made)
    return made


def _key(detector: Detector, dataset: Dataset) -> str:
    trained = json.dumps(getattr(detector, "trained", {}), sort_keys=True, default=str)
    model = (detector.name, detector.classes, detector.types, detector.threshold, trained, SCORE_THRESHOLD)
    return hashlib.sha256(repr((model, dataset.fingerprint())).encode()).hexdigest()


def _write(file: Path, made: Predictions) -> None:
    each = list(made.detections.values())
    account = {"left_out": made.left_out, "seconds_per_photo": made.seconds_per_photo}
    with whole_file(file) as part, part.open("wb") as out:
        np.savez_compressed(
            out,
            image_ids=np.array(list(made.detections), np.int64),
            counts=np.array([len(d) for d in each], np.int64),
            boxes=np.concatenate([d.boxes for d in each]),
            scores=np.concatenate([d.scores for d in each]),
            labels=np.concatenate([d.labels for d in each]),
            account=np.array(json.dumps(account)),
        )


def _read(file: Path) -> Predictions | None:
    """None where the file is absent or damaged."""
    try:
        with np.load(file, allow_pickle=False) as held:
            account = json.loads(str(held["account"]))
            cuts = np.cumsum(held["counts"])[:-1]
            parts = (np.split(held[name], cuts) for name in ("boxes", "scores", "labels"))
            each = [Detections(*arrays) for arrays in zip(*parts, strict=True)]
            detections = dict(zip(held["image_ids"].tolist(), each, strict=True))
        return Predictions(detections, account["left_out"], account["seconds_per_photo"], fresh=False)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
