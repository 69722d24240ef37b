"""A network as a short table: its layers, the shape of what each returns, its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

JOINED = ("Activation", "BatchNormalization", "Dropout", "ReLU", "SpatialDropout2D")
"""Layers that keep the shape: they share a row with the layer before."""


def describe_layers(model: Any, *input_shapes: Sequence[int]) -> pd.DataFrame:
    """The layers of a network, with the output shape of each for an input of the given size.

    Unlike Keras' `summary`, it has numbers where the network takes images of any size, and one row
    for a convolution with its batch norm and its ReLU.

    Args:
        model: a tf_keras model.
        input_shapes: one per input, without the batch: (48, 48, 3). Not needed where the model
            takes one size only.
    Returns:
        One row per layer and a last one for the sum: layer; output shape, without the batch, or
        shapes where several inputs share the layer; parameters.
    """
    import tf_keras

    copy = tf_keras.models.clone_model(model)  # its layers are in no other network
    shapes = input_shapes or [tensor.shape[1:] for tensor in copy.inputs]
    if any(side is None for shape in shapes for side in shape):
        raise ValueError(f"the network takes any size: give {len(copy.inputs)} input shape(s)")
    outputs = [
        [layer.get_output_at(k) for k in range(len(layer.inbound_nodes))] for layer in copy.layers
    ]
    inputs = [tf_keras.Input(tuple(shape)) for shape in shapes]
    symbolic = tf_keras.Model(copy.inputs, outputs)(inputs if len(inputs) > 1 else inputs[0])
    texts = ", ".join(map(format_shape, shapes))
    rows: list[dict[str, Any]] = [{"layer": "input", "output": texts, "parameters": 0}]
    for layer, tensors in zip(copy.layers, symbolic, strict=True):
        if isinstance(layer, tf_keras.layers.InputLayer):
            continue
        text = _describe(layer)
        if type(layer).__name__ in JOINED and len(tensors) == 1:
            rows[-1]["layer"] += f", {text}"
            rows[-1]["parameters"] += layer.count_params()
            continue
        shape = ", ".join(format_shape(tensor.shape[1:]) for tensor in tensors)
        rows.append({"layer": text, "output": shape, "parameters": layer.count_params()})
    rows.append({"layer": "all", "output": "", "parameters": copy.count_params()})
    return pd.DataFrame(rows).set_index("layer")


def _describe(layer: Any) -> str:
    """A layer in a few words: "Conv2D 5 × 5, 16 channels, stride 2, relu"."""
    name = type(layer).__name__
    config = layer.get_config()
    words = {
        "BatchNormalization": "batch norm",
        "LayerNormalization": "layer norm",
        "ReLU": "ReLU",
        "SpatialDropout2D": f"dropout {config.get('rate')}",
        "Dropout": f"dropout {config.get('rate')}",
    }
    if name in words:
        return words[name]
    parts = [name.lower() if name in ("Flatten", "Reshape") else name]
    size = config.get("kernel_size") or config.get("pool_size")
    if size:
        parts[0] += f" {format_shape(size)}"
    if "filters" in config:
        parts.append(f"{config['filters']} channels")
    if "units" in config:
        parts[0] += f" {config['units']}"
    strides = config.get("strides")
    if strides and math.prod(strides) > 1 and "filters" in config:
        parts.append(f"stride {strides[0]}")
    activation = config.get("activation")
    if activation not in (None, "linear"):
        parts.append("ReLU" if activation == "relu" else activation)
    return ", ".join(parts)


def format_shape(shape: Sequence[int]) -> str:
    """(300, 7, 7) -> "300 × 7 × 7"."""
    return " × ".join(f"{side:,}" for side in shape)
