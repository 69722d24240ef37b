"""What a two-headed network is trained on: how wrong its classes are, and how wrong the boxes of garments."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax


def smooth_l1(x: np.ndarray) -> np.ndarray:
    """Any shape -> the same: x² / 2 up to 1 on either side, a straight line of slope 1 beyond.

    Its slope is never more than 1: one wild box cannot tear the weights away, as with squares it would. Girshick,
    "Fast R-CNN", ICCV 2015, equation 3.

    >>> smooth_l1(np.array([-3, -1, 0, 0.5]))
    array([2.5  , 0.5  , 0.   , 0.125])
    """
    size = np.abs(x)
    return np.where(size < 1, size**2 / 2, size - 0.5)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, K) before softmax, (N,) the right class of each -> (N,): minus the logarithm of what it was given.

    >>> cross_entropy(np.log([[0.5, 0.25, 0.25]]), np.array([1])).round(3)
    array([1.386])
    """
    return -log_softmax(np.asarray(logits, float), axis=1)[np.arange(len(labels)), labels]


def multi_task(logits: np.ndarray, deltas: np.ndarray, labels: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """logits (N, K + 1), deltas (N, K, 4), labels (N,), targets (N, 4) -> class loss, box loss, to be summed.

    1. The class loss is the mean cross-entropy; label 0 is background.
    2. Of each garment, those of the K boxes count that belong to its own class: smooth L1, summed over dx, dy, dw, dh.
    3. Background has no box to be wrong about. The sum is divided by all N, so that a batch with few garments weighs
       their boxes no more.

    Girshick, "Fast R-CNN", ICCV 2015, section 2.3, equations 1 and 2, with lambda 1.

    >>> logits, deltas = np.log([[0.5, 0.5], [0.75, 0.25]]), np.zeros((2, 1, 4))
    >>> class_loss, box_loss = multi_task(logits, deltas, np.array([1, 0]), np.array([[0, 0, 0.5, 3], [9, 9, 9, 9]]))
    >>> round(class_loss, 4), box_loss
    (0.4904, 1.3125)
    """
    own = np.asarray(deltas)[np.arange(len(labels)), np.maximum(labels - 1, 0)]
    of_boxes = smooth_l1(own - targets).sum(axis=1)
    return float(cross_entropy(logits, labels).mean()), float(np.where(labels > 0, of_boxes, 0).mean())
