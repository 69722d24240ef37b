"""What a detector does at the one score threshold at which it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.coco import AT_50, IOUS
from shopee_od.evaluation.curves import together
from shopee_od.evaluation.views import by_class
from shopee_od.ops.boxes import iou
from shopee_od.types import Detections


def best_threshold(
    detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]
) -> tuple[float, float]:
    """Detections of every photo of a validation set -> the score threshold with the best F1, and that F1.

    F1 = 2 right / (detections + boxes), over all classes together; right is a detection of the box's class at
    IoU >= 0.5, matched as for AP. `ignore` and crowd boxes, and detections matched to them, are left out. Of
    several best thresholds it is the highest; (0.5, 0.0) where no detection is right.
    """
    curve = together(by_class(detections, dataset, classes).values())
    if not curve.hit.any():
        return 0.5, 0.0
    f1 = 2 * np.cumsum(curve.hit) / (np.arange(1, len(curve.scores) + 1) + curve.boxes)
    last_of_ties = np.append(curve.scores[1:] < curve.scores[:-1], True)  # a threshold takes all of a score or none
    best = np.argmax(np.where(last_of_ties, f1, -1))
    return float(curve.scores[best]), float(f1[best])


def photos_hit(
    detections: Mapping[int, Detections], dataset: Dataset, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """-> bool (P,) the photos, by rising image_id, that show a garment; bool (P,) those with one boxed.

    Boxed: at IoU >= 0.5 by a detection of any class with a score of at least `threshold`. `ignore` and crowd
    boxes are no garments.
    """
    image_ids = sorted(dataset.images.image_id.tolist())
    there = dataset.boxes.image_id.to_numpy()
    garment = np.isin(image_ids, there[dataset.counts])
    return garment, np.isin(image_ids, there[dataset.counts & boxes_hit(detections, dataset, threshold)])


def boxes_hit(detections: Mapping[int, Detections], dataset: Dataset, threshold: float) -> np.ndarray:
    """bool (M,), for each row of `dataset.boxes`: boxed at IoU >= 0.5 by a detection of any class, as `photos_hit`."""
    corners = dataset.boxes[CORNERS].to_numpy()
    hit = np.zeros(len(corners), bool)
    for image_id, rows in dataset.boxes.groupby("image_id").indices.items():
        overlap = iou(corners[rows], detections[image_id].above(threshold).boxes)
        hit[rows] = (overlap >= IOUS[AT_50]).any(axis=1)
    return hit
