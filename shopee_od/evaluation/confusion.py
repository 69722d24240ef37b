"""The confusion matrix of a detector: which class was taken for which, what was missed, what was made up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shopee_od.evaluation.coco import AT_50, IOUS
from shopee_od.evaluation.verdicts import Verdicts

BACKGROUND = "background"


def confusion(verdicts: Verdicts, threshold: float) -> pd.DataFrame:
    """Verdicts -> int (K + 1, K + 1): a row for what there is, a column for what the detector says.

    Only detections with a score of at least `threshold` count. Each of them and each box stands in it once:

    1. On the diagonal, the detections that are right as AP50 means it: their class's box, at IoU >= 0.5.
    2. The others, best first, each take the box that they overlap most, at IoU >= 0.5, of those not yet taken: a box
       of another class, so beside the diagonal.
    3. Detections without a box stand in the row "background", boxes without a detection in the column "background".

    So a row's sum is the boxes of its class and a column's its detections: the diagonal over the one is recall, over
    the other precision. A second detection on one garment, of whatever class, is background.
    """
    names = [*verdicts.classes, BACKGROUND]
    nothing = len(names) - 1
    found = verdicts.found[verdicts.found.score >= threshold]
    box = np.full(len(verdicts.found), -1)
    box[found.index] = found.box
    free = np.ones(len(verdicts.truth), bool)
    free[found.box[found.hit]] = False
    pairs = verdicts.pairs[(verdicts.pairs.iou >= IOUS[AT_50]) & verdicts.pairs.found.isin(found.index[~found.hit])]
    for i, j in pairs.sort_values(["found", "iou"], ascending=[True, False])[["found", "truth"]].to_numpy():
        if box[i] < 0 and free[j]:
            box[i], free[j] = j, False
    there = verdicts.truth.category.to_numpy()
    says = found.category.to_numpy()
    matrix = np.zeros((len(names), len(names)), int)
    np.add.at(matrix, (np.append(there, nothing)[box[found.index]], says), 1)  # -1 is the last: background
    np.add.at(matrix, (there[free], nothing), 1)
    return pd.DataFrame(matrix, names, names)
