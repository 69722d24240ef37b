"""A detector's figures on a data set: COCO metrics by class, by type and class-agnostic, with intervals."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.taxonomy import Taxonomy
from shopee_od.evaluation.across import across
from shopee_od.evaluation.coco import (
    AT_50,
    AT_75,
    IOUS,
    MAX_DETECTIONS,
    average_precision,
    number,
    recall,
    summary,
)
from shopee_od.evaluation.operating import photos_hit
from shopee_od.evaluation.views import agnostic, by_class, by_type
from shopee_od.types import Detections, Detector, InputError

SCORE_THRESHOLD = 0.01
"""AP counts what low scores find too, as COCO means it; still lower ones mostly cost time."""
ELEMENTS_AT_ONCE = 5_000_000
"""Detections × bootstrap draws held in memory at a time."""


def evaluate(
    detector: Detector,
    dataset: Dataset,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
    shelves: Taxonomy | None = None,
    level: str = "group",
) -> dict:
    """Runs `detector` over the photos of `dataset` -> the figures of `score`, with seconds_per_photo.

    The seconds are those that the detector itself reports (`Detector.cost`), without reading the files.
    left_out: the photos that cannot be read, with the reason; the figures are over the others. Raises InputError
    where none is left.
    shop: what `across` finds by `shelves` at `level`, where the detector does not know all classes of `dataset` and the
    taxonomy has places for those of both; else None, and the first without one is named on stderr.
    """
    detections, left_out, seconds = predict_timed(detector, dataset, progress)
    scored = dataset.take(detections)
    figures = score(detections, scored, detector.classes, detector.types, detector.threshold, bootstrap, seed)
    figures |= {"seconds_per_photo": seconds, "left_out": left_out, "shop": None}
    if shelves and figures["unknown_classes"]:
        both = (dataset.name, dataset.classes), (detector.trained["dataset"], detector.classes)
        without = [f"{name}: {unplaced[0]!r}" for name, of in both if (unplaced := shelves.unplaced(name, of))]
        if without:
            print(f"not judged by the shop's groups: {shelves.path} has no place for {without[0]}", file=sys.stderr)
        else:
            figures["shop"] = across(detections, scored, detector, shelves, level)
    return figures


def predict_timed(
    detector: Detector, dataset: Dataset, progress: bool = True
) -> tuple[dict[int, Detections], dict[str, str], float | None]:
    """What `predict` finds; the photos left out, by path, with the reason; the detector's own seconds a photo.

    The seconds are None where it counts none. Raises InputError where no photo can be read.
    """
    before, left_out = replace(detector.cost), {}  # a copy: the detector may go on counting in the same object
    detections = predict(detector, dataset, progress, left_out)
    if not detections:
        raise InputError(f"{dataset.root}: no photo can be read; first: {next(iter(left_out.values()))}")
    photos, seconds = detector.cost.photos - before.photos, detector.cost.seconds - before.seconds
    return detections, left_out, seconds / photos if photos else None


def predict(
    detector: Detector, dataset: Dataset, progress: bool = True, left_out: dict[str, str] | None = None
) -> dict[int, Detections]:
    """image_id -> Detections with a score of at least 0.01, at most 100 a photo. Photos are read one by one.

    Progress goes to stderr. A photo that cannot be read has no entry; `left_out` gets its path and the reason.
    """
    read: list[int] = []

    def images() -> Iterator[np.ndarray]:
        rows = dataset.images[["image_id", "path"]].itertuples(index=False)
        for image_id, path in tqdm(rows, "detect", len(dataset), unit="photo", disable=not progress):
            try:
                image = read_photo(path)
            except InputError as e:
                if left_out is not None:
                    left_out[path] = str(e)
                continue
            read.append(image_id)
            yield image

    found = list(detector.detect(images(), score_threshold=SCORE_THRESHOLD, max_detections=MAX_DETECTIONS))
    return dict(zip(read, found, strict=True))


def score(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    classes: Sequence[str],
    types: Sequence[str],
    threshold: float,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict:
    """Detections in every photo, their detector's classes, types and operating threshold -> figures.

    AP, AP50, AP75, AR1, AR10, AR100: COCO's, the mean over the classes that `dataset` and the detector share.
    agnostic:   AP, AP50 and boxes of all garments taken as one class, after NMS across all classes.
    per_type:   the same for each of upper, lower and full, after NMS across its classes.
    per_class:  the same for each shared class.
    unknown_classes: those of `dataset` that the detector does not know; in per_type and agnostic only.
    photos_with_a_hit: of the photos with garments, the share with one boxed at IoU >= 0.5, of whatever class,
                by a detection with a score of at least `threshold`.
    intervals:  [low, high], 95%, from `bootstrap` draws of as many photos with replacement.

    Classes are the same where their names are. `ignore` boxes neither count nor cost (`coco.match` says how).
    What cannot be told is None: the AP of a class without boxes, a mean where no class is shared, a type that
    the detector has no class of.
    """
    matches = by_class(detections, dataset, classes)
    any_class = agnostic(detections, dataset, classes)
    garment, hit = photos_hit(detections, dataset, threshold)

    def headline(weights: np.ndarray) -> dict[str, np.ndarray]:
        """int (B, P), how often each of B draws holds each photo -> the figures with intervals, each (B,)."""
        ap = [average_precision(m, weights) for m in matches.values()]
        ap = _mean(np.reshape(ap, (len(matches), len(weights), len(IOUS))))
        drawn = weights @ garment
        return {
            "AP": ap.mean(axis=1),
            "AP50": ap[:, AT_50],
            "AP75": ap[:, AT_75],
            "agnostic_AP50": average_precision(any_class, weights)[:, AT_50],
            "photos_with_a_hit": np.where(drawn, weights @ hit / np.maximum(drawn, 1), np.nan),
        }

    figures = {name: number(value[0]) for name, value in headline(np.ones((1, len(dataset)), int)).items()}
    size = sum(len(m.photo) for m in matches.values()) + len(any_class.photo)
    draws = [headline(weights) for weights in _draws(len(dataset), bootstrap, seed, size)]
    recalls = {k: np.array([recall(m, k).mean() for m in matches.values()]) for k in (1, 10, 100)}
    return {
        **{name: figures[name] for name in ("AP", "AP50", "AP75")},
        **{f"AR{k}": number(_mean(values)) for k, values in recalls.items()},
        "agnostic": summary(any_class),
        "per_type": {
            name: summary(m) if name in types else summary(m) | {"AP": None, "AP50": None}
            for name, m in by_type(detections, dataset, types).items()
        },
        "per_class": {name: summary(m) for name, m in matches.items()},
        "unknown_classes": [name for name in dataset.classes if name not in classes],
        "photos": len(dataset),
        "photos_with_a_hit": figures["photos_with_a_hit"],
        "threshold": float(threshold),
        "seconds_per_photo": None,
        "intervals": {name: _interval(figures[name], [draw[name] for draw in draws]) for name in figures},
        "bootstrap": {"draws": bootstrap, "seed": seed},
    }


def _draws(photos: int, draws: int, seed: int, size: int) -> Iterator[np.ndarray]:
    """int (B, photos), how often each of B draws holds each photo; `draws` rows in all, some at a time."""
    rng = np.random.default_rng(seed)
    step = max(1, ELEMENTS_AT_ONCE // max(size, photos))
    for start in range(0, draws, step):
        rows = range(start, min(start + step, draws))
        yield np.array([np.bincount(rng.integers(photos, size=photos), minlength=photos) for _ in rows])


def _mean(values: np.ndarray) -> np.ndarray:
    """float (K, ...) -> (...): the mean over K of what is not NaN; NaN where all is, or K is 0."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.where(count, np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _interval(figure: float | None, draws: list[np.ndarray]) -> list[float] | None:
    """The basic bootstrap: the figure is as far from the truth as the draws are from the figure.

    Not the draws' own percentiles: AP comes out too high on few photos, and as much again in draws of them,
    so that the percentiles miss the truth far too often (Davison and Hinkley 1997, section 5.2).
    """
    values = np.concatenate([[], *draws])
    values = values[~np.isnan(values)]
    if figure is None or not len(values):
        return None
    low, high = 2 * figure - np.percentile(values, [97.5, 2.5])
    return [max(0.0, float(low)), min(1.0, float(high))]
