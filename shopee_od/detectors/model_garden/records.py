"""TFRecords as a tf.data stream of encoded photos, and one of them as a `Photo`."""

# pyright: reportArgumentType=false, reportOptionalOperand=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

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
from shopee_od.detectors.model_garden.augment.photos import Photo

INTERLEAVED_SHARDS = 16
"""Shards that are read in turn: images of one shard resemble each other."""


def _one_per_box(dtype: tf.DType) -> tf.io.FixedLenSequenceFeature:
    return tf.io.FixedLenSequenceFeature([], dtype, allow_missing=True)


FEATURES = {
    ENCODED: tf.io.FixedLenFeature([], tf.string),
    SOURCE: tf.io.FixedLenFeature([], tf.string),
    HEIGHT: tf.io.FixedLenFeature([], tf.int64),
    WIDTH: tf.io.FixedLenFeature([], tf.int64),
    **{f"{BOX}/{side}": _one_per_box(tf.float32) for side in SIDES},
    LABEL: _one_per_box(tf.int64),
    CROWD: _one_per_box(tf.int64),
    IS_LAID: tf.io.FixedLenFeature([], tf.int64, 0),
}


def read_records(
    params: Any, input_context: Any = None, source_weights: Sequence[float] = (1.0,)
) -> tf.data.Dataset:
    """The encoded images, in training shuffled and without end.

    One thread reads faster than the decoders; Model Garden's reader passes every record from thread
    to thread.

    Args:
        params: Model Garden's data configuration; its input path is one pattern or several, with
            commas.
        input_context: tf.distribute's, where several replicas share a batch.
        source_weights: the share of images from each pattern, in training.
    Returns:
        Records, of which `load_photo` makes photos.
    """
    patterns = params.input_path.split(",")
    if not params.is_training:
        return _list_files(patterns).flat_map(tf.data.TFRecordDataset)
    # All sources share the memory of one buffer.
    buffer = max(1, params.shuffle_buffer_size // len(patterns))
    sources = [_read_endless(pattern, params, buffer, input_context) for pattern in patterns]
    if len(sources) == 1:
        return sources[0]
    return tf.data.Dataset.sample_from_datasets(sources, list(source_weights), params.seed)


def _read_endless(pattern: str, params: Any, buffer: int, input_context: Any) -> tf.data.Dataset:
    files = _list_files(pattern)
    files = files.shuffle(files.cardinality(), params.seed)
    records = files.interleave(tf.data.TFRecordDataset, cycle_length=INTERLEAVED_SHARDS).repeat()
    if params.sharding and input_context:
        records = records.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)
    return records.shuffle(buffer, params.seed)


def _list_files(patterns: str | list[str]) -> tf.data.Dataset:
    return tf.data.Dataset.list_files(patterns, shuffle=False)


def load_photo(record: tf.Tensor) -> tuple[Photo, tf.Tensor]:
    """A record's photo, decoded, and whether it is of a garment laid flat (bool)."""
    parsed = tf.io.parse_single_example(record, FEATURES)
    image = tf.cast(tf.io.decode_jpeg(parsed[ENCODED], channels=3), tf.float32)
    size = tf.cast(tf.tile(tf.shape(image)[:2], [2]), tf.float32)
    boxes = tf.stack([parsed[f"{BOX}/{side}"] for side in SIDES], axis=1) * size
    labels = parsed[LABEL] * (1 - parsed[CROWD])
    return Photo(image, boxes, labels), parsed[IS_LAID] == 1
