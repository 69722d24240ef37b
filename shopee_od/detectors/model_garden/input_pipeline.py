"""TFRecords -> batches of images on the canvas: only what must be done image by image.

Model Garden's parser also flips and normalizes images, moves boxes and labels anchors, one image
at a time; here `targets` does that for a whole batch, on the device. `benchmarks/data.py` compares
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from shopee_od.augmentation import Augmentation
from shopee_od.datasets.tfrecord import BOX, CROWD, ENCODED, HEIGHT, LABEL, SIDES, SOURCE, WIDTH
from shopee_od.detectors.model_garden.augment.photos import Photo, random_window
from shopee_od.detectors.model_garden.augment.stream import augment_records
from shopee_od.detectors.model_garden.records import FEATURES, read_records


def read_batches(
    params: Any,
    canvas: tuple[int, int],
    input_context: Any = None,
    augmentation: Augmentation = Augmentation(),
    source_weights: Sequence[float] = (1.0,),
) -> tf.data.Dataset:
    """Batches of (images, labels), without end in training.

    Args:
        params: Model Garden's data configuration.
        canvas: height and width in pixels.
        input_context: tf.distribute's, where several replicas share a batch.
        augmentation: what training images are made into.
        source_weights: the share of images from each of the input path's patterns, in training.
    Returns:
        images: float32 (B, height, width, 3), 0–255, at the canvas's upper left; zeros beyond.
        labels, a dictionary of:
        visible_size: float32 (B, 2), height and width of what the canvas shows of the image.
        image_info: float32 (B, 4, 2), as Model Garden has it: height and width of the image, of the
            canvas, the scales, and what was cut off at the top and left, in scaled pixels.
        boxes: float32 (B, N, 4), y1, x1, y2, x2 in [0, 1] of the whole image, padded with -1.
        classes: int64 (B, N), from 1, 0 for a crowd, padded with -1.
        source_id: (B,).
    """
    parser = params.parser
    max_boxes = parser.max_num_instances
    shapes = {
        "visible_size": (2,),
        "image_info": (4, 2),
        "boxes": (max_boxes, 4),
        "classes": (max_boxes,),
        "source_id": (),
    }
    padding = {
        "visible_size": 0.0,
        "image_info": 0.0,
        "boxes": -1.0,
        "classes": tf.constant(-1, tf.int64),
        "source_id": "",
    }
    scales = (parser.aug_scale_min, parser.aug_scale_max)

    def read(record):
        parsed = tf.io.parse_single_example(record, FEATURES)
        size = tf.cast(tf.stack([parsed[HEIGHT], parsed[WIDTH]]), tf.float32)
        image, visible_size, image_info = decode_to_canvas(parsed[ENCODED], size, canvas, scales)
        return image, {
            "visible_size": visible_size,
            "image_info": image_info,
            "boxes": tf.stack([parsed[f"{BOX}/{side}"] for side in SIDES], axis=1),
            "classes": parsed[LABEL] * (1 - parsed[CROWD]),
            "source_id": parsed[SOURCE],
        }

    batch_size = params.global_batch_size
    if input_context:
        batch_size = input_context.get_per_replica_batch_size(batch_size)
    records = read_records(params, input_context, source_weights)
    if augmentation != Augmentation():
        images = augment_records(records, augmentation, canvas, scales, params.seed).map(
            lambda photo: _label_photo(photo, canvas, max_boxes), tf.data.AUTOTUNE
        )
    else:
        images = records.map(read, tf.data.AUTOTUNE)
    return images.padded_batch(
        batch_size, ((*canvas, 3), shapes), (0.0, padding), params.drop_remainder
    ).prefetch(tf.data.AUTOTUNE)


def _label_photo(
    photo: Photo, canvas: tuple[int, int], max_boxes: int
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """A photo that fits the canvas, with the labels that `read_batches` describes."""
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    limits = tf.constant(canvas, tf.float32)
    # Garments come before what is to be ignored, so that none of them is cut off.
    order = tf.argsort(tf.cast(photo.labels == 0, tf.int32), stable=True)[:max_boxes]
    return photo.image, {
        "visible_size": size,
        "image_info": tf.stack([size, limits, tf.ones([2]), tf.zeros([2])]),
        "boxes": tf.gather(photo.boxes, order) / tf.tile(size, [2]),
        "classes": tf.gather(photo.labels, order),
        "source_id": "",
    }


def decode_to_canvas(
    encoded: tf.Tensor, size: tf.Tensor, canvas: tuple[int, int], scales: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decodes a JPEG and resizes it to fit a canvas, at a random scale.

    1. Sample the scale between the two of `scales`; at 1 the whole image is as large as fits.
    2. Where the image would exceed the canvas, decode only a window of it, at a random position.
    3. Resize the window.

    Args:
        encoded: the JPEG.
        size: float32 (2,), its height and width.
        canvas: height and width in pixels.
        scales: lowest and highest.
    Returns:
        The image float32 (h, w, 3), no larger than the canvas; float32 (h, w); image_info (4, 2).
    """
    limits = tf.constant(canvas, tf.float32)
    scale = tf.reduce_min(limits / size)
    if scales != (1, 1):
        scale *= tf.random.uniform([], *scales)
    corner, window = random_window(size, limits, scale)
    crop = tf.cast(tf.concat([corner, window], axis=0), tf.int32)
    image = tf.io.decode_and_crop_jpeg(encoded, crop, channels=3)
    visible_size = tf.minimum(tf.round(window * scale), limits)
    exact_scale = visible_size / window
    image_info = tf.stack([size, limits, exact_scale, corner * exact_scale])
    return tf.image.resize(image, tf.cast(visible_size, tf.int32)), visible_size, image_info
