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


def nms_by_class(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, iou_threshold: float) -> np.ndarray:
    """(N, 4), (N,), (N,) -> int (K,): the indices to keep, best first; only boxes of one class suppress each other.

    A blouse and the skirt below it overlap, and both are there.

    >>> nms_by_class(np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 8, 9]]), [0.6, 0.9, 0.3], [0, 1, 0], 0.5)
    array([1, 0])
    """
    scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    kept = [own[nms(boxes[own], scores[own], iou_threshold)] for own in members]
    keep = np.concatenate([np.zeros(0, np.int64), *kept])
    return keep[np.lexsort((keep, -scores[keep]))]


def soft_nms(boxes: np.ndarray, scores: np.ndarray, sigma: float = 0.5) -> np.ndarray:
    """(N, 4), (N,) -> float64 (N,): scores that fall the more a better box overlaps; nothing is dropped.

    Take the best box left; every other one's score is multiplied by exp(-IoU² / sigma); repeat. Bodla et al.,
    "Soft-NMS", ICCV 2017, section 3, equation for the Gaussian penalty.

    >>> soft_nms(np.array([[0, 0, 9, 9], [0, 0, 9, 9], [20, 0, 29, 9]]), [0.9, 0.8, 0.3]).round(3)
    array([0.9  , 0.108, 0.3  ])
    """
    boxes, scores = np.asarray(boxes, np.float64).reshape(-1, 4), np.array(scores, np.float64)
    left = np.ones(len(scores), bool)
    while left.any():
        best = np.flatnonzero(left)[scores[left].argmax()]
        left[best] = False
        scores[left] *= np.exp(-(iou(boxes[[best]], boxes[left])[0] ** 2) / sigma)
    return scores
