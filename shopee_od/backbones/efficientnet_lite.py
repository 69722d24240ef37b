"""Pretrained weights of EfficientNet-Lite0, -Lite1 and -Lite2.

The package has Lite0's ImageNet weights. tools/convert_efficientnet_lite.py writes those of the
others, tools/convert_efficientdet_backbone.py Lite0's COCO weights: an .npz each,
with a card, a .json of the same name.

Source: Tan and Le, "EfficientNet", ICML 2019, and the EfficientNet-Lite release of 2020.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import shopee_od.backbones.weights as weights
from shopee_od.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from shopee_od.backbones.registry import get_backbone
from shopee_od.errors import InputError
from shopee_od.io import hash_file, read_json

# The parts of a layer, in the order of its Keras weights.
_CONVOLUTION = ("kernel",)
_BATCH_NORM = ("gamma", "beta", "mean", "var")


def efficientnet_lite0(size: tuple[int | None, int | None] = (None, None)) -> Any:
    """EfficientNet-Lite0 with its ImageNet weights.

    Args:
        size: height and width in pixels of the images it will be given; None for any.
    Returns:
        A tf_keras.Model that takes the output of `normalize_images` (B, H, W, 3) and gives feature
        maps by level. "2" to "5" have strides of 4 to 32; "6" has the 1280 channels that ImageNet's
        classifier averages, at stride 32 as well.
    """
    from shopee_od.backbones.lite_network import build_lite

    model = build_lite(get_backbone("efficientnet-lite0"), size)
    load_weights(model)
    return model


def load_weights(model: Any, path: Path | None = None, fold_normalization: bool = True) -> None:
    """Puts pretrained weights into an EfficientNet-Lite.

    Args:
        model: a tf_keras.Model, changed in place. Its last convolution, which only a classifier
            needs, stays as it is where the file has no `head`.
        path: the .npz, with its card; None for the package's Lite0 on ImageNet.
        fold_normalization: the EfficientNet-Lites were trained on (x - 127) / 128. True folds the
            difference to `normalize_images` into the stem (a scale per input channel into its
            kernel, the shift into the mean of its batch norm), so that the model takes normalized
            images. False leaves the weights as published.
    Raises:
        InputError: the file is missing or damaged, or the model is another network.
    """
    arrays = dict(read_weights(path))
    if fold_normalization:
        kernel = arrays["stem/kernel"]
        scale = 255 * IMAGENET_STD / 128
        shift = (255 * IMAGENET_MEAN - 127) / 128
        arrays["stem/mean"] = arrays["stem/mean"] - np.einsum("hwio,i->o", kernel, shift)
        arrays["stem/kernel"] = kernel * scale[:, None]
    name_of_weights = read_card(path)["name"]
    loaded: set[str] = set()
    for name, layer in _named_layers(model):
        if name == "head" and "head/kernel" not in arrays:
            continue
        parts = _BATCH_NORM if type(layer).__name__ == "BatchNormalization" else _CONVOLUTION
        names = [f"{name}/{part}" for part in parts]
        values = [arrays[n] for n in names if n in arrays]
        if [v.shape for v in values] != [tuple(w.shape) for w in layer.get_weights()]:
            raise InputError(f"the backbone's {name} does not fit the weights {name_of_weights!r}")
        layer.set_weights(values)
        loaded.update(names)
    unused = {name for name in arrays if not name.startswith("classifier/")} - loaded
    if unused:
        raise InputError(
            f"the backbone has no layer for {min(unused)} of the weights {name_of_weights!r}"
        )


def is_weights_file(name: str) -> bool:
    """Whether a profile's `weights` name a backbone's .npz, not a checkpoint or a run."""
    return name.endswith(".npz")


@cache
def read_weights(path: Path | None = None) -> dict[str, np.ndarray]:
    """Pretrained weights, float32 by name, checked against the sha256 in their card.

    Args:
        path: the .npz; None for the package's Lite0 on ImageNet.
    Raises:
        InputError: the file is missing or not the one that its card describes.
    """
    card = read_card(path)
    path = path or weights.EFFICIENTNET_LITE0
    if hash_file(path) != card["sha256"]:
        raise InputError(
            f"{path}: the pretrained weights are damaged (sha256 differs); {_fix(path)}"
        )
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def read_card(path: Path | None = None) -> dict[str, Any]:
    """What a file of weights is: name, backbone, sha256, license, source, what it was trained on.

    Args:
        path: the .npz; None for the package's Lite0 on ImageNet.
    Raises:
        InputError: the weights or their card are missing.
    """
    path = path or weights.EFFICIENTNET_LITE0
    if not path.is_file():
        raise InputError(f"{path}: the pretrained weights are missing; {_fix(path)}")
    card: Any = read_json(path.with_suffix(".json"))
    if not isinstance(card, dict) or not {"name", "backbone", "sha256"} <= card.keys():
        raise InputError(
            f"{path.with_suffix('.json')}: not the card of pretrained weights; {_fix(path)}"
        )
    return card


def _fix(path: Path) -> str:
    is_ours = path == weights.EFFICIENTNET_LITE0
    return "reinstall shopee-od" if is_ours else "write it with tools/convert_*.py"


def _named_layers(model: Any) -> Iterator[tuple[str, Any]]:
    """Every convolution and batch norm with its name in `read_weights`."""
    plain = [
        layer for layer in model.layers if type(layer).__name__ in ("Conv2D", "BatchNormalization")
    ]
    blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
    if len(plain) != 4 or not blocks:
        raise InputError("the backbone is not an EfficientNet-Lite; its weights do not fit")
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
