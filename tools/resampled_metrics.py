"""AP and recall on all images and on resamples of them, and their intervals over seeds.

The resamples depend on the number of images and the seed alone, so that those of all detectors
have the same images: differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.average_precision import (
    AT_50,
    MAX_DETECTIONS,
    Matches,
    compute_average_precision,
)
from shopee_od.evaluation.bootstrap import compute_basic_interval, draw_resamples
from shopee_od.evaluation.grouping import match_by_class, match_class_agnostic
from shopee_od.structures import Detections

METRICS = ("AP50", "AP", "agnostic_AP50", "agnostic_AP", "recall")
"""Means over classes; of all garments as one class; recall as one class, at IoU 0.5."""
DIFFERENCE_LIMITS = (-1.0, 1.0)


def compute_metrics(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    classes: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """METRICS of a detector on all images, and on resamples of them.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        classes: the detector's, in the order of its labels.
        resamples: how many.
        seed: of the resamples.
    Returns:
        By name float64 (1 + resamples,), that of all images first; NaN where it is not defined.
    """
    by_class = list(match_by_class(detections, dataset, classes).values())
    agnostic = match_class_agnostic(detections, dataset)
    num_detections = len(agnostic.image) + max((len(m.image) for m in by_class), default=0)
    all_images = np.ones((1, len(dataset)), int)
    weights = [all_images, *draw_resamples(len(dataset), resamples, seed, num_detections)]
    parts = [_compute_weighted(by_class, agnostic, w) for w in weights]
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def average_over_seeds(
    values: np.ndarray, seed: int = 0, limits: tuple[float, float] = (0.0, 1.0)
) -> dict[str, float]:
    """The mean over trainings with different seeds, with a 95% interval over images and seeds.

    Each resample of the images also draws as many seeds with replacement. What it draws depends on
    the number of seeds and resamples alone, so that the interval of the difference of two stages
    is that of `values - values_of_the_other`: both have the same images and the same draws.

    Args:
        values: float64 (seeds, 1 + resamples), rows of `compute_metrics`; or differences of them.
        seed: of the draws.
        limits: the lowest and highest value that the metric can have.
    Returns:
        value, low and high.
    Source: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics, 2007: rows and columns
        are resampled independently.
    """
    num_seeds, columns = values.shape
    draws = np.random.default_rng(seed).integers(num_seeds, size=(columns - 1, num_seeds))
    resampled = values[draws, np.arange(1, columns)[:, None]].mean(axis=1)
    value = float(values[:, 0].mean())
    low, high = compute_basic_interval(value, [resampled], limits) or (value, value)
    return {"value": value, "low": low, "high": high}


def _compute_weighted(
    by_class: Sequence[Matches], agnostic: Matches, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """METRICS, each float64 (B,), for int (B, P): how often each resample has each image."""
    ap = np.nanmean([compute_average_precision(m, weights) for m in by_class], axis=0)
    agnostic_ap = compute_average_precision(agnostic, weights)
    is_hit = agnostic.correct[AT_50] & (agnostic.rank < MAX_DETECTIONS)
    num_hits = weights @ np.bincount(agnostic.image[is_hit], minlength=len(agnostic.num_gt))
    num_gt = weights @ agnostic.num_gt
    return {
        "AP50": ap[:, AT_50],
        "AP": ap.mean(axis=1),
        "agnostic_AP50": agnostic_ap[:, AT_50],
        "agnostic_AP": agnostic_ap.mean(axis=1),
        "recall": np.divide(num_hits, num_gt, out=np.full(len(weights), np.nan), where=num_gt > 0),
    }
