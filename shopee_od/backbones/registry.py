"""The backbones that a profile can name, and what Model Garden must be told about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shopee_od.errors import InputError


@dataclass(frozen=True)
class Backbone:
    """A backbone in Model Garden's terms.

    Args:
        config: Model Garden's backbone configuration, a `type` and the options of that type.
        activation: the name of its activation function.
        norm_epsilon: what its batch norms add to the variance.
        max_level: the deepest pyramid level that it can supply; its stride is 2**max_level.
        pretrained: whether its ImageNet weights are in the package.
    """

    config: dict[str, Any]
    activation: str
    norm_epsilon: float
    max_level: int
    pretrained: bool

    def config_with_drop_path(self, drop_path: float) -> dict[str, Any]:
        """Model Garden's configuration with stochastic depth.

        Args:
            drop_path: the share of residual blocks that a training step skips.
        """
        kind = self.config["type"]
        return {"type": kind, kind: self.config[kind] | {"stochastic_depth_drop_rate": drop_path}}


def _resnet(depth: int) -> Backbone:
    config = {"type": "resnet", "resnet": {"model_id": depth}}
    return Backbone(config, activation="relu", norm_epsilon=1e-4, max_level=6, pretrained=False)


def _efficientnet_lite(model_id: str, pretrained: bool = False) -> Backbone:
    # The Lite networks have no squeeze-and-excitation, and ReLU6. Level 6 is the classifier's
    # convolution, still at stride 32: a pyramid must end at 5.
    config = {"type": "efficientnet", "efficientnet": {"model_id": model_id, "se_ratio": 0.0}}
    return Backbone(
        config, activation="relu6", norm_epsilon=1e-3, max_level=5, pretrained=pretrained
    )


BACKBONES = {
    "efficientnet-lite0": _efficientnet_lite("b0", pretrained=True),
    # From weights that tools/convert_efficientnet_lite.py writes.
    "efficientnet-lite1": _efficientnet_lite("b1"),
    "efficientnet-lite2": _efficientnet_lite("b2"),
    # From scratch, or from a Model Garden checkpoint that the user has.
    "resnet-18": _resnet(18),
    "resnet-34": _resnet(34),
    "resnet-50": _resnet(50),
}


def get_backbone(name: str) -> Backbone:
    """The backbone of this name. Raises InputError where there is none."""
    if name not in BACKBONES:
        raise InputError(f"backbone {name!r} is not known; choose one of {', '.join(BACKBONES)}")
    return BACKBONES[name]
