"""Encoded photos -> what a detector of shop photos is trained on: photos, collages, sheets."""

# pyright: reportArgumentType=false, reportOptionalOperand=false

from __future__ import annotations

import tensorflow as tf

from shopee_od.augmentation import Augmentation
from shopee_od.detectors.model_garden.augment.artifacts import random_artifacts
from shopee_od.detectors.model_garden.augment.layouts import MAX_PHOTOS
from shopee_od.detectors.model_garden.augment.pages import make_chart, make_collage, make_sheet
from shopee_od.detectors.model_garden.augment.photos import (
    Photo,
    close_up_window,
    crop,
    random_turn,
    random_window,
    resize,
)
from shopee_od.detectors.model_garden.records import load_photo


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
        photo, is_laid = load_photo(record)
        return random_turn(photo, augmentation.turns * tf.cast(is_laid, tf.float32))

    def finish(photo):
        return photo._replace(image=random_artifacts(photo.image, augmentation.artifacts))

    share = augmentation.composed_share
    streams = []
    if share < 1:
        streams.append(records.map(make_single, parallel))
    if share > 0:
        groups = records.batch(MAX_PHOTOS, drop_remainder=True)
        streams.append(groups.map(make_page, parallel))
    if len(streams) == 1:
        return streams[0]
    return tf.data.Dataset.sample_from_datasets(streams, [1 - share, share], seed)


def _fit_to_canvas(photo: Photo, canvas: tuple[int, int], scales: tuple[float, float]) -> Photo:
    """A photo at a random scale; a window of it at a random place where it exceeds the canvas."""
    limits = tf.constant(canvas, tf.float32)
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    scale = tf.reduce_min(limits / size) * tf.random.uniform([], *scales)
    corner, window = random_window(size, limits, scale)
    photo = crop(photo, tf.concat([corner, corner + window], axis=0))
    fitted = tf.maximum(tf.minimum(tf.round(window * scale), limits), 1.0)
    return resize(photo, fitted, antialias=False)
