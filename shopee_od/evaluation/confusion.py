"""The confusion matrix of a detector: correct, misclassified, missed and background detections."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.evaluation.average_precision import AT_50, IOU_THRESHOLDS
from shopee_od.evaluation.match_table import MatchTable

BACKGROUND = "background"


def compute_confusion_matrix(table: MatchTable, score_threshold: float) -> pd.DataFrame:
    """Counts boxes of each class against detections of each class.

    Each box, and each detection with a sufficient score, is counted once:

    1. Detections that are correct for AP50 (a box of their class, IoU at least 0.5) count on the
       diagonal.
    2. Each other detection, highest score first, takes the box that it overlaps most, at IoU at
       least 0.5, of those not yet taken: a box of another class, off the diagonal.
    3. Detections without a box count in the row "background", boxes without a detection in the
       column "background".

    So a row sums to the boxes of its class and a column to its detections: the diagonal divided by
    the one is recall, by the other precision. A second detection of one garment, of any class, is
    background.

    Args:
        table: from `build_match_table`.
        score_threshold: detections with lower scores are left out.
    Returns:
        int (K + 1, K + 1): a row per true class, a column per predicted class, background last.
    """
    names = [*table.classes, BACKGROUND]
    background = len(names) - 1
    detections = table.detections[table.detections.score >= score_threshold]
    gt_row = np.full(len(table.detections), -1)
    gt_row[detections.index] = detections.gt_row
    free = np.ones(len(table.gt_boxes), bool)
    free[detections.gt_row[detections.correct]] = False
    wrong = detections.index[~detections.correct]
    pairs = table.pairs.loc[table.pairs.iou >= IOU_THRESHOLDS[AT_50]]
    pairs = pairs.loc[pairs.detection_row.isin(wrong)]
    pairs = pairs.sort_values(["detection_row", "iou"], ascending=[True, False])
    for i, j in pairs[["detection_row", "gt_row"]].to_numpy():
        if gt_row[i] < 0 and free[j]:
            gt_row[i] = j
            free[j] = False
    gt_category = table.gt_boxes.category.to_numpy()
    # A gt_row of -1 takes the last value: background.
    true = np.append(gt_category, background)[gt_row[detections.index]]
    matrix = np.zeros((len(names), len(names)), int)
    np.add.at(matrix, (true, detections.category.to_numpy()), 1)
    np.add.at(matrix, (gt_category[free], background), 1)
    return pd.DataFrame(matrix, names, names)
