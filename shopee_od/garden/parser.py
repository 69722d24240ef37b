"""Model Garden's input parser, with two faults mended."""

from __future__ import annotations

import tensorflow as tf
from official.vision.dataloaders import maskrcnn_input
from official.vision.ops import anchor, preprocess_ops


class Parser(maskrcnn_input.Parser):
    """Model Garden's Mask R-CNN parser, with the flip drawn by itself and with targets for validation too.

    Fault 2: its flip and its scale jitter share one seed, so that photos are flipped at small scales only. Here
    the flip is drawn before, from a generator of its own.
    Fault 5: its validation data carry no targets, so that no losses can be computed on them.
    """

    def __init__(self, *args, aug_rand_hflip: bool = False, colour: float = 0.0, **kwargs):
        """colour: the share by which a training photo's channels are stretched at most."""
        super().__init__(*args, aug_rand_hflip=False, **kwargs)
        self._flip, self._colour = aug_rand_hflip, colour

    def _parse_train_data(self, data):
        if self._flip:
            data = flip_at_random(data)
        image, labels = super()._parse_train_data(data)
        return stretch_at_random(image, self._colour), labels

    def _parse_eval_data(self, data):
        image, labels = super()._parse_eval_data(data)
        _, scale, offset = labels["image_info"][1], labels["image_info"][2], labels["image_info"][3]
        found = tf.logical_not(data["groundtruth_is_crowd"])
        height, width = tf.unstack(tf.cast(tf.shape(data["image"])[:2], tf.float32))
        boxes = tf.boolean_mask(data["groundtruth_boxes"], found) * tf.stack([height, width, height, width])
        boxes = preprocess_ops.resize_and_crop_boxes(boxes, scale, labels["image_info"][1], offset)
        classes = tf.boolean_mask(data["groundtruth_classes"], found)
        labeler = anchor.RpnAnchorLabeler(
            self._rpn_match_threshold,
            self._rpn_unmatched_threshold,
            self._rpn_batch_size_per_im,
            self._rpn_fg_fraction,
        )
        scores, deltas = labeler.label_anchors(labels["anchor_boxes"], boxes, tf.cast(classes[:, None], tf.float32))
        labels |= {
            "rpn_score_targets": scores,
            "rpn_box_targets": deltas,
            "gt_boxes": preprocess_ops.clip_or_pad_to_fixed_size(boxes, self._max_num_instances, -1),
            "gt_classes": preprocess_ops.clip_or_pad_to_fixed_size(classes, self._max_num_instances, -1),
        }
        return image, labels


def stretch_at_random(image, share: float):
    """Normalised (H, W, 3) -> each channel times a factor of its own in 1 ± share: contrast and tint.

    0, which is the mean colour and the padding, stays 0.
    """
    return image * tf.cast(tf.random.uniform([3], 1 - share, 1 + share), image.dtype)


def flip_at_random(data: dict) -> dict:
    """Mirrors a decoded photo and its normalised y1, x1, y2, x2 boxes, every second time."""
    mirrored = data["groundtruth_boxes"] * [1.0, -1.0, 1.0, -1.0] + [0.0, 1.0, 0.0, 1.0]
    mirrored = tf.gather(mirrored, [0, 3, 2, 1], axis=1)
    image, boxes = tf.cond(
        tf.random.uniform([]) < 0.5,
        lambda: (tf.image.flip_left_right(data["image"]), mirrored),
        lambda: (data["image"], data["groundtruth_boxes"]),
    )
    return data | {"image": image, "groundtruth_boxes": boxes}
