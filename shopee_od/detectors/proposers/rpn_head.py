"""The head of the RPN: a 3 × 3 convolution and two 1 × 1 outputs at every cell of every map."""

from __future__ import annotations

from collections.abc import Sequence

import tf_keras


def build_rpn_head(
    widths: Sequence[int], anchors_per_cell: int, channels: int = 96
) -> tf_keras.Model:
    """The head of the RPN.

    A 1 × 1 convolution of its own brings each map to the same channels; a 3 × 3 convolution and two
    1 × 1 outputs follow, which all maps share: an anchor is scored by the same weights wherever it
    is, on every level.

    Args:
        widths: the channels of each map.
        anchors_per_cell: objectness scores of a cell.
        channels: of the hidden maps.
    Returns:
        Maps -> for each objectness (B, N) and deltas (B, N, 4).
    """
    layers = tf_keras.layers
    normal = tf_keras.initializers.RandomNormal
    he = "he_normal"
    hidden = layers.Conv2D(channels, 3, padding="same", activation="relu", kernel_initializer=he)
    objectness = layers.Conv2D(anchors_per_cell, 1, kernel_initializer=normal(stddev=0.01))
    deltas = layers.Conv2D(4 * anchors_per_cell, 1, kernel_initializer=normal(stddev=0.01))
    to_scores = layers.Reshape([-1])
    to_boxes = layers.Reshape([-1, 4])
    maps = [layers.Input([None, None, width]) for width in widths]
    outputs = []
    for features in maps:
        reduced = layers.Conv2D(channels, 1, activation="relu", kernel_initializer=he)(features)
        x = hidden(reduced)
        outputs.append((to_scores(objectness(x)), to_boxes(deltas(x))))
    return tf_keras.Model(maps, outputs)
