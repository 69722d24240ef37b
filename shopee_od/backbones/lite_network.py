"""The EfficientNet-Lite networks, by TF Model Garden's EfficientNet without squeeze-and-excitation.

Source: Tan and Le, "EfficientNet", ICML 2019, and the EfficientNet-Lite release of 2020.
"""

from __future__ import annotations

from typing import Any

import tf_keras
from official.vision.modeling.backbones import efficientnet

from shopee_od.backbones.registry import Backbone


class EfficientNetLite(efficientnet.EfficientNet):
    """Model Garden's EfficientNet, scaled as the Lite networks are.

    From Lite1 on, EfficientNet-b repeats the first and the last block; Lite has one of each. For
    b0 both are the same network.
    """

    def _block_group(self, inputs: Any, specs: Any, name: str = "block_group") -> Any:
        if name in ("block_group_0", f"block_group_{len(efficientnet.EN_B0_BLOCK_SPECS) - 1}"):
            specs.block_repeats = 1
        return super()._block_group(inputs, specs, name)


def build_lite(backbone: Backbone, size: tuple[int | None, int | None] = (None, None)) -> Any:
    """An EfficientNet-Lite with random weights.

    Args:
        backbone: of `get_backbone`.
        size: height and width in pixels of the images it will be given; None for any.
    Returns:
        A tf_keras.Model from images (B, H, W, 3) to feature maps by level.
    """
    return EfficientNetLite(
        input_specs=tf_keras.layers.InputSpec(shape=[None, *size, 3]),
        activation=backbone.activation,
        norm_epsilon=backbone.norm_epsilon,
        **backbone.config["efficientnet"],
    )


def build_configured_lite(input_specs: Any, config: Any, l2_regularizer: Any = None) -> Any:
    """The EfficientNet-Lite of a Model Garden model configuration; None if it has another backbone.

    Args:
        input_specs: tf_keras.layers.InputSpec of the images.
        config: official.vision.configs.maskrcnn.MaskRCNN.
        l2_regularizer: of the kernels, or None.
    """
    if config.backbone.type != "efficientnet":
        return None
    norm = config.norm_activation
    return EfficientNetLite(
        input_specs=input_specs,
        kernel_regularizer=l2_regularizer,
        activation=norm.activation,
        use_sync_bn=norm.use_sync_bn,
        norm_momentum=norm.norm_momentum,
        norm_epsilon=norm.norm_epsilon,
        **config.backbone.efficientnet.as_dict(),
    )
