"""A trained network as the two files of a saved detector: `network.tflite` and `variables.npz`.

An image is resized into the canvas that holds it at the largest scale: portrait, square or
landscape, all of one area. The network is the same for all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.litert import NETWORK_FILE
from shopee_od.detectors.model_garden.logs import suppress_logs, suppress_native_logs
from shopee_od.detectors.model_garden.model import build_model, restore_checkpoint
from shopee_od.detectors.model_garden.variables import VARIABLES_FILE, write_variables
from shopee_od.profiles import Profile

ASPECTS = ((2, 3), (1, 1), (3, 2))
"""Width : height of the images that have a canvas of their own."""


class ExportedNetwork:
    """A network and the functions of it that are saved, for every canvas, by name "HxW".

    maps_HxW: pixels (1, H, W, 3) -> backbone_K, features_K (h, w, C), objectness_K (N,) and
              deltas_K (N, 4) of each level K
    head_HxW: features_K (1, h, w, C) of all levels, rois (proposals, 4) -> pooled
              (proposals, 7, 7, C), class_logits (proposals, 1 + classes) and roi_deltas
              (proposals, 1 or 1 + classes, 4)

    Boxes and deltas have x before y, unlike Model Garden's.

    Args:
        profile, classes: of the training.
        canvases: (height, width) in pixels.
    """

    def __init__(
        self, profile: Profile, classes: Sequence[str], canvases: Iterable[tuple[int, int]]
    ) -> None:
        self._canvases = [(height, width) for height, width in canvases]
        self._config = build_experiment(profile, tuple(classes), self._canvases[0]).task.model
        with suppress_logs():
            # Without sizes in its input, one network serves every canvas.
            self.model = build_model(self._config)
            # Traced now: the second stage's weights, which restoring needs, are made by its first
            # call.
            self._functions = {
                f"{kind}_{height}x{width}": function
                for height, width in self._canvases
                for kind, function in self._trace(height, width)
            }

    def restore(self, checkpoint: Path) -> None:
        """Reads the weights of a training's checkpoint, which must hold all of them."""
        restore_checkpoint(self.model, checkpoint)

    def restore_variables(self, variables: Sequence[np.ndarray]) -> None:
        """Takes over values in the order of the model's `variables`.

        Raises:
            ValueError: they are another network's.
        """
        for variable, value in zip(self.model.variables, variables, strict=True):
            variable.assign(value)

    def save(self, directory: Path) -> None:
        """Writes `network.tflite` and `variables.npz` into a folder."""
        # Only the weights are tracked: Keras layers would take long to save.
        holder = tf.Module()
        holder.weights = self.model.variables
        with (
            suppress_logs(),
            suppress_native_logs(),
            tempfile.TemporaryDirectory() as saved_model,
        ):
            tf.saved_model.save(holder, saved_model, signatures=self._functions)
            converter = tf.lite.TFLiteConverter.from_saved_model(
                saved_model, signature_keys=list(self._functions)
            )
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
            (Path(directory) / NETWORK_FILE).write_bytes(converter.convert())
        write_variables(self.model, Path(directory) / VARIABLES_FILE)

    def _trace(self, height: int, width: int) -> list[tuple[str, Any]]:
        """The two functions of a canvas."""
        levels = range(self._config.min_level, self._config.max_level + 1)
        channels = self._config.decoder.get().num_filters
        pixels = tf.TensorSpec([1, height, width, 3], tf.float32, "pixels")
        rois = tf.TensorSpec([self._config.roi_generator.test_num_proposals, 4], tf.float32, "rois")
        features = [
            tf.TensorSpec([1, height // 2**k, width // 2**k, channels], tf.float32, f"features_{k}")
            for k in levels
        ]

        def compute_maps(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
            backbone = self.model.backbone(pixels, training=False)
            pyramid = self.model.decoder(backbone, training=False)
            objectness, deltas = self.model.rpn_head(pyramid, training=False)
            outputs = {}
            for k in pyramid:
                outputs[f"features_{k}"] = pyramid[k][0]
                outputs[f"objectness_{k}"] = tf.reshape(objectness[k], [-1])
                outputs[f"deltas_{k}"] = _swap_axes(tf.reshape(deltas[k], [-1, 4]))
                if k in backbone:
                    outputs[f"backbone_{k}"] = backbone[k][0]
            return outputs

        def classify_rois(rois: tf.Tensor, *features: tf.Tensor) -> dict[str, tf.Tensor]:
            pyramid = {str(k): cells for k, cells in zip(levels, features, strict=True)}
            pooled = self.model.roi_aligner(pyramid, _swap_axes(rois)[None], training=False)
            logits, deltas = self.model.detection_head[0](pooled, training=False)
            return {
                "pooled": pooled[0],
                "class_logits": logits[0],
                "roi_deltas": _swap_axes(tf.reshape(deltas, [rois.shape[0], -1, 4])),
            }

        return [
            (name, tf.function(function, autograph=False).get_concrete_function(*specs))
            for name, function, specs in (
                ("maps", compute_maps, [pixels]),
                ("head", classify_rois, [rois, *features]),
            )
        ]


def _swap_axes(boxes: tf.Tensor) -> tf.Tensor:
    """(…, 4) boxes or deltas with y before x -> with x before y, or back."""
    return tf.gather(boxes, [1, 0, 3, 2], axis=-1)


def export_canvases(profile: Profile, training_canvas: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) of training's canvas and of those for portrait, square, landscape images."""
    canvases = [training_canvas, *(profile.canvas(width, height) for width, height in ASPECTS)]
    return list(dict.fromkeys(canvases))
