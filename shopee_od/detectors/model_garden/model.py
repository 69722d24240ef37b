"""Model Garden's Faster R-CNN network, with its boxes in float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras
from official.vision.modeling import factory
from official.vision.modeling.layers import detection_generator, roi_generator

from shopee_od.backbones.lite_network import build_configured_lite
from shopee_od.detectors.model_garden.ignore_regions import ROISampler
from shopee_od.ops.two_stage import DELTA_SCALE

REGRESSION_WEIGHTS = list(DELTA_SCALE)
"""Model Garden's scale of the second stage's deltas, the same for y and x."""


def build_model(
    config: Any, size: Sequence[int | None] = (None, None), l2_weight_decay: float = 0.0
) -> Any:
    """The network of a Model Garden model configuration.

    The second stage's weights are made by the first call.

    Args:
        config: official.vision.configs.maskrcnn.MaskRCNN.
        size: height and width in pixels of the images; None for any.
        l2_weight_decay: the factor of the L2 penalty.
    """
    # Model Garden defines weight decay by tf.nn.l2_loss, which halves the sum of squares.
    l2 = tf_keras.regularizers.l2(l2_weight_decay / 2) if l2_weight_decay else None
    specs = tf_keras.layers.InputSpec(shape=[None, *size, 3])
    backbone = build_configured_lite(specs, config, l2)
    model = factory.build_maskrcnn(specs, config, l2, backbone)
    _keep_boxes_in_float32(model)
    return model


def restore_checkpoint(model: Any, checkpoint: Path | str) -> None:
    """Reads the weights of a training's checkpoint, which must hold all of the model's.

    Args:
        model: of `build_model`, with its second stage's weights made.
        checkpoint: as Model Garden's training writes it.
    """
    reader = tf.train.Checkpoint(model=model, **model.checkpoint_items)
    status = reader.read(str(checkpoint))
    status.expect_partial().assert_existing_objects_matched()


def make_float32_layer(layer: type) -> type:
    """A Keras layer class that casts its float arguments to float32 under any precision policy.

    Fault 6: under bfloat16 the boxes become bfloat16 too, which above 512 px has steps of 4 px.
    """

    def to_float32(x: Any) -> Any:
        return tf.cast(x, tf.float32) if tf.is_tensor(x) and x.dtype.is_floating else x

    class Float32(layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs, dtype="float32")

        def __call__(self, *args, **kwargs):
            args, kwargs = tf.nest.map_structure(to_float32, (args, kwargs))
            return super().__call__(*args, **kwargs)

    Float32.__name__ = f"Float32{layer.__name__}"
    return Float32


def _keep_boxes_in_float32(model: Any) -> None:
    """Replaces the layers of a Mask R-CNN model that compute boxes; they have no weights."""
    generator = make_float32_layer(roi_generator.MultilevelROIGenerator)
    sampler = make_float32_layer(ROISampler)
    detections = make_float32_layer(detection_generator.DetectionGenerator)
    model.roi_generator = generator(**model.roi_generator.get_config())
    model.roi_sampler = [sampler(**s.get_config()) for s in model.roi_sampler]
    model.detection_generator = detections(**model.detection_generator.get_config())
