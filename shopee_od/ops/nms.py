"""Non-maximum suppression: of boxes that overlap, only the best stays."""

from __future__ import annotations

import numpy as np

from shopee_od.ops.boxes import iou


def nms(boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> np.ndarray:
    """(N, 4), (N,) -> int (K,): the indices of the boxes to keep, best first.

    Greedy: take the best box left, drop every other one whose IoU with it is above `iou_threshold`, repeat.
    Of equal scores the earlier box is the better one.

    >>> nms(np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9]]), np.array([0.6, 0.9, 0.3]), 0.5)
    array([1, 2])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    left = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    keep = []
    while len(left):
        best, left = left[0], left[1:]
        keep.append(best)
        left = left[iou(boxes[[best]], boxes[left])[0] <= iou_threshold]
    return np.array(keep, np.int64)
