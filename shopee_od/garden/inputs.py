"""Records -> batches of photos on the canvas: what must be done photo by photo, and no more.

Model Garden's parser also mirrors and normalises photos, moves boxes and labels anchors, one photo at a time, which
takes three times as long as to decode and scale them (`shopee-od bench data`); here `targets` does that for a batch at
once, on the device.
"""

from __future__ import annotations

import tensorflow as tf

from shopee_od.datasets.tfrecord import BOX, CROWD, ENCODED, HEIGHT, LABEL, SIDES, SOURCE, WIDTH

MIXED = 16  # shards read by turns: photos of one shard resemble each other


def _as_many(dtype) -> tf.io.FixedLenSequenceFeature:
    """As many as the photo has boxes, (N,)."""
    return tf.io.FixedLenSequenceFeature([], dtype, allow_missing=True)


_FEATURES = {
    ENCODED: tf.io.FixedLenFeature([], tf.string),
    SOURCE: tf.io.FixedLenFeature([], tf.string),
    HEIGHT: tf.io.FixedLenFeature([], tf.int64),
    WIDTH: tf.io.FixedLenFeature([], tf.int64),
    **{f"{BOX}/{side}": _as_many(tf.float32) for side in SIDES},
    LABEL: _as_many(tf.int64),
    CROWD: _as_many(tf.int64),
}


def batches(params, canvas: tuple[int, int], input_context=None) -> tf.data.Dataset:
    """Model Garden's data configuration, canvas (height, width) -> batches of (photos, labels), endless in training.

    photos:     float32 (B, height, width, 3), 0–255, from the canvas's upper left corner on; zeros beyond
    shown:      float32 (B, 2), height and width of what the canvas shows
    image_info: float32 (B, 4, 2), as Model Garden has it: height and width of the photo, of the canvas, the scales, and
                what was cut off at the top and left, in pixels of the scaled photo
    boxes:      float32 (B, N, 4), y1, x1, y2, x2 in [0, 1] of the whole photo, filled up with -1
    classes:    int64 (B, N), from 1, 0 for a crowd, filled up with -1
    source_id:  (B,)
    """
    parser = params.parser
    most = parser.max_num_instances
    shapes = {"shown": (2,), "image_info": (4, 2), "boxes": (most, 4), "classes": (most,), "source_id": ()}
    nothing = tf.constant(-1, tf.int64)
    empty = {"shown": 0.0, "image_info": 0.0, "boxes": -1.0, "classes": nothing, "source_id": ""}

    def read(record):
        parsed = tf.io.parse_single_example(record, _FEATURES)
        size = tf.cast(tf.stack([parsed[HEIGHT], parsed[WIDTH]]), tf.float32)
        photo, shown, info = placed(parsed[ENCODED], size, canvas, (parser.aug_scale_min, parser.aug_scale_max))
        return photo, {
            "shown": shown,
            "image_info": info,
            "boxes": tf.stack([parsed[f"{BOX}/{side}"] for side in SIDES], axis=1),
            "classes": parsed[LABEL] * (1 - parsed[CROWD]),
            "source_id": parsed[SOURCE],
        }

    photos = params.global_batch_size
    if input_context:
        photos = input_context.get_per_replica_batch_size(photos)
    return (
        _records(params, input_context)
        .map(read, tf.data.AUTOTUNE)
        .padded_batch(photos, ((*canvas, 3), shapes), (0.0, empty), params.drop_remainder)
        .prefetch(tf.data.AUTOTUNE)
    )


def _records(params, input_context) -> tf.data.Dataset:
    """The encoded photos, in training shuffled and without end.

    One thread reads more records than decoders can follow; Model Garden's reader hands each from thread to thread,
    which costs two cores a tenth of their speed.
    """
    files = tf.data.Dataset.list_files(params.input_path, shuffle=False)
    if not params.is_training:
        return files.flat_map(tf.data.TFRecordDataset)
    files = files.shuffle(files.cardinality(), params.seed)
    records = files.interleave(tf.data.TFRecordDataset, cycle_length=MIXED).repeat()
    if params.sharding and input_context:
        records = records.shard(input_context.num_input_pipelines, input_context.input_pipeline_id)
    return records.shuffle(params.shuffle_buffer_size, params.seed)


def placed(
    encoded: tf.Tensor, size: tf.Tensor, canvas: tuple[int, int], scales: tuple[float, float]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """A JPEG and its float32 (height, width) -> photo float32 (h, w, 3) no larger than the canvas, (h, w), image_info.

    1. Draw the scale between the two of `scales`, of which 1 shows the photo whole and as large as the canvas allows.
    2. Where the photo would stick out, decode a window of it only, somewhere.
    3. Scale that.
    """
    limits = tf.constant(canvas, tf.float32)
    scale = tf.reduce_min(limits / size)
    if scales != (1, 1):
        scale *= tf.random.uniform([], *scales)
    window = tf.minimum(size, tf.round(limits / scale))
    corner = tf.floor(tf.random.uniform([2]) * (size - window + 1))
    photo = tf.io.decode_and_crop_jpeg(encoded, tf.cast(tf.concat([corner, window], axis=0), tf.int32), channels=3)
    shown = tf.minimum(tf.round(window * scale), limits)
    exact = shown / window
    return (
        tf.image.resize(photo, tf.cast(shown, tf.int32)),
        shown,
        tf.stack([size, limits, exact, corner * exact]),
    )
