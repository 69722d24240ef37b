"""Matching anchors and RoIs to the ground truth: which ones train the network, and on what."""

from __future__ import annotations

import numpy as np

from shopee_od.ops.boxes import box_iou, encode_boxes

FG, BG, IGNORE = 1, 0, -1
"""Labels of anchors and RoIs: foreground (a garment), background, not used in training."""


def match_boxes(boxes: np.ndarray, gt_boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ground-truth box that each box overlaps most.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        gt_boxes: (M, 4) ground truth.
    Returns:
        gt_index: int64 (N,) index into `gt_boxes`; 0 if there is no ground truth.
        iou: float64 (N,) IoU with it; 0 if there is no ground truth.

    >>> boxes = np.array([[0, 0, 4, 4], [9, 0, 12, 4]])
    >>> match_boxes(boxes, gt_boxes=np.array([[8, 0, 12, 4], [0, 0, 4, 2]]))
    (array([1, 0]), array([0.5 , 0.75]))
    """
    iou = box_iou(boxes, gt_boxes)
    if len(gt_boxes) == 0:
        return np.zeros(len(iou), np.int64), np.zeros(len(iou))
    return iou.argmax(axis=1), iou.max(axis=1)


def label_anchors(
    anchors: np.ndarray, gt_boxes: np.ndarray, fg_iou: float = 0.7, bg_iou: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Label anchors as foreground, background or ignore, to train an RPN.

    1. An anchor is foreground if its IoU with a box is at least `fg_iou`, and background if its
       IoU with every box is below `bg_iou`.
    2. In between it is ignored, because neither answer would be wrong.
    3. The best anchor of each box is foreground at any IoU above 0; otherwise boxes of unusual
       shapes would have no anchor. If it is the best of two boxes, the first box has it.

    Anchors that extend beyond the image are labeled like all others, as in Model Garden; the paper
    ignores them (section 3.3).

    Args:
        anchors: (N, 4) x1, y1, x2, y2 in pixels.
        gt_boxes: (M, 4) ground truth.
        fg_iou: lowest IoU of foreground.
        bg_iou: IoU below which an anchor is background.
    Returns:
        labels: int64 (N,) FG, BG or IGNORE.
        gt_index: int64 (N,) the ground-truth box that each anchor is matched to.
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.2.

    >>> anchors = np.array([[0, 0, 8, 8], [2, 0, 10, 8], [0, 0, 8, 9], [40, 0, 48, 8]])
    >>> label_anchors(anchors, np.array([[0, 0, 8, 8]]))
    (array([ 1, -1,  1,  0]), array([0, 0, 0, 0]))
    """
    gt_index, iou = match_boxes(anchors, gt_boxes)
    labels = np.full(len(anchors), IGNORE)
    labels[iou < bg_iou] = BG
    labels[iou >= fg_iou] = FG
    if len(anchors):
        best_anchor, best_iou = match_boxes(gt_boxes, anchors)
        for gt in reversed(np.flatnonzero(best_iou > 0)):  # last to first: the first box wins
            labels[best_anchor[gt]] = FG
            gt_index[best_anchor[gt]] = gt
    return labels, gt_index


def label_rois(
    rois: np.ndarray,
    gt_boxes: np.ndarray,
    fg_iou: float = 0.5,
    bg_iou: tuple[float, float] = (0.0, 0.5),
) -> tuple[np.ndarray, np.ndarray]:
    """Label RoIs as foreground, background or ignore, to train the head of Fast R-CNN.

    Args:
        rois: (N, 4) x1, y1, x2, y2 in pixels.
        gt_boxes: (M, 4) ground truth.
        fg_iou: lowest IoU of foreground.
        bg_iou: lowest IoU of background, and the IoU below which it ends. The paper starts at
            0.1: RoIs that overlap a box a little are harder negatives than those far away.
    Returns:
        labels: int64 (N,) FG, BG or IGNORE.
        gt_index: int64 (N,) the ground-truth box that each RoI is matched to.
    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.3.

    >>> rois = np.array([[0, 0, 8, 8], [4, 0, 12, 8], [40, 0, 48, 8]])
    >>> label_rois(rois, np.array([[0, 0, 8, 8]]), 0.5, (0.1, 0.5))
    (array([ 1,  0, -1]), array([0, 0, 0]))
    """
    gt_index, iou = match_boxes(rois, gt_boxes)
    low, high = bg_iou
    labels = np.full(len(rois), IGNORE)
    labels[(iou >= low) & (iou < high)] = BG
    labels[iou >= fg_iou] = FG
    return labels, gt_index


def box_regression_targets(
    boxes: np.ndarray, gt_boxes: np.ndarray, labels: np.ndarray, gt_index: np.ndarray
) -> np.ndarray:
    """Deltas from anchors or RoIs to their ground truth: what the box head is trained to predict.

    Args:
        boxes: (N, 4) anchors or RoIs.
        gt_boxes: (M, 4) ground truth.
        labels: (N,) from `label_anchors` or `label_rois`.
        gt_index: (N,) likewise.
    Returns:
        float64 (N, 4) dx, dy, dw, dh of foreground; 0 elsewhere.
    """
    targets = np.zeros((len(boxes), 4))
    foreground = labels == FG
    targets[foreground] = encode_boxes(gt_boxes[gt_index[foreground]], boxes[foreground])
    return targets
