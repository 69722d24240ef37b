"""Which layers of a pretrained backbone are not trained."""

from __future__ import annotations

from typing import Any

LAST_BLOCK = {2: 2, 3: 4, 4: 10, 5: 15}
"""Pyramid level -> index of EfficientNet-b0's last block at that level."""


def freeze(model: Any, level: int) -> None:
    """Freezes an EfficientNet-b0 up to a pyramid level, batch norms included.

    Edges and textures learned on ImageNet serve garments as they are, and a few hundred images are
    too few to learn them again.

    Args:
        model: a tf_keras.Model, changed in place.
        level: the last pyramid level to freeze, 2 to 5; 0 freezes nothing.
    Source: Girshick, "Fast R-CNN", ICCV 2015, section 4.5.
    """
    if not level:
        return
    blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
    last = model.layers.index(blocks[LAST_BLOCK[level]])
    for layer in model.layers[: last + 1]:
        layer.trainable = False
