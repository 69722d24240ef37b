"""Which images a training takes, and their records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import sample_equally
from shopee_od.profiles import Profile

if TYPE_CHECKING:
    from shopee_od.datasets.tfrecord import Records

MAX_SIDE = 1024
"""Pixels: larger photos are stored smaller. A phone's would take gigabytes in the buffers."""


def select_training_images(train_set: Dataset) -> Dataset:
    """The images with a counted box, and those without any: they show what is no garment.

    An image that has only `ignore` boxes shows neither.

    Raises:
        InputError: no image has a counted box.
    """
    labeled = train_set.with_boxes()
    is_empty = ~train_set.images.image_id.isin(train_set.boxes.image_id)
    is_labeled = train_set.images.image_id.isin(labeled.images.image_id)
    return train_set.take(train_set.images.image_id[is_empty | is_labeled])


def select_validation_images(val_set: Dataset | None, profile: Profile) -> Dataset | None:
    """At most `profile.val_photos` images to validate on; None where none has a box.

    Of a joint data set, each of its data sets gives equally many, as far as it has them.
    """
    if val_set is None or not val_set.counted_mask.any():
        return None
    by_source = [val_set.take(ids) for _, ids in val_set.images.groupby("dataset").image_id]
    samples = sample_equally(sorted(by_source, key=len), profile.val_photos)
    selected = np.concatenate([sample.images.image_id for sample in samples])
    return val_set.take(val_set.images.image_id[val_set.images.image_id.isin(selected)])


def convert_by_source(train_set: Dataset, directory: Path) -> list[Records]:
    """Writes the records of each data set of a joint one into a folder of its own."""
    from shopee_od.datasets.tfrecord import convert

    names = train_set.images.dataset.unique()
    if len(names) == 1:
        return [convert(train_set, directory, max_side=MAX_SIDE)]
    by_source = train_set.images.groupby("dataset", sort=False).image_id
    return [
        convert(train_set.take(ids), directory / name, max_side=MAX_SIDE) for name, ids in by_source
    ]


def balance_sources(photos: Sequence[int], balance: float) -> list[float]:
    """The share of training images that come from each source.

    Args:
        photos: of each source.
        balance: 0 shows every photo equally often, 1 every source.

    >>> balance_sources([900, 100], 0), balance_sources([900, 100], 0.5)
    ([0.9, 0.1], [0.75, 0.25])
    """
    weights = np.power(photos, 1 - balance)
    return (weights / weights.sum()).tolist()


def find_most_crowded(*datasets: Dataset | None) -> tuple[int, str]:
    """The number of boxes in the image that has the most, and its path."""
    candidates = []
    for dataset in datasets:
        if dataset is not None and len(dataset.boxes):
            counts = dataset.boxes.image_id.value_counts()
            candidates.append((int(counts.iloc[0]), counts.index[0], dataset))
    max_boxes, image_id, dataset = max(candidates, key=lambda candidate: candidate[0])
    return max_boxes, dataset.take([image_id]).images.path[0]
