"""The backbones that a profile can name, and the ImageNet weights that come with the package.

`efficientnet-lite0` is Model Garden's EfficientNet-b0 without squeeze-and-excitation and with ReLU6, which is
EfficientNet-Lite0 (Tan and Le, "EfficientNet", 2019; the Lite release of 2020). `resnet-18/34/50` start from
scratch, or from a Model Garden checkpoint that the user has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from shopee_od.paths import WEIGHTS, read_json
from shopee_od.profiles import Profile
from shopee_od.types import InputError

LITE0 = WEIGHTS / "efficientnet_lite0.npz"

LAST_BLOCK = {2: 2, 3: 4, 4: 10, 5: 15}
"""EfficientNet-b0's last block of each pyramid level."""

# Model Garden normalises a photo as (x/255 - mean) / std; Lite0 learnt on (x - 127) / 128.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class Backbone:
    """What Model Garden must be told of a backbone. `max_level` is the deepest pyramid level it can carry."""

    config: dict
    activation: str
    norm_epsilon: float
    max_level: int
    pretrained: bool

    def configured(self, drop_path: float) -> dict:
        """Model Garden's configuration, with stochastic depth for the networks that have residual blocks to drop."""
        kind = self.config["type"]
        return {"type": kind, kind: self.config[kind] | {"stochastic_depth_drop_rate": drop_path}}


BACKBONES = {
    # Its level 6 is the classifier's 1280-channel convolution, still at stride 32: a pyramid must end at 5.
    "efficientnet-lite0": Backbone(
        {"type": "efficientnet", "efficientnet": {"model_id": "b0", "se_ratio": 0.0}}, "relu6", 1e-3, 5, True
    ),
    **{
        f"resnet-{depth}": Backbone({"type": "resnet", "resnet": {"model_id": depth}}, "relu", 1e-4, 6, False)
        for depth in (18, 34, 50)
    },
}


def backbone(name: str) -> Backbone:
    """The backbone of this name. Raises InputError where there is none."""
    if name not in BACKBONES:
        raise InputError(f"backbone {name!r} is not known; choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]


@cache
def lite0_weights() -> dict[str, np.ndarray]:
    """float32 arrays by name, checked against the card's sha256. Raises InputError where they are not as shipped."""
    if not LITE0.is_file():
        raise InputError(f"{LITE0}: the pretrained weights are missing; reinstall shopee-od")
    card = read_json(LITE0.with_suffix(".json"))
    if hashlib.sha256(LITE0.read_bytes()).hexdigest() != card["sha256"]:
        raise InputError(f"{LITE0}: the pretrained weights are damaged (sha256 differs); reinstall shopee-od")
    with np.load(LITE0) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def load_lite0(model, fold: bool = True) -> None:
    """Puts the ImageNet weights into Model Garden's EfficientNet-b0 (`model`, a tf_keras.Model).

    fold: the model is fed Model Garden's normalised photos, so the difference of the two normalisations goes
    into the stem: a scale per input channel into its kernel, the shift into its batch norm's mean.
    Raises InputError where the model is another network.
    """
    weights = dict(lite0_weights())
    if fold:
        scale, shift = 255 * STD / 128, (255 * MEAN - 127) / 128
        kernel = weights["stem/kernel"]
        weights["stem/mean"] = weights["stem/mean"] - np.einsum("hwio,i->o", kernel, shift)
        weights["stem/kernel"] = kernel * scale[:, None]
    used = set()
    for name, layer in _lite0_layers(model):
        names = [f"{name}/{part}" for part in ("kernel", "gamma", "beta", "mean", "var") if f"{name}/{part}" in weights]
        values = [weights[n] for n in names if ("kernel" in n) == ("conv" in type(layer).__name__.lower())]
        if [v.shape for v in values] != [tuple(w.shape) for w in layer.get_weights()]:
            raise InputError(f"the backbone's {name} does not fit EfficientNet-Lite0's weights; use model_id b0")
        layer.set_weights(values)
        used.update(names)
    left = {n for n in weights if not n.startswith("classifier/")} - used
    if left:
        raise InputError(f"the backbone has no place for {sorted(left)[0]}; use EfficientNet model_id b0")


def normalised(photos):
    """Any shape that ends in 3 channels, 0–255 -> float32 tensor of the same: as the backbones learnt them."""
    import tensorflow as tf

    return (tf.cast(photos, tf.float32) / 255 - MEAN) / STD


def lite0(size: Sequence[int | None] = (None, None)):
    """EfficientNet-Lite0 with its ImageNet weights, for photos of `size` (height, width); None is any.

    A tf_keras.Model: Model Garden's normalised photos (B, H, W, 3) -> its maps by level, "2" to "5" at strides of 4 to
    32, and "6", the 1280 channels that ImageNet's classes are told from, at stride 32 as well.
    """
    import tf_keras
    from official.vision.modeling.backbones import efficientnet

    known = backbone("efficientnet-lite0")
    photos = tf_keras.layers.InputSpec(shape=[None, *size, 3])
    options = known.config["efficientnet"] | {"activation": known.activation, "norm_epsilon": known.norm_epsilon}
    model = efficientnet.EfficientNet(input_specs=photos, **options)
    load_lite0(model)
    return model


def freeze(model, profile: Profile) -> None:
    """Keeps the layers of an EfficientNet-b0 up to the profile's `frozen_level` as they are, batch norms included.

    Edges and textures need no relearning from a few hundred photos; so has every Fast R-CNN since the first
    (Girshick, "Fast R-CNN", 2015, section 4.5).
    """
    if profile.frozen_level:
        last = LAST_BLOCK[profile.frozen_level]
        blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
        for layer in model.layers[: model.layers.index(blocks[last]) + 1]:
            layer.trainable = False


def lite0_classifier() -> tuple[np.ndarray, np.ndarray]:
    """kernel (1280, 1000), bias (1000,): ImageNet's classes from the head's features, averaged over the photo."""
    weights = lite0_weights()
    return weights["classifier/kernel"], weights["classifier/bias"]


def _lite0_layers(model):
    """(name, layer) of every convolution and batch norm, in the names of `lite0_weights`."""
    plain = [layer for layer in model.layers if type(layer).__name__ in ("Conv2D", "BatchNormalization")]
    blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
    if len(plain) != 4 or len(blocks) != 16:
        raise InputError("the backbone is not EfficientNet-b0; its pretrained weights do not fit")
    for name, pair in (("stem", plain[:2]), ("head", plain[2:])):
        yield from ((name, layer) for layer in pair)
    for i, block in enumerate(blocks):
        # Model Garden has no public names for a block's parts.
        parts = [("depthwise", block._conv1, block._norm1), ("project", block._conv2, block._norm2)]
        if i > 0:  # the first block's expansion ratio is 1
            parts.insert(0, ("expand", block._conv0, block._norm0))
        for part, convolution, norm in parts:
            yield f"block{i:02}/{part}", convolution
            yield f"block{i:02}/{part}", norm
