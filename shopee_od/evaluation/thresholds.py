"""The operating threshold, and which images and boxes a detector finds at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.average_precision import AT_50, IOU_THRESHOLDS
from shopee_od.evaluation.curves import compute_pooled_curve
from shopee_od.evaluation.grouping import match_by_class
from shopee_od.ops.boxes import box_iou
from shopee_od.structures import Detections


def find_best_threshold(
    detections: Mapping[int, Detections], dataset: Dataset, classes: Sequence[str]
) -> tuple[float, float]:
    """Finds the score threshold with the best F1 on a validation set.

    F1 = 2 · correct / (detections + boxes), over all classes together. Detections are matched at
    IoU 0.5 as for AP; ignore and crowd boxes, and detections matched to them, are left out.

    Args:
        detections: of every image of `dataset`.
        dataset: the validation set.
        classes: the detector's, in the order of its labels.
    Returns:
        threshold, the highest of several best ones, and its F1; (0.5, 0.0) where no detection is
        correct.
    """
    curve = compute_pooled_curve(match_by_class(detections, dataset, classes).values())
    if not curve.correct.any():
        return 0.5, 0.0
    num_detections = np.arange(1, len(curve.scores) + 1)
    f1 = 2 * np.cumsum(curve.correct) / (num_detections + curve.num_gt)
    # A threshold keeps all detections of one score, or none of them.
    last_of_score = np.append(curve.scores[1:] < curve.scores[:-1], True)
    best = np.argmax(np.where(last_of_score, f1, -1))
    return float(curve.scores[best]), float(f1[best])


def find_detected_images(
    detections: Mapping[int, Detections], dataset: Dataset, score_threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Marks images with garments, and images with at least one garment found.

    The second divided by the first is image-level recall.

    Args:
        detections: of every image of `dataset`.
        dataset: its ignore and crowd boxes are not garments.
        score_threshold: lower scores do not count.
    Returns:
        bool (P,), images by rising image_id that have a garment; bool (P,), those of them in which
        `find_detected_boxes` finds one.
    """
    image_ids = sorted(dataset.images.image_id.tolist())
    image_of_box = dataset.boxes.image_id.to_numpy()
    counted = dataset.counted_mask
    detected = counted & find_detected_boxes(detections, dataset, score_threshold)
    return np.isin(image_ids, image_of_box[counted]), np.isin(image_ids, image_of_box[detected])


def find_detected_boxes(
    detections: Mapping[int, Detections], dataset: Dataset, score_threshold: float
) -> np.ndarray:
    """Marks boxes with IoU at least 0.5 with a detection of any class and a sufficient score.

    Returns:
        bool (M,), one value per row of `dataset.boxes`.
    """
    corners = dataset.boxes[CORNERS].to_numpy()
    detected = np.zeros(len(corners), bool)
    rows_of_image: dict[int, np.ndarray] = dataset.boxes.groupby("image_id").indices  # type: ignore[assignment]
    for image_id, rows in rows_of_image.items():
        iou = box_iou(corners[rows], detections[image_id].above(score_threshold).boxes)
        detected[rows] = (iou >= IOU_THRESHOLDS[AT_50]).any(axis=1)
    return detected
