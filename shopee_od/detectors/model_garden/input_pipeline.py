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
from shopee_od.datasets.tfrecord import (
    BOX,
    CROWD,
    ENCODED,
    HEIGHT,
    IS_LAID,
    LABEL,
    SIDES,
    SOURCE,
    WIDTH,
)
from shopee_od.detectors.model_garden.augment.artifacts import random_artifacts
from shopee_od.detectors.model_garden.augment.layouts import MAX_PHOTOS
from shopee_od.detectors.model_garden.augment.pages import make_chart, make_collage, make_sheet
from shopee_od.detectors.model_garden.augment.photos import (
    Photo,
    close_up_window,
    crop,
    random_turn,
    resize,
)

INTERLEAVED_SHARDS = 16
"""Shards that are read in turn: images of one shard resemble each other."""


def _one_per_box(dtype: tf.DType) -> tf.io.FixedLenSequenceFeature:
    return tf.io.FixedLenSequenceFeature([], dtype, allow_missing=True)


_FEATURES = {
    ENCODED: tf.io.FixedLenFeature([], tf.string),
    SOURCE: tf.io.FixedLenFeature([], tf.string),
    HEIGHT: tf.io.FixedLenFeature([], tf.int64),
    WIDTH: tf.io.FixedLenFeature([], tf.int64),
    **{f"{BOX}/{side}": _one_per_box(tf.float32) for side in SIDES},
    LABEL: _one_per_box(tf.int64),
    CROWD: _one_per_box(tf.int64),
    IS_LAID: tf.io.FixedLenFeature([], tf.int64, 0),
}


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
        parsed = tf.io.parse_single_example(record, _FEATURES)
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
    records = _read_records(params, input_context, source_weights)
    if augmentation != Augmentation():
        images = augment_records(records, augmentation, canvas, scales, params.seed).map(
            lambda photo: _label_photo(photo, canvas, max_boxes), tf.data.AUTOTUNE
        )
    else:
        images = records.map(read, tf.data.AUTOTUNE)
    return images.padded_batch(
        batch_size, ((*canvas, 3), shapes), (0.0, padding), params.drop_remainder
    ).prefetch(tf.data.AUTOTUNE)


def augment_records(
    records: tf.data.Dataset,
    augmentation: Augmentation,
    canvas: tuple[int, int],
    scales: tuple[float, float],
    seed: int = 0,
    parallel: int = tf.data.AUTOTUNE,
) -> tf.data.Dataset:
    """Encoded photos, without end -> single photos, collages and sheets, as `Photo`.

    Args:
        records: each in an order of its own whenever it is read.
        augmentation: the shares of each kind.
        canvas: the largest height and width in pixels.
        scales: lowest and highest factor that a single photo is resized by; at 1 the whole photo is
            as large as fits the canvas.
        seed: of the order of single photos and pages.
        parallel: how many images are made at once; with 1 the same seed gives the same images.
    """

    def make_single(record):
        photo = load(record)
        if tf.random.uniform([]) < augmentation.close_ups:
            photo = crop(photo, close_up_window(photo))
        return finish(_fit_to_canvas(photo, canvas, scales))

    def make_page(group):
        kind = tf.random.uniform([]) * augmentation.composed_share
        if kind < augmentation.collages:
            photo = make_collage(group, load, canvas, augmentation.banners)
        elif kind < augmentation.collages + augmentation.sheets:
            photo = make_sheet(group, load, canvas, augmentation.banners)
        else:
            photo = make_chart(canvas)
        return finish(photo)

    def load(record):
        return _load(record, augmentation.turns)

    def finish(photo):
        return photo._replace(image=random_artifacts(photo.image, augmentation.artifacts))

    singles = records.map(make_single, parallel)
    share = augmentation.composed_share
    if not share:
        return singles
    pages = records.batch(MAX_PHOTOS, drop_remainder=True).map(make_page, parallel)
    return tf.data.Dataset.sample_from_datasets([singles, pages], [1 - share, share], seed)


def _load(record: tf.Tensor, turns: float) -> Photo:
    """The photo of a record; of garments laid flat, some are turned."""
    parsed = tf.io.parse_single_example(record, _FEATURES)
    image = tf.cast(tf.io.decode_jpeg(parsed[ENCODED], channels=3), tf.float32)
    size = tf.cast(tf.tile(tf.shape(image)[:2], [2]), tf.float32)
    boxes = tf.stack([parsed[f"{BOX}/{side}"] for side in SIDES], axis=1) * size
    is_laid = tf.cast(parsed[IS_LAID], tf.float32)
    photo = Photo(image, boxes, parsed[LABEL] * (1 - parsed[CROWD]))
    return random_turn(photo, turns * is_laid)


def _fit_to_canvas(photo: Photo, canvas: tuple[int, int], scales: tuple[float, float]) -> Photo:
    """A photo at a random scale; a window of it at a random place where it exceeds the canvas."""
    limits = tf.constant(canvas, tf.float32)
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    scale = tf.reduce_min(limits / size) * tf.random.uniform([], *scales)
    window = tf.minimum(size, tf.round(limits / scale))
    corner = tf.floor(tf.random.uniform([2]) * (size - window + 1))
    photo = crop(photo, tf.concat([corner, corner + window], axis=0))
    fitted = tf.maximum(tf.minimum(tf.round(window * scale), limits), 1.0)
    return resize(photo, fitted, antialias=False)


def _label_photo(
    photo: Photo, canvas: tuple[int, int], max_boxes: int
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """A photo that fits the canvas, with the labels that `read_batches` describes."""
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    limits = tf.constant(canvas, tf.float32)
    return photo.image, {
        "visible_size": size,
        "image_info": tf.stack([size, limits, tf.ones([2]), tf.zeros([2])]),
        "boxes": (photo.boxes / tf.tile(size, [2]))[:max_boxes],
        "classes": photo.labels[:max_boxes],
        "source_id": "",
    }


def _read_records(
    params: Any, input_context: Any, source_weights: Sequence[float]
) -> tf.data.Dataset:
    """The encoded images, in training shuffled and without end.

    One thread reads faster than the decoders; Model Garden's reader passes every record from thread
    to thread.
    """
    patterns = params.input_path.split(",")
    if not params.is_training:
        return _list_files(patterns).flat_map(tf.data.TFRecordDataset)
    sources = [_read_endless(pattern, params, input_context) for pattern in patterns]
    if len(sources) == 1:
        return sources[0]
    return tf.data.Dataset.sample_from_datasets(sources, list(source_weights), params.seed)


def _read_endless(pattern: str, params: Any, input_context: Any) -> tf.data.Dataset:
    files = _list_files(pattern)
    files = files.shuffle(files.cardinality(), params.seed)
    records = files.interleave(tf.data.TFRecordDataset, cycle_length=INTERLEAVED_SHARDS).repeat()
    if params.sharding and input_context:
        records = records.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)
    return records.shuffle(params.shuffle_buffer_size, params.seed)


def _list_files(patterns: str | list[str]) -> tf.data.Dataset:
    return tf.data.Dataset.list_files(patterns, shuffle=False)


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
    window = tf.minimum(size, tf.round(limits / scale))
    corner = tf.floor(tf.random.uniform([2]) * (size - window + 1))
    crop = tf.cast(tf.concat([corner, window], axis=0), tf.int32)
    image = tf.io.decode_and_crop_jpeg(encoded, crop, channels=3)
    visible_size = tf.minimum(tf.round(window * scale), limits)
    exact_scale = visible_size / window
    image_info = tf.stack([size, limits, exact_scale, corner * exact_scale])
    return tf.image.resize(image, tf.cast(visible_size, tf.int32)), visible_size, image_info
