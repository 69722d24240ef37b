"""The losses of RPN and Fast R-CNN in TensorFlow, so that gradients go through them.

`ops/losses.py` has the same in NumPy.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from shopee_od.detectors.training.anchor_samples import AnchorSamples
from shopee_od.ops.label_assignment import IGNORE


def multi_task_loss(
    logits: tf.Tensor, deltas: tf.Tensor, labels: tf.Tensor, gt_deltas: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """`ops.losses`'s loss of class and box, with gradients.

    Args:
        logits: (N, classes + 1), 0 background.
        deltas: (N, classes, 4).
        labels: int32 (N,), the class from 1, 0 background, -1 ignored.
        gt_deltas: (N, 4).
    Returns:
        Mean cross-entropy, and the smooth L1 loss of the foreground over all counted RoIs.
    """
    counted = labels != IGNORE
    logits, deltas, gt_deltas, labels = (
        tf.boolean_mask(part, counted) for part in (logits, deltas, gt_deltas, labels)
    )
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    of_class = tf.gather(deltas, tf.maximum(labels - 1, 0), axis=1, batch_dims=1)
    # Huber's loss with delta 1 is smooth L1; Keras takes the mean of the four.
    box_losses = 4 * tf_keras.losses.huber(gt_deltas, of_class)
    box_loss = tf.reduce_mean(tf.where(labels > 0, box_losses, 0.0))
    return tf.reduce_mean(cross_entropy), box_loss


def compute_accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """(N, classes + 1), int32 (N,) -> the share of counted RoIs whose best class is theirs."""
    correct = tf.argmax(logits, axis=1, output_type=tf.int32) == labels
    return tf.reduce_mean(tf.cast(tf.boolean_mask(correct, labels != IGNORE), tf.float32))


def rpn_loss(
    logits: tf.Tensor, deltas: tf.Tensor, samples: AnchorSamples
) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss of sampled anchors: cross-entropy of objectness, smooth L1 (β = 1) of the deltas.

    Args:
        logits: (B, N) objectness of all anchors of B images.
        deltas: (B, N, 4).
        samples: K of them, with their labels and deltas.
    Returns:
        Class loss and box loss, both averaged over all K.
    Source:
        Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.2, equation 1; with the paper's λ = 10
        the two losses have about equal weights there too.
    """
    objectness = tf.gather_nd(logits, samples.indices)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(samples.labels, objectness)
    # Huber's loss with delta 1 is smooth L1; Keras takes the mean of the four.
    box_losses = 4 * tf_keras.losses.huber(samples.deltas, tf.gather_nd(deltas, samples.indices))
    return tf.reduce_mean(cross_entropy), tf.reduce_mean(samples.labels * box_losses)
