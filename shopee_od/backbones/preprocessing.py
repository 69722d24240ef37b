"""What the backbones are fed: RGB normalized with ImageNet's mean and standard deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
"""Per RGB channel, of values in [0, 1]."""
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


def normalize_images(images: Any) -> tf.Tensor:
    """(x / 255 - IMAGENET_MEAN) / IMAGENET_STD, as Model Garden normalizes.

    Args:
        images: (..., 3) RGB values in 0–255, an array or a tensor.
    Returns:
        float32 tensor of the same shape.
    """
    import tensorflow as tf

    return (tf.cast(images, tf.float32) / 255 - IMAGENET_MEAN) / IMAGENET_STD
