"""Types of error, and how much AP50 each of them costs: TIDE.

Source: Bolya, Foley, Hays and Hoffman, "TIDE: A General Toolbox for Identifying Object Detection
Errors", ECCV 2020, sections 2.2 and 2.3. The results equal those of the authors' program, tidecv,
with these differences: the types are fixed independently, as in the paper; `ignore` boxes, IoU
boundaries and the mean over classes are COCO's; a fix may lower AP, which tidecv reports as 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.evaluation.average_precision import AT_50, IOU_THRESHOLDS
from shopee_od.evaluation.curves import compute_pr_curve
from shopee_od.evaluation.match_table import BACKGROUND_IOU, MatchTable

ERROR_TYPES = {
    "classification": "on a garment, but the wrong class",
    "localization": "the right class, but the box fits badly",
    "both": "the wrong class, and the box fits badly",
    "duplicate": "a second detection of a garment that is already detected",
    "background": "where there is no garment",
    "missed": "a garment that no detection finds, nor would find with its class or box fixed",
}
"""Each type of error in the order of the paper, and what it means."""


def classify_errors(table: MatchTable) -> tuple[np.ndarray, np.ndarray]:
    """Gives each wrong detection its type of error, and finds the missed boxes.

    A wrong detection has the first type that fits, in the order of the authors' program:

    1. localization: the highest IoU with a box of its class is at least 0.1 and below 0.5;
    2. classification: the IoU with a box of another class is at least 0.5;
    3. duplicate: the IoU with a box of its class is at least 0.5, so that a detection with a higher
       score was matched to that box;
    4. background: the IoU with every box is below 0.1;
    5. both: all others.

    A box is missed if no detection is matched to it, nor would be with the error of type 1 or 2 of
    a detection fixed.

    Args:
        table: n detections and m boxes, from `build_match_table`.
    Returns:
        str (n,), a key of ERROR_TYPES, or "" for correct detections; bool (m,), the missed boxes.
    Source: TIDE, section 2.2.
    """
    same_class, other_class = _find_nearest(table)
    error_type = _assign_types(table, same_class, other_class)
    return error_type, _find_missed(table, same_class, other_class, error_type)


def measure_error_costs(table: MatchTable) -> pd.DataFrame:
    """Measures how much AP50 would rise if one type of error were fixed and the others were not.

    A badly fitting box is moved to its garment and a wrong class is corrected, if the garment has
    no correct detection and this detection has the highest score of those to be fixed on it;
    otherwise the detection is removed. Detections with other types of error are removed. Missed
    boxes no longer count; a class without a correct detection keeps AP 0.

    The gains do not add up to 1 - AP50: what one fix yields depends on the other errors.

    Args:
        table: from `build_match_table`.
    Returns:
        One row per type: count, and gain, the rise of AP50 (NaN where no class has boxes).
    Source: TIDE, section 2.3.
    """
    same_class, other_class = _find_nearest(table)
    error_type = _assign_types(table, same_class, other_class)
    missed = _find_missed(table, same_class, other_class, error_type)
    target_rows = {"localization": same_class.gt_row, "classification": other_class.gt_row}
    score = table.detections.score.to_numpy()
    category = table.detections.category.to_numpy()
    correct = table.detections.correct.to_numpy()
    gt_category = table.gt_boxes.category.to_numpy()
    ap50 = _compute_mean_ap50(score, category, correct, table.num_gt, table.num_gt)
    rows = []
    for name in ERROR_TYPES:
        if name == "missed":
            num_missed = np.bincount(gt_category[missed], minlength=len(table.classes))
            fixed_ap50 = _compute_mean_ap50(
                score, category, correct, table.num_gt - num_missed, table.num_gt
            )
            rows.append({"count": int(missed.sum()), "gain": fixed_ap50 - ap50})
            continue
        of_type = error_type == name
        fixed_category = category
        fixable = np.zeros(len(of_type), bool)
        if name in target_rows:
            target = target_rows[name].to_numpy()
            fixable = _find_fixable(of_type, target, _find_matched(table))
            fixed_category = np.where(fixable, np.append(gt_category, -1)[target], category)
        remaining = ~of_type | fixable
        fixed_ap50 = _compute_mean_ap50(
            score[remaining],
            fixed_category[remaining],
            (correct | fixable)[remaining],
            table.num_gt,
            table.num_gt,
        )
        rows.append({"count": int(of_type.sum()), "gain": fixed_ap50 - ap50})
    return pd.DataFrame(rows, index=pd.Index(ERROR_TYPES, name="error_type"))


def _find_nearest(table: MatchTable) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For each detection the box with the highest IoU, of its class and of others: gt_row, iou.

    Where no box has IoU at least BACKGROUND_IOU, gt_row is -1 and iou 0.
    """
    pairs = table.pairs.sort_values(
        ["detection_row", "iou"], ascending=[True, False], kind="stable"
    )
    detected_category = table.detections.category.to_numpy()[pairs.detection_row]
    same = detected_category == table.gt_boxes.category.to_numpy()[pairs.gt_row]
    nearest = []
    for part in (pairs.loc[same], pairs.loc[~same]):
        rows = part.drop_duplicates("detection_row").set_index("detection_row")
        rows = rows.reindex(range(len(table.detections)))
        gt_row = rows.gt_row.fillna(-1).astype(int)
        nearest.append(rows.assign(gt_row=gt_row, iou=rows.iou.fillna(0.0)))
    return nearest[0], nearest[1]


def _assign_types(
    table: MatchTable, same_class: pd.DataFrame, other_class: pd.DataFrame
) -> np.ndarray:
    """str (n,), the first type whose test a detection passes; "" where it is correct."""
    same_iou = same_class.iou.to_numpy()
    other_iou = other_class.iou.to_numpy()
    foreground_iou = IOU_THRESHOLDS[AT_50]
    tests = {
        "": table.detections.correct.to_numpy(),
        "localization": (same_iou >= BACKGROUND_IOU) & (same_iou < foreground_iou),
        "classification": other_iou >= foreground_iou,
        "duplicate": same_iou >= foreground_iou,
        "background": np.maximum(same_iou, other_iou) < BACKGROUND_IOU,
    }
    return np.select(list(tests.values()), list(tests), "both")


def _find_matched(table: MatchTable) -> np.ndarray:
    """bool (m,), the boxes with a correct detection."""
    matched = np.zeros(len(table.gt_boxes), bool)
    matched[table.detections.gt_row[table.detections.correct]] = True
    return matched


def _find_missed(
    table: MatchTable, same_class: pd.DataFrame, other_class: pd.DataFrame, error_type: np.ndarray
) -> np.ndarray:
    """bool (m,), the boxes that neither a correct detection nor a fixed one is matched to."""
    missed = ~_find_matched(table)
    missed[same_class.gt_row[error_type == "localization"]] = False
    missed[other_class.gt_row[error_type == "classification"]] = False
    return missed


def _find_fixable(of_type: np.ndarray, target: np.ndarray, matched: np.ndarray) -> np.ndarray:
    """bool (n,), of this type's detections the highest-scoring one on each unmatched box."""
    rows = np.flatnonzero(of_type)
    rows = rows[~matched[target[rows]]]
    _, first = np.unique(target[rows], return_index=True)  # detections are sorted by score
    fixable = np.zeros(len(of_type), bool)
    fixable[rows[first]] = True
    return fixable


def _compute_mean_ap50(
    score: np.ndarray,
    category: np.ndarray,
    correct: np.ndarray,
    num_gt: np.ndarray,
    num_gt_before: np.ndarray,
) -> float:
    """Mean AP50 over the classes with boxes before the fix; 0 for a class with none after it."""
    ap = []
    for k in np.flatnonzero(num_gt_before):
        of_class = category == k
        curve = compute_pr_curve(score[of_class], correct[of_class], num_gt[k])
        ap.append(curve.ap if num_gt[k] else 0.0)
    return float(np.mean(ap)) if ap else np.nan
