"""EfficientNet-Lite0 with its ImageNet weights, as a network of TF Model Garden.

Model Garden's EfficientNet-b0 without squeeze-and-excitation and with ReLU6 is EfficientNet-Lite0.

Source: Tan and Le, "EfficientNet", ICML 2019, and the EfficientNet-Lite release of 2020.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

import shopee_od.backbones.weights as weights
from shopee_od.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from shopee_od.backbones.registry import get_backbone
from shopee_od.errors import InputError
from shopee_od.io import read_json

# The parts of a layer, in the order of its Keras weights.
_CONVOLUTION = ("kernel",)
_BATCH_NORM = ("gamma", "beta", "mean", "var")


def efficientnet_lite0(size: Sequence[int | None] = (None, None)) -> Any:
    """EfficientNet-Lite0 with its ImageNet weights.

    Args:
        size: height and width in pixels of the images it will be given; None for any.
    Returns:
        A tf_keras.Model that takes the output of `normalize_images` (B, H, W, 3) and gives feature
        maps by level. "2" to "5" have strides of 4 to 32; "6" has the 1280 channels that ImageNet's
        classifier averages, at stride 32 as well.
    """
    import tf_keras
    from official.vision.modeling.backbones import efficientnet

    backbone = get_backbone("efficientnet-lite0")
    model = efficientnet.EfficientNet(
        input_specs=tf_keras.layers.InputSpec(shape=[None, *size, 3]),
        activation=backbone.activation,
        norm_epsilon=backbone.norm_epsilon,
        **backbone.config["efficientnet"],
    )
    load_weights(model)
    return model


def load_weights(model: Any, fold_normalization: bool = True) -> None:
    """Puts the ImageNet weights into Model Garden's EfficientNet-b0.

    Args:
        model: a tf_keras.Model, changed in place.
        fold_normalization: EfficientNet-Lite0 was trained on (x - 127) / 128. True folds the
            difference to `normalize_images` into the stem (a scale per input channel into its
            kernel, the shift into the mean of its batch norm), so that the model takes normalized
            images. False leaves the weights as published.
    Raises:
        InputError: the model is another network.
    """
    arrays = dict(read_weights())
    if fold_normalization:
        kernel = arrays["stem/kernel"]
        scale = 255 * IMAGENET_STD / 128
        shift = (255 * IMAGENET_MEAN - 127) / 128
        arrays["stem/mean"] = arrays["stem/mean"] - np.einsum("hwio,i->o", kernel, shift)
        arrays["stem/kernel"] = kernel * scale[:, None]
    loaded: set[str] = set()
    for name, layer in _named_layers(model):
        parts = _BATCH_NORM if type(layer).__name__ == "BatchNormalization" else _CONVOLUTION
        names = [f"{name}/{part}" for part in parts]
        values = [arrays[n] for n in names if n in arrays]
        if [v.shape for v in values] != [tuple(w.shape) for w in layer.get_weights()]:
            raise InputError(
                f"the backbone's {name} does not fit EfficientNet-Lite0's weights; use model_id b0"
            )
        layer.set_weights(values)
        loaded.update(names)
    unused = {name for name in arrays if not name.startswith("classifier/")} - loaded
    if unused:
        raise InputError(
            f"the backbone has no layer for {min(unused)}; use EfficientNet model_id b0"
        )


@cache
def read_weights() -> dict[str, np.ndarray]:
    """The ImageNet weights, float32 by name, checked against the sha256 in their card.

    Raises:
        InputError: the file is missing or not as shipped.
    """
    path = weights.EFFICIENTNET_LITE0
    if not path.is_file():
        raise InputError(f"{path}: the pretrained weights are missing; reinstall shopee-od")
    card: Any = read_json(path.with_suffix(".json"))
    if hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"]:
        raise InputError(
            f"{path}: the pretrained weights are damaged (sha256 differs); reinstall shopee-od"
        )
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def _named_layers(model: Any) -> Iterator[tuple[str, Any]]:
    """Every convolution and batch norm with its name in `read_weights`."""
    plain = [
        layer for layer in model.layers if type(layer).__name__ in ("Conv2D", "BatchNormalization")
    ]
    blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
    if len(plain) != 4 or len(blocks) != 16:
        raise InputError("the backbone is not EfficientNet-b0; its pretrained weights do not fit")
    stem_convolution, stem_norm, head_convolution, head_norm = plain
    yield "stem", stem_convolution
    yield "stem", stem_norm
    yield "head", head_convolution
    yield "head", head_norm
    for i, block in enumerate(blocks):
        # Model Garden has no public names for the parts of a block.
        if i > 0:  # the first block's expansion ratio is 1
            yield f"block{i:02}/expand", block._conv0
            yield f"block{i:02}/expand", block._norm0
        yield f"block{i:02}/depthwise", block._conv1
        yield f"block{i:02}/depthwise", block._norm1
        yield f"block{i:02}/project", block._conv2
        yield f"block{i:02}/project", block._norm2
