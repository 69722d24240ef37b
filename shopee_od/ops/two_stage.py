"""Faster R-CNN's way from what its two heads put out to boxes: all of it that is not a network.

Ren, He, Girshick and Sun, "Faster R-CNN", NeurIPS 2015, on the levels of a pyramid (Lin et al., "Feature Pyramid
Networks", CVPR 2017, section 4). Equal to Model Garden's, whose settings are the defaults.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, softmax

from shopee_od.ops.boxes import clip, decode
from shopee_od.ops.nms import nms_by_class

DELTA_SCALE = (10.0, 10.0, 5.0, 5.0)
"""The second head's dx, dy, dw, dh are so many times as large: they are small, and should count as classes do."""


def candidates(
    objectness: np.ndarray, deltas: np.ndarray, anchors: np.ndarray, height: int, width: int, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """One level's logits (N,), deltas (N, 4), anchors (N, 4) -> its best boxes (K, 4), scores (K,), best first.

    The `most` likeliest anchors, moved by their deltas and clipped to the canvas; K is less where some end up as a
    point in its first corner, which is how Model Garden marks what NMS drops.

    >>> anchors = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [-9, 0, 9, 8]])
    >>> candidates(np.array([-2, 0, 1]), np.zeros((3, 4)), anchors, 8, 8, 2)
    (array([[0., 0., 8., 8.],
           [2., 2., 6., 6.]]), array([0.73105858, 0.5       ]))
    """
    scores = expit(objectness)
    best = np.argsort(-scores, kind="stable")[:most]
    boxes = clip(decode(deltas[best], anchors[best]), height, width)
    there = boxes.any(axis=1)
    return boxes[there], scores[best][there]


def proposals(
    boxes: np.ndarray, scores: np.ndarray, levels: np.ndarray, most: int, iou_threshold: float = 0.7
) -> np.ndarray:
    """Candidates of all levels (N, 4), (N,), the level of each (N,) -> int64 (K,): those to propose, best first.

    Boxes of one level suppress each other; then the levels compete by score alone.

    >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 9]])
    >>> proposals(boxes, np.array([0.9, 0.8, 0.7]), np.array([3, 3, 4]), 300)
    array([0, 2])
    """
    return nms_by_class(boxes, scores, levels, iou_threshold)[:most]


def refined(
    deltas: np.ndarray, rois: np.ndarray, height: int, width: int, scale: Sequence[float] = DELTA_SCALE
) -> np.ndarray:
    """The second head's (K, A, 4) deltas, RoIs (K, 4) -> float64 (K, A, 4): each RoI moved, and clipped to the canvas.

    A is 1 where all classes share their deltas, otherwise the number of classes.
    """
    sides = deltas.shape[1]
    moved = decode((deltas / np.asarray(scale)).reshape(-1, 4), np.repeat(rois, sides, axis=0))
    return clip(moved, height, width).reshape(-1, sides, 4)


def class_scores(logits: np.ndarray) -> np.ndarray:
    """The second head's (K, 1 + C) logits, background first -> (K, C): how likely each garment class is.

    >>> class_scores(np.log([[2.0, 1.0, 1.0]]))
    array([[0.25, 0.25]])
    """
    return softmax(logits, axis=1)[:, 1:]


def detections(
    boxes: np.ndarray, scores: np.ndarray, score_threshold: float, iou_threshold: float = 0.5, most: int = 100
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refined boxes (K, A, 4), class scores (K, C) -> boxes (N, 4), scores (N,), labels (N,) from 0, best first.

    Every RoI stands for each class whose score is above the threshold; NMS class by class; the best `most` are left.

    >>> detections(np.array([[[0, 0, 9, 9]], [[0, 0, 9, 8]]]), np.array([[0.6, 0.3], [0.7, 0.01]]), 0.05)[1:]
    (array([0.7, 0.3]), array([0, 1]))
    """
    roi, label = np.nonzero(scores > score_threshold)
    every = np.broadcast_to(boxes, (*scores.shape, 4))[roi, label]
    keep = nms_by_class(every, scores[roi, label], label, iou_threshold)[:most]
    return every[keep], scores[roi, label][keep], label[keep]
