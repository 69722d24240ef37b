"""Faster R-CNN between and after its two heads: from raw network outputs to proposals and boxes.

All of it that is not a network. Equal to Model Garden's, whose settings are the defaults.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015; on the levels of a feature pyramid: Lin et al.,
"Feature Pyramid Networks", CVPR 2017, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, softmax

from shopee_od.ops.boxes import clip_boxes, decode_boxes
from shopee_od.ops.nms import batched_nms

DELTA_SCALE = (10.0, 10.0, 5.0, 5.0)
"""Factors by which the second head's dx, dy, dw, dh are enlarged. Deltas are small; enlarged, their
loss has about the weight of the class loss."""


def decode_top_anchors(
    objectness: np.ndarray,
    deltas: np.ndarray,
    anchors: np.ndarray,
    height: int,
    width: int,
    pre_nms_top_k: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Candidate boxes of one level: its highest-scoring anchors, moved by the RPN's deltas.

    Args:
        objectness: (N,) logits.
        deltas: (N, 4) dx, dy, dw, dh.
        anchors: (N, 4) x1, y1, x2, y2 in pixels.
        height: height of the canvas, to which boxes are clipped.
        width: width of the canvas.
        pre_nms_top_k: how many anchors to take.
    Returns:
        boxes: float64 (K, 4), highest score first. Boxes that clipping leaves as a point in the
            top left corner are dropped, as in Model Garden.
        scores: (K,) in [0, 1].

    >>> anchors = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [-9, 0, 9, 8]])
    >>> decode_top_anchors(np.array([-2, 0, 1]), np.zeros((3, 4)), anchors, 8, 8, 2)
    (array([[0., 0., 8., 8.],
           [2., 2., 6., 6.]]), array([0.73105858, 0.5       ]))
    """
    scores = expit(objectness)
    top = np.argsort(-scores, kind="stable")[:pre_nms_top_k]
    scores = scores[top]
    boxes = clip_boxes(decode_boxes(deltas[top], anchors[top]), height, width)
    valid = boxes.any(axis=1)
    return boxes[valid], scores[valid]


def decode_anchors_by_level(
    objectness: Mapping[int, np.ndarray],
    deltas: Mapping[int, np.ndarray],
    anchors: Mapping[int, np.ndarray],
    canvas: tuple[int, int],
    pre_nms_top_k: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The highest-scoring anchors of each pyramid level, moved by their deltas.

    Args:
        objectness: by level (N,), logits.
        deltas: by level (N, 4), dx, dy, dw, dh.
        anchors: by level (N, 4).
        canvas: height and width in pixels, to which boxes are clipped.
        pre_nms_top_k: anchors per level, at most.
    Returns:
        Boxes (M, 4), scores (M,) in [0, 1] and levels (M,).
    """
    parts = []
    for level in anchors:
        boxes, scores = decode_top_anchors(
            objectness[level], deltas[level], anchors[level], *canvas, pre_nms_top_k
        )
        parts.append((boxes, scores, np.full(len(scores), level)))
    boxes, scores, levels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return boxes, scores, levels


def filter_proposals(
    boxes: np.ndarray,
    scores: np.ndarray,
    levels: np.ndarray,
    num_proposals: int,
    iou_threshold: float = 0.7,
) -> np.ndarray:
    """Which candidate boxes of all levels become proposals.

    NMS runs within each level; then the levels compete by score.

    Args:
        boxes: (N, 4) candidates.
        scores: (N,).
        levels: int (N,) pyramid level of each.
        num_proposals: how many to keep at most.
        iou_threshold: of NMS.
    Returns:
        int64 (K,) indices of the candidates to keep, highest score first.

    >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 9]])
    >>> filter_proposals(boxes, np.array([0.9, 0.8, 0.7]), np.array([3, 3, 4]), 300)
    array([0, 2])
    """
    return batched_nms(boxes, scores, levels, iou_threshold)[:num_proposals]


def apply_deltas(
    deltas: np.ndarray,
    rois: np.ndarray,
    height: int,
    width: int,
    delta_scale: Sequence[float] = DELTA_SCALE,
) -> np.ndarray:
    """Boxes of the second head: each RoI moved by its deltas and clipped to the canvas.

    Args:
        deltas: (K, A, 4) dx, dy, dw, dh; A is the number of classes, or 1 if they share deltas.
        rois: (K, 4) x1, y1, x2, y2 in pixels.
        height: height of the canvas.
        width: width of the canvas.
        delta_scale: what the deltas are divided by.
    Returns:
        float64 (K, A, 4).
    """
    boxes_per_roi = deltas.shape[1]
    unscaled = (deltas / np.asarray(delta_scale)).reshape(-1, 4)
    boxes = decode_boxes(unscaled, np.repeat(rois, boxes_per_roi, axis=0))
    return clip_boxes(boxes, height, width).reshape(-1, boxes_per_roi, 4)


def class_scores(logits: np.ndarray) -> np.ndarray:
    """Probabilities of the garment classes: softmax, without the column of background.

    Args:
        logits: (K, 1 + C), background first.
    Returns:
        (K, C) in [0, 1].

    >>> class_scores(np.log([[2.0, 1.0, 1.0]]))
    array([[0.25, 0.25]])
    """
    return softmax(logits, axis=1)[:, 1:]


def postprocess_detections(
    boxes: np.ndarray,
    scores: np.ndarray,
    score_threshold: float,
    iou_threshold: float = 0.5,
    max_detections: int = 100,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Detections of an image: pairs of RoI and class above a score, after NMS within each class.

    Args:
        boxes: (K, A, 4) from `apply_deltas`; A is the number of classes, or 1 if they share boxes.
        scores: (K, C) from `class_scores`.
        score_threshold: scores must be above it.
        iou_threshold: of NMS.
        max_detections: how many to keep at most.
    Returns:
        boxes: (N, 4), highest score first.
        scores: (N,).
        labels: int64 (N,) class, from 0.
        rois: int64 (N,) which of the K RoIs each is.

    >>> boxes = np.array([[[0, 0, 9, 9]], [[0, 0, 9, 8]]])
    >>> postprocess_detections(boxes, np.array([[0.6, 0.3], [0.7, 0.01]]), 0.05)[1:]
    (array([0.7, 0.3]), array([0, 1]), array([1, 0]))
    """
    rois, labels = np.nonzero(scores > score_threshold)
    candidate_boxes = np.broadcast_to(boxes, (*scores.shape, 4))[rois, labels]
    candidate_scores = scores[rois, labels]
    keep = batched_nms(candidate_boxes, candidate_scores, labels, iou_threshold)
    keep = keep[:max_detections]
    return candidate_boxes[keep], candidate_scores[keep], labels[keep], rois[keep]
