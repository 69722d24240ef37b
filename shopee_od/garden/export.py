"""A trained checkpoint as a SavedModel that takes photos of any size, and shows its stages.

A photo is scaled into the canvas that shows it largest: portrait, square or landscape, all of one area. The
network is the same for all; only the anchors differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf
from official.vision.ops import anchor, preprocess_ops

from shopee_od.garden.model import build_model
from shopee_od.garden.quiet import quiet

SHAPES = ((2, 3), (1, 1), (3, 2))
"""Width to height of the photos that get a canvas of their own."""


class Stages:
    """A network and what is saved of it. For every canvas, by name "HxW":

    fit_HxW:     photo uint8 (h, w, 3) -> canvas float32 (H, W, 3), normalised, and its image_info (4, 2)
    detect_HxW:  canvas (N, H, W, 3) -> detection_boxes (N, 100, 4) as y1, x1, y2, x2 of the canvas, _scores,
                 _classes from 1, num_detections (N,)
    heads_HxW:   canvas (1, H, W, 3) -> what detectors.heads.Heads holds; boxes and deltas with x before y
    """

    def __init__(self, params, canvases: Iterable[tuple[int, int]]):
        self._config = params.task.model
        # Without sizes in its input, one network serves every canvas.
        self.model = build_model(self._config)
        self._stages = {}
        for canvas in canvases:
            self._add(canvas)

    def restore(self, checkpoint: Path) -> None:
        """The weights of a training's checkpoint; every weight must be there."""
        status = tf.train.Checkpoint(model=self.model, **self.model.checkpoint_items).read(str(checkpoint))
        status.expect_partial().assert_existing_objects_matched()

    def save(self, directory: Path) -> None:
        # The weights alone are tracked: with all of Keras' layers, opening takes many times as long.
        holder = tf.Module()
        holder.weights = self.model.variables
        tf.saved_model.save(holder, str(directory), signatures=self._stages)

    def _add(self, canvas: tuple[int, int]) -> None:
        config = self._config
        anchors = anchor.build_anchor_generator(
            config.min_level,
            config.max_level,
            config.anchor.num_scales,
            config.anchor.aspect_ratios,
            config.anchor.anchor_size,
        )(image_size=canvas)

        def fit(photo):
            image = preprocess_ops.normalize_image(photo)
            image, info = preprocess_ops.resize_and_crop_image(image, canvas, padded_size=canvas)
            return {"canvas": image, "image_info": info}

        images = tf.TensorSpec([None, *canvas, 3], tf.float32, "images")

        # One function for both that call it: tracing the network is what saving takes its time for.
        @tf.function(input_signature=[images], autograph=False)
        def outputs(images):
            batch = tf.shape(images)[0]
            boxes = {level: tf.tile(a[None], [batch, 1, 1, 1]) for level, a in anchors.items()}
            shape = tf.tile(tf.constant([canvas], tf.float32), [batch, 1])
            return (
                self.model.call(images, image_shape=shape, anchor_boxes=boxes, training=False),
                boxes,
                shape,
            )

        def detect(images):
            found, _, _ = outputs(images)
            names = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
            return {name: found[name] for name in names}

        def heads(images):
            found, boxes, shape = outputs(images)
            rois, scores = self.model.roi_generator(found["rpn_boxes"], found["rpn_scores"], boxes, shape, False)
            pooled = self.model.roi_aligner(found["decoder_features"], rois)
            stages = {
                "rois": _x_first(rois[0]),
                "roi_scores": tf.reshape(scores, [-1]),
                "pooled": pooled[0],
                "class_logits": found["cls_outputs"][0],
                "roi_deltas": _x_first(tf.reshape(found["box_outputs"], [tf.shape(rois)[1], -1, 4])),
            }
            for level, logits in found["rpn_scores"].items():
                stages[f"features_{level}"] = found["decoder_features"][level][0]
                stages[f"anchors_{level}"] = _x_first(tf.reshape(boxes[level], [-1, 4]))
                stages[f"objectness_{level}"] = tf.reshape(logits, [-1])
                stages[f"deltas_{level}"] = _x_first(tf.reshape(found["rpn_boxes"][level], [-1, 4]))
                if level in found["backbone_features"]:
                    stages[f"backbone_{level}"] = found["backbone_features"][level][0]
            return {name: tf.cast(array, tf.float32) for name, array in stages.items()}

        name = f"{canvas[0]}x{canvas[1]}"
        # Traced now: the second stage's weights are made by its first call, and must be there to be restored.
        photo = tf.TensorSpec([None, None, 3], tf.uint8, "photo")
        one = tf.TensorSpec([1, *canvas, 3], tf.float32, "images")
        self._stages[f"fit_{name}"] = tf.function(fit, autograph=False).get_concrete_function(photo)
        self._stages[f"detect_{name}"] = tf.function(detect, autograph=False).get_concrete_function(images)
        self._stages[f"heads_{name}"] = tf.function(heads, autograph=False).get_concrete_function(one)


def _x_first(boxes: tf.Tensor) -> tf.Tensor:
    """(…, 4) y1, x1, y2, x2 or dy, dx, dh, dw -> x1, y1, x2, y2 or dx, dy, dw, dh."""
    return tf.gather(boxes, [1, 0, 3, 2], axis=-1)


def canvases(profile, trained: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) of the canvas that was trained on and of those for portrait, square and landscape photos."""
    return list(dict.fromkeys([tuple(trained), *(profile.canvas(w, h) for w, h in SHAPES)]))


def export(params, checkpoint: Path, shapes: Iterable[tuple[int, int]], directory: Path) -> None:
    """Writes the checkpoint's weights as a SavedModel in `directory`.

    It computes in float32 whatever it was trained in: the weights are float32 in any case, and most CPUs are slow
    at anything else.
    """
    with quiet():
        stages = Stages(params, shapes)
        stages.restore(checkpoint)
        stages.save(directory)
