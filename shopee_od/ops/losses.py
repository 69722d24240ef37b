"""Losses of a network with two heads: one for the classes of RoIs, one for their boxes."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax


def smooth_l1(x: np.ndarray) -> np.ndarray:
    """Smooth L1 loss: x² / 2 for |x| < 1, |x| - 1/2 beyond. The Huber loss with δ = 1.

    Its slope is never above 1, so one outlier cannot dominate the gradient, as it would in a
    squared loss.

    Args:
        x: differences, of any shape.
    Returns:
        float, of the same shape.
    Source: Girshick, "Fast R-CNN", ICCV 2015, equation 3.

    >>> smooth_l1([-3, -1, 0, 0.5])
    array([2.5  , 0.5  , 0.   , 0.125])
    """
    size = np.abs(x)
    return np.where(size < 1, size**2 / 2, size - 0.5)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy: minus the logarithm of the probability that softmax gives the right class.

    Args:
        logits: (N, K) scores before softmax.
        labels: int (N,) the right class of each row.
    Returns:
        float64 (N,).

    >>> cross_entropy(np.log([[0.5, 0.25, 0.25]]), np.array([1])).round(3)
    array([1.386])
    """
    log_probabilities = log_softmax(np.asarray(logits, float), axis=1)
    return -log_probabilities[np.arange(len(labels)), labels]


def multi_task_loss(
    logits: np.ndarray, deltas: np.ndarray, labels: np.ndarray, box_targets: np.ndarray
) -> tuple[float, float]:
    """Class loss and box loss of a batch of RoIs; training minimizes their sum.

    1. The class loss is the mean cross-entropy; label 0 is background.
    2. The box loss of a garment compares the box predicted for its own class with the target:
       smooth L1, summed over dx, dy, dw, dh.
    3. Background has no box loss. The sum is divided by all N RoIs, so a batch with few garments
       does not give each of them a larger weight.

    Args:
        logits: (N, K + 1) scores before softmax, background first.
        deltas: (N, K, 4) predicted dx, dy, dw, dh for each garment class.
        labels: int (N,) the class of each RoI, 0 for background.
        box_targets: (N, 4) the right dx, dy, dw, dh; ignored for background.
    Returns:
        class_loss: mean cross-entropy.
        box_loss: mean box loss.
    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.3, equations 1 and 2, with λ = 1.

    >>> logits, deltas = np.log([[0.5, 0.5], [0.75, 0.25]]), np.zeros((2, 1, 4))
    >>> box_targets = np.array([[0, 0, 0.5, 3], [9, 9, 9, 9]])
    >>> class_loss, box_loss = multi_task_loss(logits, deltas, np.array([1, 0]), box_targets)
    >>> round(class_loss, 4), box_loss
    (0.4904, 1.3125)
    """
    class_loss = cross_entropy(logits, labels).mean()
    class_index = np.maximum(labels - 1, 0)
    class_deltas = np.asarray(deltas)[np.arange(len(labels)), class_index]
    box_losses = smooth_l1(class_deltas - box_targets).sum(axis=1)
    box_loss = np.where(labels > 0, box_losses, 0).mean()
    return float(class_loss), float(box_loss)
