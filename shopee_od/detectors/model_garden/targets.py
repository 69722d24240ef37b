"""Batches of `input_pipeline` -> the network's input and its targets, within the training step."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false
# pyright: reportOperatorIssue=false
# TensorFlow's type stubs know neither `...` in slices nor shapes that mix tensors and numbers.

from __future__ import annotations

from typing import Any

import tensorflow as tf
from official.vision.ops import anchor, box_matcher, iou_similarity, preprocess_ops
from official.vision.utils.object_detection import box_list, faster_rcnn_box_coder

from shopee_od.detectors.model_garden.ignore_regions import (
    IGNORED,
    find_covered,
    split_ignore_boxes,
)


def boxes_to_canvas(labels: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes in pixels of the canvas, clipped to what it shows of the image.

    Args:
        labels: of `read_batches`.
    Returns:
        Boxes (B, N, 4) and classes (B, N); the class of ignore boxes is IGNORED. Boxes of which
        less than a pixel remains are -1, as padding is.
    """
    info = tf.tile(labels["image_info"], [1, 1, 2])[:, :, None]
    size, _, scale, offset = tf.unstack(info, axis=1)
    limits = tf.tile(labels["visible_size"], [1, 2])[:, None]
    boxes = tf.clip_by_value(labels["boxes"] * size * scale - offset, 0.0, limits)
    is_large = tf.reduce_all(boxes[..., 2:] - boxes[..., :2] >= 1, axis=-1)
    is_valid = is_large & (labels["classes"] >= 0)
    classes = tf.where(labels["classes"] == 0, tf.constant(IGNORED, tf.int64), labels["classes"])
    return tf.where(is_valid[..., None], boxes, -1.0), tf.where(is_valid, classes, -1)


def random_horizontal_flip(
    images: tf.Tensor, boxes: tf.Tensor, visible_size: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Flips each image and its boxes with probability 1/2.

    Fault 2: Model Garden draws the flip and the scale from one seed, so that only images at small
    scales are flipped.

    Args:
        images: (B, H, W, 3) on the canvas.
        boxes: (B, N, 4) y1, x1, y2, x2 on the canvas, -1 for padding.
        visible_size: (B, 2), height and width of what the canvas shows of the image.
    """
    widths = visible_size[:, 1]
    is_flipped = tf.random.uniform(tf.shape(widths)) < 0.5
    lengths = tf.where(is_flipped, tf.cast(widths, tf.int32), 0)
    images = tf.reverse_sequence(images, lengths, seq_axis=2)
    y1, x1, y2, x2 = tf.unstack(boxes, axis=-1)
    flipped = tf.stack([y1, widths[:, None] - x2, y2, widths[:, None] - x1], axis=-1)
    return images, tf.where(is_flipped[:, None, None] & (boxes >= 0), flipped, boxes)


def normalize_and_mask(images: tf.Tensor, visible_size: tf.Tensor) -> tf.Tensor:
    """Normalizes images as Model Garden does, and sets what is beyond the image to 0.

    Args:
        images: float32 (B, H, W, 3), 0–255, on the canvas.
        visible_size: (B, 2), height and width of what the canvas shows of the image.
    """
    _, height, width, _ = images.shape
    rows = tf.range(height, dtype=tf.float32) < visible_size[:, :1]
    columns = tf.range(width, dtype=tf.float32) < visible_size[:, 1:]
    mask = tf.cast(rows[:, :, None] & columns[:, None, :], tf.float32)[..., None]
    normalized = preprocess_ops.normalize_image(
        images, preprocess_ops.MEAN_RGB, preprocess_ops.STDDEV_RGB
    )
    return normalized * mask


def random_color_jitter(images: tf.Tensor, amount: float) -> tf.Tensor:
    """Multiplies each channel of each image by a random factor in 1 ± amount: contrast and tint.

    0, which is the mean color and the padding, stays 0.

    Args:
        images: (B, H, W, 3), normalized.
        amount: from 0 to under 1.
    """
    return images * tf.random.uniform([tf.shape(images)[0], 1, 1, 3], 1 - amount, 1 + amount)


class AnchorLabeler:
    """Which anchors are positive, and their deltas: Model Garden's RpnAnchorLabeler for a batch.

    Args:
        model: Model Garden's model configuration: canvas, levels, anchors.
        parser: Model Garden's parser configuration: IoU thresholds, sampling.
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.2.
    """

    def __init__(self, model: Any, parser: Any) -> None:
        build = anchor.build_anchor_generator(
            model.min_level,
            model.max_level,
            model.anchor.num_scales,
            model.anchor.aspect_ratios,
            model.anchor.anchor_size,
        )
        self._by_level = build(image_size=tuple(model.input_size[:2]))
        flat = [tf.reshape(level, [-1, 4]) for level in self._by_level.values()]
        self._anchors = tf.concat(flat, axis=0)
        thresholds = [parser.rpn_unmatched_threshold, parser.rpn_match_threshold]
        self._matcher = box_matcher.BoxMatcher(
            thresholds, [-1, -2, 1], force_match_for_each_col=True
        )
        self._batch_size = parser.rpn_batch_size_per_im
        self._max_positives = int(parser.rpn_batch_size_per_im * parser.rpn_fg_fraction)

    def __call__(self, boxes: tf.Tensor, classes: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
        """Labels and samples the anchors of a batch.

        Args:
            boxes: (B, N, 4) y1, x1, y2, x2 on the canvas, -1 for padding.
            classes: (B, N), from 1; IGNORED for ignore boxes, which make no anchor positive, and
                of whose anchors none is negative.
        Returns:
            By level: anchor_boxes (B, h, w, 4A); rpn_score_targets (B, h, w, A), 1, 0, or -1 where
            the anchor is not sampled; rpn_box_targets (B, h, w, 4A), deltas dy, dx, dh, dw, 0 for
            negative anchors.
        """
        batch = boxes.shape[0] or tf.shape(boxes)[0]
        anchors = tf.repeat(self._anchors[None], batch, axis=0)
        boxes, _, ignore_boxes = split_ignore_boxes(boxes, classes)
        matches, labels = self._match(anchors, boxes)
        is_background = (labels == -1) & ~find_covered(anchors, ignore_boxes)
        gt_boxes = box_list.BoxList(tf.reshape(tf.gather(boxes, matches, batch_dims=1), [-1, 4]))
        flat = box_list.BoxList(tf.reshape(anchors, [-1, 4]))
        deltas = faster_rcnn_box_coder.FasterRcnnBoxCoder().encode(gt_boxes, flat)
        deltas = tf.where((labels > 0)[..., None], tf.reshape(deltas, tf.shape(anchors)), 0.0)
        positive, negative = subsample_anchors(
            labels > 0, is_background, self._batch_size, self._max_positives
        )
        scores = tf.where(positive, 1, tf.where(negative, 0, -1))
        return {
            "anchor_boxes": {
                name: tf.repeat(level[None], batch, axis=0)
                for name, level in self._by_level.items()
            },
            "rpn_score_targets": self._split_levels(scores, batch),
            "rpn_box_targets": self._split_levels(deltas, batch),
        }

    def _match(self, anchors: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of each anchor (B, A) the box of highest IoU, and 1 positive, -1 negative, -2 ignored."""
        is_real = boxes[:, :, 2] > boxes[:, :, 0]
        # Images have few of the boxes that are allowed.
        last = tf.reduce_max(tf.where(is_real, tf.range(1, boxes.shape[1] + 1), 1))
        boxes = boxes[:, :last]
        is_real = is_real[:, :last]
        similarity = iou_similarity.IouSimilarity()(anchors, boxes)
        similarity = tf.where(is_real[:, None], similarity, -1.0)
        # The matcher gives every box its best anchor; an additional row takes those of the padding.
        similarity = tf.concat([similarity, tf.where(is_real, -1.0, 1.0)[:, None]], axis=1)
        matches, labels = self._matcher(similarity)
        return matches[:, :-1], labels[:, :-1]

    def _split_levels(self, values: tf.Tensor, batch: Any) -> dict[str, tf.Tensor]:
        """(B, all anchors, …) -> by level (B, h, w, values of a cell)."""
        shapes = [level.shape.as_list() for level in self._by_level.values()]
        parts = tf.split(values, [h * w * sides // 4 for h, w, sides in shapes], axis=1)
        cells = [
            tf.reshape(part, [batch, h, w, -1])
            for part, (h, w, _) in zip(parts, shapes, strict=True)
        ]
        return dict(zip(self._by_level, cells, strict=True))


def subsample_anchors(
    positive: tf.Tensor, negative: tf.Tensor, count: int, max_positives: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Samples `count` anchors of each image at random, at most `max_positives` of them positive.

    Args:
        positive: bool (B, A).
        negative: bool (B, A).
        count: anchors per image.
        max_positives: of these.
    Returns:
        Two masks, bool (B, A): the sampled positives and the sampled negatives.
    """
    priorities = tf.random.uniform(tf.shape(positive))
    limit = tf.fill(tf.shape(positive)[:1], max_positives)
    sampled_positive = _select_highest(positive, priorities, limit, max_positives)
    remaining = count - tf.reduce_sum(tf.cast(sampled_positive, tf.int32), axis=1)
    return sampled_positive, _select_highest(negative, priorities, remaining, count)


def _select_highest(
    mask: tf.Tensor, priorities: tf.Tensor, number: tf.Tensor, max_number: int
) -> tf.Tensor:
    """Of the mask (B, A) in each row the `number` (B,) with the highest priorities."""
    max_number = min(max_number, mask.shape[1])
    ranked = tf.math.top_k(tf.where(mask, priorities, -1.0), max_number).values
    last = tf.gather(ranked, tf.minimum(number, max_number) - 1, batch_dims=1)
    return mask & (priorities >= last[:, None])
