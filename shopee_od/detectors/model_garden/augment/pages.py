"""Collages, sheets and charts: pages with several photos, or with none."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalOperand=false

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from shopee_od.detectors.model_garden.augment import layouts
from shopee_od.detectors.model_garden.augment.banners import random_banner, random_table
from shopee_od.detectors.model_garden.augment.photos import Photo, close_up_window, crop, resize

MIN_SIDE = 16
"""Pixels: a garment whose box is smaller on a page is not trained on."""


def make_collage(
    records: tf.Tensor,
    load: Callable[[tf.Tensor], Photo],
    limits: tuple[int, int],
    banners: float = 0.0,
) -> Photo:
    """2 to 9 photos side by side, with gutters.

    Args:
        records: string (9,); the first are used.
        load: record -> its photo.
        limits: the page's largest height and width in pixels.
        banners: the probability of a bar of text.
    """
    cells, count, page = layouts.random_layout(layouts.COLLAGES, limits)
    # Half of all collages have no gutters at all.
    gutter = tf.maximum(tf.random.uniform([], -0.03, 0.03), 0.0)
    cells = layouts.add_gutters(cells, gutter)
    is_cropped = tf.random.uniform([]) < 0.6
    return _compose(records, load, cells, count, page, is_cropped, banners)


def make_sheet(
    records: tf.Tensor,
    load: Callable[[tf.Tensor], Photo],
    limits: tuple[int, int],
    banners: float = 0.0,
) -> Photo:
    """One to three small photos on a large plain ground; arguments as `make_collage` has them."""
    cells, count, page = layouts.random_layout(layouts.SHEETS, limits)
    cells = layouts.shrink_cells(cells, 0.35, 0.8)
    is_cropped = tf.random.uniform([]) < 0.5
    return _compose(records, load, cells, count, page, is_cropped, banners)


def make_chart(limits: tuple[int, int]) -> Photo:
    """A table of text on a page of random shape, without garments.

    Args:
        limits: the page's largest height and width in pixels.
    """
    _, _, page = layouts.random_layout(layouts.SHEETS, limits)
    image = random_table(tf.cast(page, tf.int32), random_ground())
    return Photo(image, tf.zeros([0, 4]), tf.zeros([0], tf.int64))


def _compose(
    records: tf.Tensor,
    load: Callable[[tf.Tensor], Photo],
    cells: tf.Tensor,
    count: tf.Tensor,
    page: tf.Tensor,
    is_cropped: tf.Tensor,
    banners: float,
) -> Photo:
    """Draws a photo into each cell of a page.

    Args:
        is_cropped: whether photos fill their cells and are cropped for that, or are shown whole.
    """
    image = tf.ones([tf.cast(page[0], tf.int32), tf.cast(page[1], tf.int32), 3]) * random_ground()
    image = tf.ensure_shape(image, [None, None, 3])
    boxes = tf.zeros([0, 4])
    labels = tf.zeros([0], tf.int64)
    cells = tf.round(cells * tf.tile(page, [2]))
    for i in tf.range(count):
        tf.autograph.experimental.set_loop_options(
            parallel_iterations=1,  # else the order of random numbers is not fixed
            shape_invariants=[(boxes, tf.TensorShape([None, 4])), (labels, tf.TensorShape([None]))],
        )
        photo, corner = _fit_to_cell(load(records[i]), cells[i], is_cropped)
        image = _paste(image, photo.image, corner)
        boxes = tf.concat([boxes, photo.boxes + tf.tile(corner, [2])], axis=0)
        labels = tf.concat([labels, photo.labels], axis=0)
    if banners:
        image = random_banner(image, banners)
    is_large = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] >= MIN_SIDE, axis=1)
    return Photo(image, boxes, tf.where(is_large, labels, 0))


def _fit_to_cell(photo: Photo, cell: tf.Tensor, is_cropped: tf.Tensor) -> tuple[Photo, tf.Tensor]:
    """A photo as it appears in a cell, and its upper left corner (2,) on the page."""
    cell_size = tf.maximum(cell[2:] - cell[:2], 8.0)
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    window = tf.concat([[0.0, 0.0], size], axis=0)
    if is_cropped:
        # The largest window of the cell's shape, at a random place.
        scale = tf.reduce_min(size / cell_size)
        shape = cell_size * scale
        corner = tf.random.uniform([2]) * (size - shape)
        window = tf.concat([corner, corner + shape], axis=0)
    elif tf.random.uniform([]) < 0.3:
        window = close_up_window(photo)
    photo = crop(photo, window)
    size = tf.cast(tf.shape(photo.image)[:2], tf.float32)
    scale = tf.reduce_min(cell_size / size)
    fitted = tf.minimum(tf.maximum(tf.round(size * scale), 1.0), cell_size)
    corner = cell[:2] + tf.round((cell_size - fitted) / 2)
    return resize(photo, fitted), corner


def _paste(page: tf.Tensor, image: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
    """The page (H, W, 3) with an image (h, w, 3) on it, cut off where the page ends."""
    top, left = tf.unstack(tf.cast(corner, tf.int32))
    page_shape = tf.shape(page)
    image = image[: page_shape[0] - top, : page_shape[1] - left]
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    padding = [[top, page_shape[0] - top - height], [left, page_shape[1] - left - width], [0, 0]]
    mask = tf.pad(tf.ones([height, width, 1]), padding)
    return page * (1 - mask) + tf.pad(image, padding)


def random_ground() -> tf.Tensor:
    """float32 (3,), 0–255: white, a light gray, or a pastel color."""
    kind = tf.random.uniform([])
    gray = tf.fill([3], tf.random.uniform([], 215.0, 250.0))
    pastel = tf.random.uniform([3], 150.0, 255.0)
    color = tf.where(kind < 0.75, gray, pastel)
    return tf.where(kind < 0.5, tf.fill([3], 255.0), color)
