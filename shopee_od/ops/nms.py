"""Non-maximum suppression (NMS): of boxes that overlap, only the highest-scoring one remains."""

from __future__ import annotations

import numpy as np

from shopee_od.ops.boxes import box_iou

BLOCK = 100
"""Boxes that NMS compares at once."""


def nms(boxes: np.ndarray, scores: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Greedy non-maximum suppression.

    Take the highest-scoring box, remove every other box whose IoU with it is above the threshold,
    and repeat with the remaining boxes. Of equal scores, the earlier box wins. It is done for BLOCK
    boxes at a time: first among them, then for all that remain.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        scores: (N,).
        iou_threshold: the highest IoU that two boxes may have.
    Returns:
        int64 (K,) indices of the boxes to keep, highest score first.

    >>> nms([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9]], [0.6, 0.9, 0.3], 0.5)
    array([1, 2])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    remaining = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    keep = [np.zeros(0, np.int64)]
    while len(remaining):
        # One matrix of IoUs for many boxes is faster than a row for each.
        first, remaining = remaining[:BLOCK], remaining[BLOCK:]
        overlaps = box_iou(boxes[first], boxes[first]) > iou_threshold
        is_kept = np.ones(len(first), bool)
        for i in range(len(first)):
            if is_kept[i]:
                is_kept[i + 1 :] &= ~overlaps[i, i + 1 :]
        keep.append(first[is_kept])
        overlaps = box_iou(boxes[first[is_kept]], boxes[remaining]) > iou_threshold
        remaining = remaining[~overlaps.any(axis=0)]
    return np.concatenate(keep)


def batched_nms(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, iou_threshold: float
) -> np.ndarray:
    """Non-maximum suppression within each class.

    A blouse and the skirt below it may overlap, and both are there.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        scores: (N,).
        labels: int (N,); only boxes with the same label suppress each other.
        iou_threshold: the highest IoU that two boxes of one class may have.
    Returns:
        int64 (K,) indices of the boxes to keep, highest score first.

    >>> boxes = [[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 8, 9]]
    >>> batched_nms(boxes, [0.6, 0.9, 0.3], [0, 1, 0], 0.5)
    array([1, 0])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    scores = np.asarray(scores, np.float64)
    labels = np.asarray(labels)
    keep = np.zeros(0, np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        keep = np.append(keep, members[nms(boxes[members], scores[members], iou_threshold)])
    by_score_then_index = np.lexsort((keep, -scores[keep]))
    return keep[by_score_then_index]


def soft_nms(boxes: np.ndarray, scores: np.ndarray, sigma: float = 0.5) -> np.ndarray:
    """Soft-NMS: scores are lowered where boxes overlap, and no box is removed.

    Take the highest-scoring box, multiply the score of every remaining box by exp(-IoU² / sigma),
    and repeat with the remaining boxes.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        scores: (N,).
        sigma: width of the Gaussian; a smaller one lowers scores more.
    Returns:
        float64 (N,) the new scores, in the order of `boxes`.
    Source: Bodla et al., "Soft-NMS", ICCV 2017, section 3, the Gaussian penalty.

    >>> soft_nms([[0, 0, 9, 9], [0, 0, 9, 9], [20, 0, 29, 9]], [0.9, 0.8, 0.3]).round(3)
    array([0.9  , 0.108, 0.3  ])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    scores = np.array(scores, np.float64)  # a copy: it is changed below
    remaining = np.arange(len(scores))
    while len(remaining):
        best = remaining[scores[remaining].argmax()]
        remaining = remaining[remaining != best]
        iou = box_iou(boxes[[best]], boxes[remaining])[0]
        scores[remaining] *= np.exp(-(iou**2) / sigma)
    return scores
