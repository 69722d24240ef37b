"""The second stage's class loss, where a box may have several candidate classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


class ClassLoss:
    """Cross-entropy of the probability that an RoI is of one of its candidate classes.

    For a label with one candidate it is Model Garden's loss. For a coarse label the probabilities
    of its candidates are added: the RoI teaches that it is one of them and none of the others, and
    leaves open which.

    Args:
        num_classes: without background.
        coarse_labels: label num_classes + 1 + k may be any of the classes coarse_labels[k], which
            count from 0.
        class_weights: of the background and of each class; None for 1. A coarse label weighs the
            mean of its candidates.
    Source: Cour et al., "Learning from Partial Labels", JMLR 2011, for the setting.
    """

    def __init__(
        self,
        num_classes: int,
        coarse_labels: Sequence[Sequence[int]] = (),
        class_weights: Sequence[float] | None = None,
    ) -> None:
        sizes = 1 + num_classes
        candidates = np.eye(sizes, dtype=bool)
        rows = [np.isin(np.arange(sizes), np.add(labels, 1)) for labels in coarse_labels]
        candidates = np.vstack([candidates, *rows])
        weights = np.ones(sizes) if class_weights is None else np.asarray(class_weights, float)
        self._candidates = candidates
        self._weights = (candidates * weights).sum(axis=1) / candidates.sum(axis=1)

    def __call__(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The mean loss of all RoIs.

        Args:
            logits: float (B, K, 1 + classes), background first.
            labels: (B, K), 0 for background.
        Returns:
            float32 ().
        """
        labels = tf.cast(labels, tf.int32)
        log_probabilities = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        is_candidate = tf.gather(tf.constant(self._candidates), labels)
        lowest = tf.constant(log_probabilities.dtype.min)
        of_candidates = tf.where(is_candidate, log_probabilities, lowest)
        loss = -tf.reduce_logsumexp(of_candidates, axis=-1)
        return tf.reduce_mean(loss * tf.gather(tf.constant(self._weights, tf.float32), labels))

    def accuracy(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """float32 (): the share of RoIs whose best class is one of their candidates."""
        predicted = tf.argmax(logits, -1, tf.int32)
        is_candidate = tf.gather(tf.constant(self._candidates), tf.cast(labels, tf.int32))
        return tf.reduce_mean(tf.cast(tf.gather(is_candidate, predicted, batch_dims=2), tf.float32))
