"""The head of the RPN: a 3 × 3 convolution and two 1 × 1 outputs at every cell of a map."""

from __future__ import annotations

import tf_keras


def build_rpn_head(width: int, anchors_per_cell: int, channels: int = 256) -> tf_keras.Model:
    """The head of the RPN.

    All cells share its weights: an anchor of one shape is scored in the same way wherever it is.
    Cells are normalized first, as in the box head. The outputs start near 0: an anchor has an
    objectness of about a half and stays where it is.

    Args:
        width: channels of the map.
        anchors_per_cell: A.
        channels: of the hidden map.
    Returns:
        Map (B, h, w, width) -> objectness logits (B, h · w · A) and deltas (B, h · w · A, 4).
    Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.
    """
    layers = tf_keras.layers
    normal = tf_keras.initializers.RandomNormal
    cells = layers.Input([None, None, width])
    x = layers.LayerNormalization()(cells)
    x = layers.Conv2D(
        channels, 3, padding="same", activation="relu", kernel_initializer="he_normal"
    )(x)
    objectness = layers.Conv2D(anchors_per_cell, 1, kernel_initializer=normal(stddev=0.01))(x)
    deltas = layers.Conv2D(4 * anchors_per_cell, 1, kernel_initializer=normal(stddev=0.01))(x)
    outputs = [layers.Reshape([-1])(objectness), layers.Reshape([-1, 4])(deltas)]
    return tf_keras.Model(cells, outputs)
