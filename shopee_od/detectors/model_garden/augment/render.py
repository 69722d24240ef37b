"""Fixed collages, sheets and close-ups of photos, as files to evaluate on or to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from shopee_od.augmentation import Augmentation
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.tfrecord import convert
from shopee_od.detectors.model_garden.augment.photos import Photo
from shopee_od.detectors.model_garden.augment.stream import augment_records
from shopee_od.errors import InputError
from shopee_od.io import atomic_file

KINDS = {
    "charts": Augmentation(charts=1.0),
    "collages": Augmentation(collages=1.0, banners=0.3),
    "sheets": Augmentation(sheets=1.0, banners=0.3),
    "close_ups": Augmentation(close_ups=1.0),
}
"""What `render` makes of photos."""
JPEG_QUALITY = 90


def render(
    dataset: Dataset,
    augmentation: Augmentation,
    count: int,
    directory: Path,
    size: int = 512,
    seed: int = 0,
) -> Dataset:
    """Writes augmented photos, with the boxes that are left in them.

    Args:
        dataset: the photos to compose; its classes and coarse labels are the new ones'.
        augmentation: what they are made into, as one of KINDS.
        count: how many images.
        directory: for the images, and a folder of records.
        size: their largest side in pixels.
        seed: the same seed and the same version of TensorFlow give the same images.
    Returns:
        A Dataset of the images, all in the split of the photos.
    Raises:
        InputError: the photos are of several splits.
    """
    splits = dataset.images.split.unique()
    if len(splits) != 1:
        raise InputError(f"{dataset.name}: photos of the splits {sorted(splits)}; choose one split")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    images: list[dict] = []
    boxes: list[dict] = []
    types = _list_types(dataset)
    records = directory / "records"
    for i, photo in enumerate(_augment(dataset, augmentation, count, records, size, seed)):
        path = directory / f"{i:05}.jpg"
        with atomic_file(path) as part:
            Image.fromarray(photo.image).save(part, "JPEG", quality=JPEG_QUALITY)
        height, width = photo.image.shape[:2]
        image = {"image_id": i, "path": str(path), "width": width, "height": height}
        images.append(image | {"split": splits[0], "source": "augmented"})
        for box, label in zip(photo.boxes, photo.labels, strict=True):
            # What is to be ignored has lost its label.
            row = {"label": max(label - 1, 0), "ignore": label == 0, "type": types[label]}
            row |= {"box_id": len(boxes), "image_id": i}
            boxes.append(row | dict(zip(CORNERS, box, strict=True)))
    name = f"{dataset.name} {directory.name}"
    return Dataset.build(
        name, directory, dataset.classes, images, boxes, coarse_labels=dataset.coarse_labels
    )


def augment_photos(
    dataset: Dataset,
    augmentation: Augmentation,
    count: int,
    directory: Path,
    size: int = 512,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Augmented photos in memory.

    Args:
        dataset, augmentation, count, size, seed: as `render` has them.
        directory: for records of the photos.
    Returns:
        For each image its pixels uint8 (H, W, 3), the boxes of its garments float32 (N, 4), x1, y1,
        x2, y2 in pixels, and their labels int64 (N,), from 0.
    """
    for photo in _augment(dataset, augmentation, count, directory, size, seed):
        is_garment = photo.labels > 0
        yield photo.image, photo.boxes[is_garment], photo.labels[is_garment] - 1


def _augment(
    dataset: Dataset,
    augmentation: Augmentation,
    count: int,
    directory: Path,
    size: int,
    seed: int,
) -> Iterator[Photo]:
    """Photos of NumPy arrays: image uint8, boxes as x1, y1, x2, y2 of at least a pixel."""
    records = convert(dataset, directory, progress=False)
    tf.random.set_seed(seed)
    options = tf.data.Options()
    options.deterministic = True
    files = tf.data.Dataset.list_files(records.pattern, shuffle=False)
    encoded = files.flat_map(tf.data.TFRecordDataset).repeat().shuffle(records.photos, seed)
    photos = augment_records(encoded, augmentation, (size, size), (1.0, 1.0), seed, parallel=1)
    for photo in photos.with_options(options).take(count).as_numpy_iterator():
        pixels = np.clip(np.rint(photo.image), 0, 255).astype(np.uint8)
        boxes = photo.boxes[:, [1, 0, 3, 2]]
        is_there = (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
        yield Photo(pixels, boxes[is_there], photo.labels[is_there])


def _list_types(dataset: Dataset) -> list[str]:
    """The garment type of each label of the records; "" where it is not known."""
    types = dataset.types
    coarse = [{types[label] for label in labels} for labels in dataset.coarse_labels]
    return ["", *types, *(min(names) if len(names) == 1 else "" for names in coarse)]
