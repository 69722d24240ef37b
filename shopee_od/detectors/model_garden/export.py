"""A trained checkpoint as a SavedModel that takes images of any size and shows its stages.

An image is resized into the canvas that holds it at the largest scale: portrait, square or
landscape, all of one area. The network is the same for all; only the anchors differ.
"""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# TensorFlow's type stubs do not know shapes that mix tensors and numbers.

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf
from official.vision.ops import anchor, preprocess_ops

from shopee_od.detectors.model_garden.logs import suppress_logs
from shopee_od.detectors.model_garden.model import build_model
from shopee_od.profiles import Profile

ASPECTS = ((2, 3), (1, 1), (3, 2))
"""Width : height of the images that have a canvas of their own."""


class ExportedNetwork:
    """A network and the functions of it that are saved, for every canvas, by name "HxW".

    fit_HxW:    photo uint8 (h, w, 3) -> canvas float32 (H, W, 3), normalized, and its image_info
                (4, 2)
    detect_HxW: images (N, H, W, 3) -> detection_boxes (N, 100, 4) as y1, x1, y2, x2 of the canvas,
                detection_scores, detection_classes from 1, num_detections (N,)
    heads_HxW:  images (1, H, W, 3) -> the arrays of `RawOutputs`; boxes and deltas with x before y

    Args:
        params: Model Garden's experiment configuration.
        canvases: (height, width) in pixels.
    """

    def __init__(self, params: Any, canvases: Iterable[tuple[int, int]]) -> None:
        self._config = params.task.model
        # Without sizes in its input, one network serves every canvas.
        self.model = build_model(self._config)
        self._signatures: dict[str, Any] = {}
        for canvas in canvases:
            self._add_signatures(canvas)

    def restore(self, checkpoint: Path) -> None:
        """Reads the weights of a training's checkpoint, which must hold all of them."""
        reader = tf.train.Checkpoint(model=self.model, **self.model.checkpoint_items)
        status = reader.read(str(checkpoint))
        status.expect_partial().assert_existing_objects_matched()

    def save(self, directory: Path) -> None:
        """Writes the SavedModel."""
        # Only the weights are tracked: with all of Keras' layers, opening it takes much longer.
        holder = tf.Module()
        holder.weights = self.model.variables
        tf.saved_model.save(holder, str(directory), signatures=self._signatures)

    def _add_signatures(self, canvas: tuple[int, int]) -> None:
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

        images_spec = tf.TensorSpec([None, *canvas, 3], tf.float32, "images")

        # One function for both that call it: saving spends most of its time tracing the network.
        @tf.function(input_signature=[images_spec], autograph=False)
        def run(images):
            batch = tf.shape(images)[0]
            boxes = {level: tf.tile(a[None], [batch, 1, 1, 1]) for level, a in anchors.items()}
            shape = tf.tile(tf.constant([canvas], tf.float32), [batch, 1])
            outputs = self.model.call(images, image_shape=shape, anchor_boxes=boxes, training=False)
            return outputs, boxes, shape

        def detect(images):
            outputs, _, _ = run(images)
            names = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
            return {name: outputs[name] for name in names}

        def heads(images):
            return _raw_outputs(self.model, *run(images))

        name = f"{canvas[0]}x{canvas[1]}"
        photo_spec = tf.TensorSpec([None, None, 3], tf.uint8, "photo")
        image_spec = tf.TensorSpec([1, *canvas, 3], tf.float32, "images")
        # Traced now: the second stage's weights, which restoring needs, are made by its first call.
        for kind, function, spec in (
            ("fit", fit, photo_spec),
            ("detect", detect, images_spec),
            ("heads", heads, image_spec),
        ):
            traced = tf.function(function, autograph=False).get_concrete_function(spec)
            self._signatures[f"{kind}_{name}"] = traced


def _raw_outputs(model: Any, outputs: dict, boxes: dict, shape: tf.Tensor) -> dict[str, tf.Tensor]:
    """The model's outputs for one image -> the arrays of `RawOutputs`, by name and level."""
    rois, scores = model.roi_generator(
        outputs["rpn_boxes"], outputs["rpn_scores"], boxes, shape, False
    )
    pooled = model.roi_aligner(outputs["decoder_features"], rois)
    roi_deltas = tf.reshape(outputs["box_outputs"], [tf.shape(rois)[1], -1, 4])
    arrays = {
        "rois": _x_before_y(rois[0]),
        "roi_scores": tf.reshape(scores, [-1]),
        "pooled": pooled[0],
        "class_logits": outputs["cls_outputs"][0],
        "roi_deltas": _x_before_y(roi_deltas),
    }
    for level, logits in outputs["rpn_scores"].items():
        deltas = tf.reshape(outputs["rpn_boxes"][level], [-1, 4])
        arrays[f"features_{level}"] = outputs["decoder_features"][level][0]
        arrays[f"anchors_{level}"] = _x_before_y(tf.reshape(boxes[level], [-1, 4]))
        arrays[f"objectness_{level}"] = tf.reshape(logits, [-1])
        arrays[f"deltas_{level}"] = _x_before_y(deltas)
        if level in outputs["backbone_features"]:
            arrays[f"backbone_{level}"] = outputs["backbone_features"][level][0]
    return {name: tf.cast(array, tf.float32) for name, array in arrays.items()}


def _x_before_y(boxes: tf.Tensor) -> tf.Tensor:
    """(…, 4) y1, x1, y2, x2 or dy, dx, dh, dw -> x1, y1, x2, y2 or dx, dy, dw, dh."""
    return tf.gather(boxes, [1, 0, 3, 2], axis=-1)


def export_canvases(profile: Profile, training_canvas: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) of training's canvas and of those for portrait, square, landscape images."""
    canvases = [training_canvas, *(profile.canvas(width, height) for width, height in ASPECTS)]
    return list(dict.fromkeys(canvases))


def export_saved_model(
    params: Any, checkpoint: Path, canvases: Iterable[tuple[int, int]], directory: Path
) -> None:
    """Writes a checkpoint's weights as a SavedModel.

    It computes in float32, regardless of the precision of training: the weights are float32 in any
    case, and most CPUs are slow at anything else.

    Args:
        params: Model Garden's experiment configuration.
        checkpoint: of the training with this configuration.
        canvases: (height, width) in pixels that the network is to take.
        directory: to write to.
    """
    with suppress_logs():
        network = ExportedNetwork(params, canvases)
        network.restore(checkpoint)
        network.save(directory)
