"""Runs a detector over the images of a data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detector import MAX_DETECTIONS, Detector
from shopee_od.errors import InputError
from shopee_od.structures import Detections

SCORE_THRESHOLD = 0.01
"""AP needs detections with low scores too; scores below this add time and hardly any AP."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a detector predicts on the images of a data set.

    Args:
        detections: by image_id, at most 100 per image, with scores of at least 0.01.
        unreadable: the images that cannot be read, by path, with the reason.
        seconds_per_image: as the detector's own `cost` has them; None where it counts no images.
        from_cache: whether they were read from a file, not computed just now.
    """

    detections: dict[int, Detections]
    unreadable: dict[str, str]
    seconds_per_image: float | None
    from_cache: bool = False


def predict(detector: Detector, dataset: Dataset, progress: bool = True) -> dict[int, Detections]:
    """Runs a detector over a data set; images are read one by one.

    Args:
        detector: any class that satisfies the protocol.
        dataset: its images.
        progress: whether to show progress on stderr.
    Returns:
        Detections by image_id, at most 100 per image, with scores of at least 0.01. An image that
        cannot be read has no entry.
    """
    return _predict_readable(detector, dataset, progress)[0]


def compute_predictions(detector: Detector, dataset: Dataset, progress: bool = True) -> Predictions:
    """Runs a detector over a data set, as `predict`, and reports its time and unreadable images.

    Args:
        detector: any class that satisfies the protocol.
        dataset: its images.
        progress: whether to show progress on stderr.
    Returns:
        The predictions on the images that can be read.
    Raises:
        InputError: no image can be read.
    """
    before = detector.cost
    detections, unreadable = _predict_readable(detector, dataset, progress)
    if not detections:
        reason = next(iter(unreadable.values()))
        raise InputError(f"{dataset.root}: no image can be read; the first: {reason}")
    cost = detector.cost.since(before)
    return Predictions(detections, unreadable, cost.seconds_per_image if cost.images else None)


def _predict_readable(
    detector: Detector, dataset: Dataset, progress: bool
) -> tuple[dict[int, Detections], dict[str, str]]:
    """Detections by image_id, and the unreadable images by path with the reason."""
    image_ids: list[int] = []
    unreadable: dict[str, str] = {}

    def read_images() -> Iterator[np.ndarray]:
        rows = dataset.images[["image_id", "path"]].itertuples(index=False)
        bar = tqdm(rows, "detect", len(dataset), unit="image", disable=not progress)
        for image_id, path in bar:
            try:
                image = read_photo(path)
            except InputError as e:
                unreadable[path] = str(e)
                continue
            image_ids.append(image_id)
            yield image

    detections = list(
        detector.detect(
            read_images(), score_threshold=SCORE_THRESHOLD, max_detections=MAX_DETECTIONS
        )
    )
    return dict(zip(image_ids, detections, strict=True)), unreadable
