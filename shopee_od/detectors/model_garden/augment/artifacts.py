"""Blur and the marks of JPEG compression, as copies of copies have them."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import tensorflow as tf

JPEG_QUALITY = (20, 75)
SHRINK = (0.35, 0.8)
"""A blurred image was this much smaller."""


def random_artifacts(image: tf.Tensor, probability: float) -> tf.Tensor:
    """An image that was blurred, or compressed, or both, with a probability.

    Args:
        image: float32 (H, W, 3), 0–255.
        probability: of any of it.
    """
    if tf.random.uniform([]) >= probability:
        return image
    kind = tf.random.uniform([])
    if kind < 0.6:
        image = _blur(image)
    if kind > 0.4:
        quality = tf.random.uniform([], *JPEG_QUALITY, tf.int32)
        pixels = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
        image = tf.cast(tf.image.adjust_jpeg_quality(pixels, quality), tf.float32)
    return tf.ensure_shape(image, [None, None, 3])


def _blur(image: tf.Tensor) -> tf.Tensor:
    """An image made smaller and enlarged again."""
    size = tf.shape(image)[:2]
    smaller = tf.cast(tf.cast(size, tf.float32) * tf.random.uniform([], *SHRINK), tf.int32)
    small = tf.image.resize(image, tf.maximum(smaller, 1), antialias=True)
    return tf.image.resize(small, size)
