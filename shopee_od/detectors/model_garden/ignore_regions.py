"""Ignore boxes: what they cover is neither a garment nor background in training.

Model Garden knows padding only, in whose place anchors and RoIs are background.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false
# TensorFlow's type stubs do not know shapes that mix tensors and numbers.

from __future__ import annotations

import tensorflow as tf
from official.vision.modeling.layers import roi_sampler
from official.vision.ops import iou_similarity

IGNORED = -2
"""The class of an ignore box in the ground truth of a batch; padding has -1."""
MIN_COVERED = 0.5
"""An anchor or RoI of which more is covered by an ignore box is no background."""


def split_ignore_boxes(
    boxes: tf.Tensor, classes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Ground truth with ignore boxes -> garments and ignore boxes.

    Args:
        boxes: (B, N, 4), -1 for padding.
        classes: (B, N), from 1; IGNORED for ignore boxes, -1 for padding.
    Returns:
        garments: (B, N, 4) and their classes (B, N), -1 elsewhere.
        ignore_boxes: (B, I, 4), -1 for padding; I is the most that an image of the batch has.
    """
    is_ignored = tf.equal(classes, IGNORED)  # `==` compares identities while Keras builds a model
    is_garment = classes > 0
    garments = tf.where(is_garment[..., None], boxes, -1.0)
    count = tf.reduce_max(tf.reduce_sum(tf.cast(is_ignored, tf.int32), axis=1))
    first = tf.argsort(tf.cast(~is_ignored, tf.int32), axis=1, stable=True)[:, :count]
    ignore_boxes = tf.where(is_ignored[..., None], boxes, -1.0)
    ignore_boxes = tf.gather(ignore_boxes, first, batch_dims=1)
    return garments, tf.where(is_garment, classes, -1), ignore_boxes


def find_covered(boxes: tf.Tensor, ignore_boxes: tf.Tensor) -> tf.Tensor:
    """Marks boxes of which an ignore box covers more than MIN_COVERED.

    Args:
        boxes: (B, A, 4), y1, x1, y2, x2.
        ignore_boxes: (B, I, 4), -1 for padding; I may be 0.
    Returns:
        bool (B, A).
    """
    intersection = iou_similarity.intersection(boxes, ignore_boxes)
    area = iou_similarity.area(boxes)
    return tf.reduce_any(intersection > MIN_COVERED * area[..., None], axis=-1)


class ROISampler(roi_sampler.ROISampler):
    """Model Garden's sampler of RoIs, with ignore boxes among the ground truth.

    An RoI that an ignore box covers is not sampled, unless it is on a garment.
    """

    def call(self, boxes, gt_boxes, gt_classes, gt_outer_boxes=None):
        garments, classes, ignore_boxes = split_ignore_boxes(gt_boxes, gt_classes)
        is_covered = find_covered(boxes, tf.cast(ignore_boxes, boxes.dtype))
        overlap = self._sim_calc(boxes, tf.cast(garments, boxes.dtype))
        is_garment = (
            tf.reduce_max(overlap, axis=-1) >= self._config_dict["foreground_iou_threshold"]
        )
        # Boxes of -1 are neither foreground nor background.
        boxes = tf.where((is_covered & ~is_garment)[..., None], -tf.ones_like(boxes), boxes)
        return super().call(boxes, garments, classes, gt_outer_boxes)
