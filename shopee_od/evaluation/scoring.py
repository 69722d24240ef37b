"""A detector's COCO metrics on a data set, by class, type and class-agnostic, with intervals."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import Taxonomy
from shopee_od.detector import Detector
from shopee_od.evaluation.average_precision import (
    AT_50,
    AT_75,
    IOU_THRESHOLDS,
    Matches,
    compute_average_precision,
    compute_recall,
    nan_to_none,
    summarize,
)
from shopee_od.evaluation.bootstrap import compute_basic_interval, draw_resamples
from shopee_od.evaluation.class_mapping import (
    Comparison,
    join_detections,
    join_ground_truth,
    refuse_shared_names,
    share_classes,
)
from shopee_od.evaluation.cross_dataset import evaluate_cross_dataset, explain_unmapped
from shopee_od.evaluation.grouping import match_by_class, match_by_type, match_class_agnostic
from shopee_od.evaluation.prediction import Predictions, compute_predictions
from shopee_od.evaluation.thresholds import find_detected_images
from shopee_od.structures import Detections


def evaluate(
    detector: Detector,
    dataset: Dataset,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
    taxonomy: Taxonomy | None = None,
    level: str = "group",
) -> dict[str, Any]:
    """Runs a detector over the images of a data set and computes its metrics.

    Args:
        detector: any class that satisfies the protocol.
        dataset: images and their boxes.
        bootstrap: resamples for the intervals; 0 for none.
        seed: of the resamples.
        progress: whether to show progress on stderr.
        taxonomy: where the detector has its categories as classes and `dataset` has not, or the
            other way round, `share_classes` brings both under the same classes by it. Where the
            detector does not know all classes of `dataset`, both are also compared at `level`.
        level: "category", "group" or "type".
    Returns:
        What `score` returns, and
        seconds_per_photo: as the detector's own `cost` has them, without reading files;
        left_out: the images that cannot be read, by path, with the reason; they do not count;
        shop: what `evaluate_cross_dataset` returns. None without `taxonomy`, where the detector
        knows all classes, and where the taxonomy lacks a class (stderr names it).
    Raises:
        InputError: no image can be read; or one side has categories and the other has not, they
            share a name, and the taxonomy lacks a class.
    """
    _explain_unmapped(detector, dataset, taxonomy)
    predictions = compute_predictions(detector, dataset, progress)
    return score_predictions(predictions, dataset, detector, bootstrap, seed, taxonomy, level)


def evaluate_sources(
    detector: Detector,
    datasets: Sequence[Dataset],
    taxonomy: Taxonomy,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = True,
    level: str = "group",
) -> dict[str, Any]:
    """Computes a detector's metrics on several data sets, on each apart and on all together.

    Args:
        detector: any class that satisfies the protocol.
        datasets: each of another name.
        taxonomy: has the classes of all of them; together they are evaluated by its categories.
        bootstrap, seed, progress, level: as for `evaluate`.
    Returns:
        sources: by name of the data set what `evaluate` returns; together: the same of all images.
    Raises:
        InputError: the taxonomy lacks a class, or as `evaluate`.
    """
    joint = join_ground_truth(datasets, taxonomy)
    for dataset in (*datasets, joint):
        _explain_unmapped(detector, dataset, taxonomy)
    options = (detector, bootstrap, seed, taxonomy, level)
    predictions = [compute_predictions(detector, dataset, progress) for dataset in datasets]
    return {
        "sources": {
            dataset.name: score_predictions(p, dataset, *options)
            for p, dataset in zip(predictions, datasets, strict=True)
        },
        "together": score_predictions(_join_predictions(predictions, datasets), joint, *options),
    }


def _explain_unmapped(
    detector: Detector, dataset: Dataset, taxonomy: Taxonomy | None
) -> str | None:
    """`explain_unmapped`, where the classes can be compared by their names all the same."""
    unmapped = explain_unmapped(detector, dataset, taxonomy) if taxonomy else None
    if unmapped:
        refuse_shared_names(dataset, detector, unmapped)
    return unmapped


def _join_predictions(
    predictions: Sequence[Predictions], datasets: Sequence[Dataset]
) -> Predictions:
    """The predictions on several data sets as those on their joint one."""
    timed = [p for p in predictions if p.seconds_per_image is not None]
    seconds = sum((p.seconds_per_image or 0) * len(p.detections) for p in timed)
    return Predictions(
        join_detections([p.detections for p in predictions], datasets),
        {path: reason for p in predictions for path, reason in p.unreadable.items()},
        seconds / sum(len(p.detections) for p in timed) if timed else None,
    )


def score_predictions(
    predictions: Predictions,
    dataset: Dataset,
    detector: Detector,
    bootstrap: int = 1000,
    seed: int = 0,
    taxonomy: Taxonomy | None = None,
    level: str = "group",
) -> dict[str, Any]:
    """Computes a detector's metrics from its predictions on a data set.

    Args:
        predictions: of `compute_predictions`.
        dataset, detector, bootstrap, seed, taxonomy, level: as for `evaluate`.
    Returns:
        What `evaluate` returns.
    Raises:
        InputError: as `evaluate`.
    """
    detections = predictions.detections
    readable = dataset.take(detections)
    comparison = Comparison(detections, readable, detector.classes, detector.types)
    unmapped = _explain_unmapped(detector, dataset, taxonomy)
    if taxonomy and not unmapped:
        comparison = share_classes(detections, readable, detector, taxonomy)
    metrics = score(
        comparison.detections,
        comparison.dataset,
        comparison.classes,
        comparison.types,
        detector.threshold,
        bootstrap,
        seed,
    )
    metrics["seconds_per_photo"] = predictions.seconds_per_image
    metrics["left_out"] = predictions.unreadable
    metrics["shop"] = None
    if taxonomy and not {*dataset.classes} <= {*detector.classes}:
        if unmapped:
            print(f"not evaluated by taxonomy {level}: {unmapped}", file=sys.stderr)
        else:
            metrics["shop"] = evaluate_cross_dataset(
                detections, readable, detector, taxonomy, level
            )
    return metrics


def score(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    classes: Sequence[str],
    types: Sequence[str],
    threshold: float,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Computes a detector's metrics from its detections.

    Classes are the same where their names are. `ignore` boxes and detections on them are left out
    (`average_precision.match_detections` has the rules); boxes of coarse labels count in per_type
    and agnostic only. A metric that is not defined is None: the AP of a class
    without boxes, a mean where no class is shared, a type that no class of the detector has.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        classes: the detector's, in the order of its labels.
        types: the type of each of its classes.
        threshold: its operating threshold.
        bootstrap: resamples for the intervals; 0 for none.
        seed: of the resamples.
    Returns:
        AP, AP50, AP75: COCO's average precision, the mean over the classes that data set and
        detector share; AP is also the mean over the IoU thresholds 0.50, 0.55, …, 0.95;
        AR1, AR10, AR100: recall, averaged over the same ten IoU thresholds and over the classes,
        with at most 1, 10, 100 detections per image and class;
        agnostic: AP, AP50 and boxes of all garments as one class, after NMS across all classes;
        per_type: the same of each of upper, lower and full, after NMS across its classes;
        per_class: the same of each shared class;
        unknown_classes: those of `dataset` that the detector does not know; they count in per_type
        and agnostic only;
        photos: the number of images;
        photos_with_a_hit: image-level recall: of the images with garments, the share with at least
        one garment found, at IoU 0.5 by a detection of any class with a score of at least
        `threshold`;
        threshold: as given;
        seconds_per_photo: None;
        intervals: [low, high], 95%, of AP, AP50, AP75, agnostic_AP50 and photos_with_a_hit;
        bootstrap: draws and seed.
    """
    class_matches = match_by_class(detections, dataset, classes)
    type_matches = match_by_type(detections, dataset, types)
    agnostic_matches = match_class_agnostic(detections, dataset)
    has_garment, has_detected = find_detected_images(detections, dataset, threshold)

    def compute(weights: np.ndarray) -> dict[str, np.ndarray]:
        """int (B, P), how often each of B resamples contains each image -> metrics, each (B,)."""
        return _compute_headline(list(class_matches.values()), agnostic_matches, weights) | {
            "photos_with_a_hit": _divide(weights @ has_detected, weights @ has_garment)
        }

    all_images = np.ones((1, len(dataset)), int)
    values = {name: nan_to_none(value[0]) for name, value in compute(all_images).items()}
    num_detections = sum(len(m.image) for m in [*class_matches.values(), agnostic_matches])
    resamples = draw_resamples(len(dataset), bootstrap, seed, num_detections)
    resampled = [compute(weights) for weights in resamples]
    per_type = {name: summarize(m) for name, m in type_matches.items()}
    for name in set(per_type) - set(types):
        per_type[name] |= {"AP": None, "AP50": None}
    return {
        **{name: values[name] for name in ("AP", "AP50", "AP75")},
        **{f"AR{k}": _compute_mean_recall(class_matches, k) for k in (1, 10, 100)},
        "agnostic": summarize(agnostic_matches),
        "per_type": per_type,
        "per_class": {name: summarize(m) for name, m in class_matches.items()},
        "unknown_classes": [name for name in dataset.classes if name not in classes],
        "photos": len(dataset),
        "photos_with_a_hit": values["photos_with_a_hit"],
        "threshold": float(threshold),
        "seconds_per_photo": None,
        "intervals": {
            name: compute_basic_interval(value, [resample[name] for resample in resampled])
            for name, value in values.items()
        },
        "bootstrap": {"draws": bootstrap, "seed": seed},
    }


def _compute_headline(
    class_matches: Sequence[Matches], agnostic_matches: Matches, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """The AP figures that have intervals, each float64 (B,) for B resamples."""
    class_ap = [compute_average_precision(matches, weights) for matches in class_matches]
    shape = (len(class_matches), len(weights), len(IOU_THRESHOLDS))
    ap = _mean_of_known(np.reshape(class_ap, shape))
    agnostic_ap = compute_average_precision(agnostic_matches, weights)
    return {
        "AP": ap.mean(axis=1),
        "AP50": ap[:, AT_50],
        "AP75": ap[:, AT_75],
        "agnostic_AP50": agnostic_ap[:, AT_50],
    }


def _compute_mean_recall(class_matches: Mapping[str, Matches], max_detections: int) -> float | None:
    """COCO's AR: the mean over classes and IoU thresholds."""
    recall = [compute_recall(m, max_detections).mean() for m in class_matches.values()]
    return nan_to_none(float(_mean_of_known(np.array(recall))))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b; NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """float (K, …) -> (…): the mean over K of what is not NaN; NaN where all is, or K is 0."""
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))
