"""Model Garden's Faster R-CNN network, its boxes kept in float32."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras
from official.vision.modeling import factory
from official.vision.modeling.layers import detection_generator, roi_generator, roi_sampler

from shopee_od.ops.two_stage import DELTA_SCALE

REGRESSION_WEIGHTS = list(DELTA_SCALE)
"""Model Garden's scale of the second stage's deltas, alike for y and x."""


def build_model(config, size: Sequence[int | None] = (None, None), l2_weight_decay: float = 0.0):
    """Model Garden's model configuration -> its network, for photos of `size` (height, width); None is any.

    The second stage's weights are made by the first call.
    """
    # Model Garden counts weight decay as tf.nn.l2_loss does, with a half.
    l2 = tf_keras.regularizers.l2(l2_weight_decay / 2) if l2_weight_decay else None
    model = factory.build_maskrcnn(tf_keras.layers.InputSpec(shape=[None, *size, 3]), config, l2)
    _keep_boxes_in_float32(model)
    return model


def float32(layer: type) -> type:
    """`layer`, a Keras layer class, with all its float arguments in float32 whatever the precision policy.

    Fault 6: under bfloat16 the boxes become bfloat16 too, which above 512 px has steps of 4 px.
    """

    class Float32(layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs, dtype="float32")

        def __call__(self, *args, **kwargs):
            args, kwargs = tf.nest.map_structure(up, (args, kwargs))
            return super().__call__(*args, **kwargs)

    def up(x):
        return tf.cast(x, tf.float32) if tf.is_tensor(x) and x.dtype.is_floating else x

    Float32.__name__ = f"Float32{layer.__name__}"
    return Float32


def _keep_boxes_in_float32(model) -> None:
    """Replaces the layers of a Mask R-CNN model that compute boxes; they have no weights."""
    generator, sampler = float32(roi_generator.MultilevelROIGenerator), float32(roi_sampler.ROISampler)
    detections = float32(detection_generator.DetectionGenerator)
    model.roi_generator = generator(**model.roi_generator.get_config())
    model.roi_sampler = [sampler(**s.get_config()) for s in model.roi_sampler]
    model.detection_generator = detections(**model.detection_generator.get_config())
