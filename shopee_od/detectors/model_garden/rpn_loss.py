"""The RPN's losses, without Model Garden's fault in the score loss."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from official.vision.losses import maskrcnn_losses


def compute_rpn_losses(config: Any, outputs: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Fault 1: the score loss must be divided by the number of sampled anchors, not of RoIs.

    Args:
        config: of the task.
        outputs: the network's, with `rpn_scores` and `rpn_boxes` by level.
        labels: with the anchors' targets.
    Returns:
        Score loss, and box loss: Huber with the configured delta, 1/9 by default.
    """
    anchors_per_image = config.train_data.parser.rpn_batch_size_per_im
    score_loss = maskrcnn_losses.RpnScoreLoss(anchors_per_image)(
        outputs["rpn_scores"], labels["rpn_score_targets"]
    )
    box_loss = maskrcnn_losses.RpnBoxLoss(config.losses.rpn_huber_loss_delta)(
        outputs["rpn_boxes"], labels["rpn_box_targets"]
    )
    return tf.reduce_mean(score_loss), tf.reduce_mean(box_loss)
