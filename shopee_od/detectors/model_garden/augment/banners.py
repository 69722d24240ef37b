"""Text as sellers add it: bars on their photos, and tables of sizes."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false

from __future__ import annotations

from functools import cache

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

TEXTS = (
    "NEW ARRIVAL", "SALE 50% OFF", "FREE SHIPPING", "READY STOCK", "S M L XL XXL", "Best seller",
    "Buy 2 get 1", "Premium cotton", "Korean style", "ORIGINAL", "Size 38-44", "COD available",
    "@yourshop", "Summer 2024", "black / white / beige", "11.11 mega sale",
)  # fmt: skip
HEIGHT, WIDTH = 32, 320


@cache
def render_banners() -> np.ndarray:
    """float32 (texts, HEIGHT, WIDTH), how much of each pixel is covered by letters, in [0, 1]."""
    font = ImageFont.load_default(HEIGHT * 0.7)
    banners = []
    for text in TEXTS:
        banner = Image.new("L", (WIDTH, HEIGHT))
        ImageDraw.Draw(banner).text((WIDTH / 2, HEIGHT / 2), text, 255, font, anchor="mm")
        banners.append(np.asarray(banner, np.float32) / 255)
    return np.stack(banners)


def random_banner(image: tf.Tensor, probability: float) -> tf.Tensor:
    """A page with a bar of text across it, with a probability; at its top, its bottom or between.

    The bar is opaque or only letters. It covers part of the garments, whose boxes stay: what is
    behind a caption is still there.

    Args:
        image: float32 (H, W, 3), 0–255.
        probability: of a bar.
    """
    if tf.random.uniform([]) >= probability:
        return image
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    height = tf.cast(shape[0] * tf.random.uniform([], 0.05, 0.13), tf.int32)
    place = tf.random.uniform([])
    # Mostly at an end of the page.
    place = tf.where(place < 0.35, 0.0, tf.where(place < 0.7, 1.0, (place - 0.7) / 0.3))
    top = tf.cast(place * (shape[0] - tf.cast(height, tf.float32)), tf.int32)
    banners = tf.constant(render_banners())
    letters = banners[tf.random.uniform([], 0, len(TEXTS), tf.int32)][..., None]
    letters = tf.image.resize(letters, [height, tf.shape(image)[1]])
    bar_color, text_color = tf.random.uniform([3], 0.0, 255.0), tf.random.uniform([3], 0.0, 255.0)
    opacity = tf.where(tf.random.uniform([]) < 0.7, 1.0, 0.0)
    strip = image[top : top + height]
    strip = strip * (1 - opacity) + bar_color * opacity
    strip = strip * (1 - letters) + text_color * letters
    return tf.concat([image[:top], strip, image[top + height :]], axis=0)


def random_table(size: tf.Tensor, ground: tf.Tensor) -> tf.Tensor:
    """A table of text: rows and columns of any number, with lines or without.

    Args:
        size: int32 (2,), height and width in pixels.
        ground: float32 (3,), the color of the page.
    Returns:
        float32 (height, width, 3), 0–255.
    """
    rows = tf.random.uniform([], 3, 14, tf.int32)
    columns = tf.random.uniform([], 1, 7, tf.int32)
    banners = tf.constant(render_banners())
    texts = tf.gather(banners, tf.random.uniform([rows, columns], 0, len(TEXTS), tf.int32))
    # The frame of each cell becomes the lines of the table.
    inner = tf.zeros([HEIGHT - 2, WIDTH - 4])
    frame = tf.pad(inner, [[1, 1], [2, 2]], constant_values=1.0)
    has_lines = tf.where(tf.random.uniform([]) < 0.6, 1.0, 0.0)
    cells = tf.maximum(texts, frame * has_lines)
    ink = tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), [rows * HEIGHT, columns * WIDTH, 1])
    ink = tf.image.resize(ink, size, antialias=True)
    color = tf.random.uniform([3], 0.0, 120.0)
    return tf.ensure_shape(ground * (1 - ink) + color * ink, [None, None, 3])
