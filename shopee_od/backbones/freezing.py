"""Which layers of a pretrained backbone are not trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def last_blocks(strides: Iterable[int]) -> dict[int, int]:
    """The index of an EfficientNet's last block at each pyramid level.

    Args:
        strides: of the blocks, each 1 or 2. The stem before them has stride 2.

    >>> last_blocks([1, 2, 1, 2])
    {1: 0, 2: 2, 3: 3}
    """
    level = 1
    last = {}
    for i, stride in enumerate(strides):
        level += stride == 2
        last[level] = i
    return last


def freeze(model: Any, level: int) -> None:
    """Freezes an EfficientNet up to a pyramid level, batch norms included.

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
    block = blocks[last_blocks(block.get_config()["strides"] for block in blocks)[level]]
    for layer in model.layers[: model.layers.index(block) + 1]:
        layer.trainable = False
