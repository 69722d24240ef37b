"""The thresholds chosen on validation images, and which images and boxes are found at one.

One threshold of the garment score decides which boxes are shown, another one of the class score
which of them are tagged with their category: it may be clear that a box holds a garment, and not
clear which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.evaluation.average_precision import AT_50, IOU_THRESHOLDS
from shopee_od.evaluation.curves import (
    PRCurve,
    compute_class_curve,
    compute_pooled_curve,
    compute_pr_curve,
)
from shopee_od.evaluation.grouping import match_by_class, match_garments
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
    return _find_best_f1(
        compute_pooled_curve(match_by_class(detections, dataset, classes).values())
    )


def find_garment_threshold(
    detections: Mapping[int, Detections], dataset: Dataset
) -> tuple[float, float]:
    """Finds the garment score with the best F1 on a validation set, all garments as one class.

    The detections are those that are shown: `Detections.select_garments`. They are matched at IoU
    0.5, all garments as one class; otherwise as `find_best_threshold`.

    Args:
        detections: of every image of `dataset`.
        dataset: the validation set; boxes of coarse labels count too.
    Returns:
        threshold and F1, as of `find_best_threshold`.
    """
    garments = {i: detections[i].select_garments() for i in dataset.images.image_id}
    return _find_best_f1(compute_class_curve(match_garments(garments, dataset)))


def find_category_threshold(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    classes: Sequence[str],
    garment_threshold: float,
    precision: float = 0.8,
) -> float:
    """Finds the lowest class score at and above which enough tags are right.

    1. The boxes that are shown, as `Detections.select_garments` gives them. Each has one tag, its
       class.
    2. They are matched to the boxes of `dataset` at IoU 0.5, all garments as one class. Those that
       match none, or an ignore or crowd box, or a box of a coarse label, do not count.
    3. A tag is right where the class of the matched box has the same name.

    Args:
        detections: of every image of `dataset`.
        dataset: the validation set.
        classes: the detector's, in the order of its labels.
        garment_threshold: the lowest garment score that is shown.
        precision: the share of the tags at or above the threshold that must be right.
    Returns:
        The threshold: 0.0 where all tags together are precise enough, or where there is no tag to
        choose by; 1.0 where they are at no threshold.
    """
    scores, is_right = _list_tags(detections, dataset, classes, garment_threshold)
    curve = compute_pr_curve(scores, is_right, len(is_right))
    candidates = np.flatnonzero(_is_last_of_score(curve) & (curve.precision >= precision))
    if len(candidates):
        last = candidates[-1]
        return 0.0 if last == len(is_right) - 1 else float(curve.scores[last])
    return 1.0 if len(is_right) else 0.0


def find_detected_images(
    detections: Mapping[int, Detections], dataset: Dataset, score_threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Marks images with garments, and images with at least one garment found.

    The second divided by the first is image-level recall.

    Args:
        detections: of every image of `dataset`.
        dataset: its ignore and crowd boxes are not garments.
        score_threshold: lower garment scores do not count.
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
    """Marks boxes with IoU at least 0.5 with a detection of a sufficient garment score.

    Args:
        detections: of every image of `dataset`.
        dataset: the ground truth.
        score_threshold: lower garment scores do not count.
    Returns:
        bool (M,), one value per row of `dataset.boxes`.
    """
    corners = dataset.boxes[CORNERS].to_numpy()
    detected = np.zeros(len(corners), bool)
    rows_of_image: dict[int, np.ndarray] = dataset.boxes.groupby("image_id").indices  # type: ignore[assignment]
    for image_id, rows in rows_of_image.items():
        garments = detections[image_id].as_garments().above(score_threshold)
        iou = box_iou(corners[rows], garments.boxes)
        detected[rows] = (iou >= IOU_THRESHOLDS[AT_50]).any(axis=1)
    return detected


def count_false_alarms(
    detections: Mapping[int, Detections], dataset: Dataset, threshold: float
) -> dict[str, Any]:
    """Counts the boxes that are shown in images without garments.

    Args:
        detections: of every image of `dataset`.
        dataset: an image counts that has no box, not even one to be ignored.
        threshold: the lowest garment score that is shown.
    Returns:
        photos: the images without a garment; false_alarms: the boxes that
        `Detections.select_garments` shows in them; per_photo: None where there is no such image.
    """
    with_boxes = dataset.boxes.image_id.unique()
    empty = dataset.images.image_id[~dataset.images.image_id.isin(with_boxes)]
    false_alarms = sum(len(detections[i].select_garments(threshold)) for i in empty)
    return {
        "photos": len(empty),
        "false_alarms": false_alarms,
        "per_photo": false_alarms / len(empty) if len(empty) else None,
    }


def _find_best_f1(curve: PRCurve) -> tuple[float, float]:
    """The score with the best F1, and this F1; (0.5, 0.0) where no detection is correct."""
    if not curve.correct.any():
        return 0.5, 0.0
    num_detections = np.arange(1, len(curve.scores) + 1)
    f1 = 2 * np.cumsum(curve.correct) / (num_detections + curve.num_gt)
    best = np.argmax(np.where(_is_last_of_score(curve), f1, -1))
    return float(curve.scores[best]), float(f1[best])


def _is_last_of_score(curve: PRCurve) -> np.ndarray:
    """bool (n,): a threshold keeps all detections of one score, or none of them."""
    is_last = np.ones(len(curve.scores), bool)
    is_last[:-1] = curve.scores[1:] < curve.scores[:-1]
    return is_last


def _list_tags(
    detections: Mapping[int, Detections],
    dataset: Dataset,
    classes: Sequence[str],
    garment_threshold: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The tags of boxes that are shown on a garment of a known class: class score, bool is right.

    Each is (n,).
    """
    image_ids = sorted(dataset.images.image_id.tolist())
    tags = {i: detections[i].select_garments(garment_threshold) for i in image_ids}
    matches = match_garments(tags, dataset)
    # Ranks count by garment score, detections by class score.
    order = [np.argsort(-tags[i].garment_scores, kind="stable") for i in image_ids]
    gt_labels = dataset.boxes.label.to_numpy()
    rows_of_image = dataset.boxes.groupby("image_id").indices
    scores = []
    is_right = []
    for k in np.flatnonzero(matches.correct[AT_50]):
        image = matches.image[k]
        image_id = image_ids[image]
        gt_label = gt_labels[rows_of_image[image_id][matches.gt_index[AT_50, k]]]
        if gt_label >= len(dataset.classes):
            continue
        row = order[image][matches.rank[k]]
        scores.append(tags[image_id].scores[row])
        is_right.append(classes[tags[image_id].labels[row]] == dataset.classes[gt_label])
    return np.array(scores), np.array(is_right, bool)
