"""Batches of `inputs` -> what the network sees and what it is to answer; made in the training step, on the device."""

from __future__ import annotations

import tensorflow as tf
from official.vision.ops import anchor, box_matcher, iou_similarity, preprocess_ops
from official.vision.utils.object_detection import box_list, faster_rcnn_box_coder


def on_canvas(labels: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Labels of `inputs` -> boxes (B, N, 4) in pixels of the canvas, clipped to what it shows, and classes (B, N).

    Crowds, and boxes of which under a pixel is left, become -1, as what fills up is.
    """
    size, _, scale, cut = tf.unstack(tf.tile(labels["image_info"], [1, 1, 2])[:, :, None], axis=1)
    boxes = tf.clip_by_value(labels["boxes"] * size * scale - cut, 0.0, tf.tile(labels["shown"], [1, 2])[:, None])
    kept = tf.reduce_all(boxes[..., 2:] - boxes[..., :2] >= 1, axis=-1) & (labels["classes"] > 0)
    return tf.where(kept[..., None], boxes, -1.0), tf.where(kept, labels["classes"], -1)


def mirrored_at_random(photos: tf.Tensor, boxes: tf.Tensor, shown: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Photos (B, H, W, 3) and boxes (B, N, 4) on the canvas -> every second one, by lot, with left and right exchanged.

    Fault 2: Model Garden draws this and the scale from one seed, so that photos are mirrored at small scales only.
    """
    widths = shown[:, 1]
    chosen = tf.random.uniform(tf.shape(widths)) < 0.5
    photos = tf.reverse_sequence(photos, tf.where(chosen, tf.cast(widths, tf.int32), 0), seq_axis=2)
    y1, x1, y2, x2 = tf.unstack(boxes, axis=-1)
    exchanged = tf.stack([y1, widths[:, None] - x2, y2, widths[:, None] - x1], axis=-1)
    return photos, tf.where(chosen[:, None, None] & (boxes >= 0), exchanged, boxes)


def network_input(photos: tf.Tensor, shown: tf.Tensor) -> tf.Tensor:
    """float32 (B, H, W, 3), 0–255, and how much of each canvas shows the photo -> normalised, 0 beyond it."""
    _, height, width, _ = photos.shape
    rows = tf.range(height, dtype=tf.float32) < shown[:, :1]
    columns = tf.range(width, dtype=tf.float32) < shown[:, 1:]
    inside = tf.cast(rows[:, :, None] & columns[:, None, :], tf.float32)[..., None]
    return preprocess_ops.normalize_image(photos, preprocess_ops.MEAN_RGB, preprocess_ops.STDDEV_RGB) * inside


def stretched_at_random(images: tf.Tensor, share: float) -> tf.Tensor:
    """Normalised (B, H, W, 3) -> each channel times a factor of its own in 1 ± share: contrast and tint.

    0, which is the mean colour and what lies beyond the photo, stays 0.
    """
    return images * tf.random.uniform([tf.shape(images)[0], 1, 1, 3], 1 - share, 1 + share)


class AnchorTargets:
    """Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.2: which anchors are to say garment, and their deltas.

    As Model Garden's RpnAnchorLabeler, of the same parts, for a whole batch.
    """

    def __init__(self, model, parser):
        """Model Garden's configurations of the model (canvas, levels, anchors) and of the parser (thresholds, lots)."""
        build = anchor.build_anchor_generator(
            model.min_level,
            model.max_level,
            model.anchor.num_scales,
            model.anchor.aspect_ratios,
            model.anchor.anchor_size,
        )
        self._by_level = build(image_size=tuple(model.input_size[:2]))
        self._anchors = tf.concat([tf.reshape(level, [-1, 4]) for level in self._by_level.values()], axis=0)
        thresholds = [parser.rpn_unmatched_threshold, parser.rpn_match_threshold]
        self._matcher = box_matcher.BoxMatcher(thresholds, [-1, -2, 1], force_match_for_each_col=True)
        self._lots = parser.rpn_batch_size_per_im
        self._positives = int(parser.rpn_batch_size_per_im * parser.rpn_fg_fraction)

    def __call__(self, boxes: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
        """Boxes (B, N, 4) on the canvas, -1 where there is none -> anchors and what they are to answer, by level.

        anchor_boxes (B, h, w, 4A); rpn_score_targets (B, h, w, A): 1, 0, or -1 where it does not count; rpn_box_targets
        (B, h, w, 4A): deltas dy, dx, dh, dw, 0 where there is no garment.
        """
        batch = boxes.shape[0] or tf.shape(boxes)[0]
        anchors = tf.repeat(self._anchors[None], batch, axis=0)
        matched, kinds = self._matches(anchors, boxes)
        truths = box_list.BoxList(tf.reshape(tf.gather(boxes, matched, batch_dims=1), [-1, 4]))
        flat = box_list.BoxList(tf.reshape(anchors, [-1, 4]))
        deltas = tf.reshape(faster_rcnn_box_coder.FasterRcnnBoxCoder().encode(truths, flat), tf.shape(anchors))
        deltas = tf.where((kinds > 0)[..., None], deltas, 0.0)
        positive, negative = sampled(kinds > 0, kinds == -1, self._lots, self._positives)
        scores = tf.where(positive, 1, tf.where(negative, 0, -1))
        return {
            "anchor_boxes": {name: tf.repeat(level[None], batch, axis=0) for name, level in self._by_level.items()},
            "rpn_score_targets": self._levels(scores, batch),
            "rpn_box_targets": self._levels(deltas, batch),
        }

    def _matches(self, anchors: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For each anchor (B, A) the box that it meets best, and 1 (for that one), -1 (for none), or -2 (between)."""
        real = boxes[:, :, 2] > boxes[:, :, 0]
        most = tf.reduce_max(tf.where(real, tf.range(1, boxes.shape[1] + 1), 1))  # photos have few of the boxes allowed
        boxes, real = boxes[:, :most], real[:, :most]
        similarity = tf.where(real[:, None], iou_similarity.IouSimilarity()(anchors, boxes), -1.0)
        # The matcher gives every box the anchor that meets it best; a row more takes those of what fills up.
        similarity = tf.concat([similarity, tf.where(real, -1.0, 1.0)[:, None]], axis=1)
        matched, kinds = self._matcher(similarity)
        return matched[:, :-1], kinds[:, :-1]

    def _levels(self, values: tf.Tensor, batch) -> dict[str, tf.Tensor]:
        """(B, all anchors, …) -> by level, (B, h, w, those of a cell)."""
        shapes = [level.shape.as_list() for level in self._by_level.values()]
        parts = tf.split(values, [h * w * sides // 4 for h, w, sides in shapes], axis=1)
        cells = [tf.reshape(part, [batch, h, w, -1]) for part, (h, w, _) in zip(parts, shapes, strict=True)]
        return dict(zip(self._by_level, cells, strict=True))


def sampled(positive: tf.Tensor, negative: tf.Tensor, count: int, positives: int) -> tuple[tf.Tensor, tf.Tensor]:
    """bool (B, A) each -> those drawn by lot: at most `positives` of the first, the rest of `count` of the second."""
    lots = tf.random.uniform(tf.shape(positive))
    drawn = _drawn(positive, lots, tf.fill(tf.shape(positive)[:1], positives), positives)
    left = count - tf.reduce_sum(tf.cast(drawn, tf.int32), axis=1)
    return drawn, _drawn(negative, lots, left, count)


def _drawn(wanted: tf.Tensor, lots: tf.Tensor, number: tf.Tensor, most: int) -> tf.Tensor:
    """Of the wanted ones in each row the `number` (B,) with the highest lots; `most` is no less than any number."""
    most = min(most, wanted.shape[1])
    ranked = tf.math.top_k(tf.where(wanted, lots, -1.0), most).values
    last = tf.gather(ranked, tf.minimum(number, most) - 1, batch_dims=1)
    return wanted & (lots >= last[:, None])
