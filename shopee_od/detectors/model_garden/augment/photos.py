"""One photo with its boxes, in a tf.data graph: turned, cropped, resized."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false
# TensorFlow's type stubs do not know shapes that mix tensors and numbers.

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

MIN_VISIBLE = 0.3
"""A garment of which a crop shows less has no box in it, unless it fills MIN_WINDOW of the crop."""
MIN_WINDOW = 0.08
CLOSE_UP_MARGINS = (-0.2, 0.35)
"""Where a close-up's sides are, measured from the garment's box in sides of the box."""

MIN_CLOSE_UP = 32
"""Pixels: no side of a close-up is shorter."""


class Photo(NamedTuple):
    """A photo in a graph.

    image: float32 (h, w, 3), 0–255
    boxes: float32 (N, 4), y1, x1, y2, x2 in pixels
    labels: int64 (N,), from 1; 0 for boxes that are not trained on
    """

    image: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor


def crop(photo: Photo, window: tf.Tensor) -> Photo:
    """The part of a photo in a window.

    A garment that the window hardly shows loses its box.

    Args:
        photo: is left as it is.
        window: float32 (4,), y1, x1, y2, x2 in pixels, within the photo.
    """
    window = tf.round(window)
    y1, x1, y2, x2 = tf.unstack(tf.cast(window, tf.int32))
    image = photo.image[y1:y2, x1:x2]
    visible = intersect(photo.boxes, window)
    area = box_area(visible)
    share = area / tf.maximum(box_area(photo.boxes), 1.0)
    is_shown = (share >= MIN_VISIBLE) | (area >= MIN_WINDOW * box_area(window))
    labels = tf.where(is_shown, photo.labels, 0)
    return Photo(image, visible - tf.tile(window[:2], [2]), labels)


def resize(photo: Photo, size: tf.Tensor, antialias: bool = True) -> Photo:
    """A photo at another size.

    Args:
        photo: is left as it is.
        size: float32 (2,), height and width in whole pixels.
        antialias: as the programs do it that make collages; without, as the detector does it.
    """
    scale = size / tf.cast(tf.shape(photo.image)[:2], tf.float32)
    image = tf.image.resize(photo.image, tf.cast(size, tf.int32), antialias=antialias)
    image = tf.ensure_shape(image, [None, None, 3])
    return Photo(image, photo.boxes * tf.tile(scale, [2]), photo.labels)


def random_turn(photo: Photo, probability: tf.Tensor) -> Photo:
    """Turns a photo by 90°, 180° or 270° with a probability, else not at all."""
    quarters = tf.random.uniform([], 1, 4, tf.int32)
    quarters = tf.where(tf.random.uniform([]) < probability, quarters, 0)
    image = tf.image.rot90(photo.image, quarters)
    height, width = tf.unstack(tf.cast(tf.shape(photo.image)[:2], tf.float32))
    y1, x1, y2, x2 = tf.unstack(photo.boxes, axis=1)
    turned = tf.stack(
        [
            photo.boxes,
            tf.stack([width - x2, y1, width - x1, y2], axis=1),  # counterclockwise, as rot90
            tf.stack([height - y2, width - x2, height - y1, width - x1], axis=1),
            tf.stack([x1, height - y2, x2, height - y1], axis=1),
        ]
    )
    return Photo(image, turned[quarters], photo.labels)


def random_window(
    size: tf.Tensor, limits: tf.Tensor, scale: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The part of a photo that is shown where it is larger than the canvas, at a random place.

    Args:
        size: float32 (2,), its height and width.
        limits: float32 (2,), height and width of the canvas.
        scale: float32 (), canvas pixels per pixel of the photo.
    Returns:
        Its upper left corner (2,), and its height and width (2,), in whole pixels of the photo.
    """
    window = tf.minimum(size, tf.round(limits / scale))
    corner = tf.floor(tf.random.uniform([2]) * (size - window + 1))
    return corner, window


def close_up_window(photo: Photo) -> tf.Tensor:
    """A window around one of a photo's garments, or into it; the whole photo without garments.

    Each side of the window is a random share of the box's side outside or inside the box, so that
    a garment is cut at the neck, the waist or the knee.

    Returns:
        float32 (4,), y1, x1, y2, x2 in pixels.
    """
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    garments = tf.boolean_mask(photo.boxes, photo.labels > 0)
    count = tf.shape(garments)[0]
    whole = tf.concat([[0.0, 0.0], size], axis=0)
    # A row more, so that there is one to take where the photo has no garment.
    candidates = tf.concat([garments, whole[None]], axis=0)
    box = candidates[tf.random.uniform([], 0, tf.maximum(count, 1), tf.int32)]
    sides = tf.tile(box[2:] - box[:2], [2])
    margins = tf.random.uniform([4], *CLOSE_UP_MARGINS) * sides
    outward = tf.constant([-1.0, -1.0, 1.0, 1.0])
    window = tf.clip_by_value(box + outward * margins, 0.0, tf.tile(size, [2]))
    is_large = tf.reduce_all(window[2:] - window[:2] >= MIN_CLOSE_UP)
    return tf.where(is_large & (count > 0), window, whole)


def intersect(boxes: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Boxes (N, 4) clipped to a window (4,); a box outside of it has no area."""
    low, high = tf.tile(window[:2], [2]), tf.tile(window[2:], [2])
    return tf.clip_by_value(boxes, low, high)


def box_area(boxes: tf.Tensor) -> tf.Tensor:
    """Areas (…,) of boxes (…, 4)."""
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]
