"""Predictions stored in a folder, so that the same detector and images are not run again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from shopee_od.cache import make_key, read_arrays, write_arrays
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector
from shopee_od.evaluation.prediction import SCORE_THRESHOLD, Predictions, compute_predictions
from shopee_od.structures import Detections

COLUMNS = ("boxes", "scores", "labels", "garment_scores")
"""What a file holds of the Detections of all images, one after another."""


def load_or_compute_predictions(
    detector: Detector, dataset: Dataset, folder: Path, progress: bool = True
) -> Predictions:
    """The predictions of a detector on a data set: from the folder, or computed and stored there.

    Stored predictions are used again where the detector's name, classes, types, threshold, number
    of parameters, metadata and (where it has one) config are the same, and the images' names, sizes
    and labels. So a detector class with nothing in its metadata needs another name, or another
    folder, after it was trained again. A damaged file is ignored and replaced.

    Args:
        detector: any class that satisfies the protocol.
        dataset: its images.
        folder: created where it is absent.
        progress: whether to show progress on stderr.
    Returns:
        The predictions; `from_cache` tells where they come from.
    Raises:
        InputError: no image can be read.
    """
    file = Path(folder) / f"predictions-{_make_key(detector, dataset)[:16]}.npz"
    cached = _read(file)
    if cached is not None:
        return cached
    predictions = compute_predictions(detector, dataset, progress)
    _write(file, predictions)
    return predictions


def _make_key(detector: Detector, dataset: Dataset) -> str:
    """Different where the data or the detector's attributes differ."""
    return make_key(
        detector.name,
        tuple(detector.classes),
        tuple(detector.types),
        float(detector.threshold),
        detector.num_parameters,
        json.dumps(dict(detector.metadata), sort_keys=True, default=str),
        # Of the package's own detectors; the protocol has neither.
        getattr(detector, "config", None),
        json.dumps(getattr(getattr(detector, "info", None), "inference", None), sort_keys=True),
        SCORE_THRESHOLD,
        dataset.fingerprint(),
    )


def _write(file: Path, predictions: Predictions) -> None:
    detections = list(predictions.detections.values())
    details = {
        "unreadable": predictions.unreadable,
        "seconds_per_image": predictions.seconds_per_image,
    }
    arrays = {
        "image_ids": np.array(list(predictions.detections), np.int64),
        "counts": np.array([len(d) for d in detections], np.int64),
        "details": np.array(json.dumps(details)),
    }
    for name in COLUMNS:
        arrays[name] = np.concatenate([getattr(d, name) for d in detections])
    write_arrays(file, arrays, compress=True)


def _read(file: Path) -> Predictions | None:
    """None where the file is absent, damaged, or of a version without garment scores."""
    arrays = read_arrays(file)
    if arrays is None:
        return None
    try:
        details = json.loads(str(arrays["details"]))
        ends = np.cumsum(arrays["counts"])[:-1]
        parts = [np.split(arrays[name], ends) for name in COLUMNS]
        detections = [Detections(*part) for part in zip(*parts, strict=True)]
        return Predictions(
            dict(zip(arrays["image_ids"].tolist(), detections, strict=True)),
            details["unreadable"],
            details["seconds_per_image"],
            from_cache=True,
        )
    except (KeyError, ValueError, TypeError):
        return None  # an .npz file with other contents
