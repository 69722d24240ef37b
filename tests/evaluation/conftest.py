"""Small data sets with known boxes, and random ones."""

import numpy as np
import pytest

from shopee_od.datasets.dataset import Dataset
from shopee_od.types import Detections


def _dataset(photos, classes=("a",)):
    """Photos as lists of boxes (x1, y1, x2, y2, label, and more columns as a dict), with image ids from 1."""
    images = [
        {"image_id": i, "path": f"/none/{i}.jpg", "width": 100, "height": 100, "split": "test"}
        for i in range(1, len(photos) + 1)
    ]
    rows = []
    for image_id, boxes in enumerate(photos, 1):
        for x1, y1, x2, y2, label, *more in boxes:
            row = {"box_id": len(rows) + 1, "image_id": image_id, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
            rows.append(row | {"label": label} | (more[0] if more else {}))
    return Dataset.build("made", "/none", classes, images, rows)


def _detections(photos):
    """Photos as lists of (x1, y1, x2, y2, label, score) -> by image id."""
    return {
        i: Detections([d[:4] for d in found], [d[5] for d in found], [d[4] for d in found])
        for i, found in enumerate(photos, 1)
    }


def _random_case(seed, ties=True, odd=0.15):
    """A Dataset and Detections: empty photos, near misses, several detections on a box, ties."""
    rng = np.random.default_rng(seed)
    classes = "abcd"[: rng.integers(1, 5)]
    photos, found = [], []
    for _ in range(rng.integers(1, 8)):
        start = rng.integers(0, 60, (rng.integers(0, 6), 2))
        boxes = np.concatenate([start, start + rng.integers(3, 40, start.shape)], 1)
        labels = rng.integers(0, len(classes), len(boxes))
        flags = [{"iscrowd": bool(c < odd), "ignore": bool(g < odd)} for c, g in rng.random((len(boxes), 2))]
        photos.append([(*b, k, f) for b, k, f in zip(boxes.tolist(), labels.tolist(), flags, strict=True)])
        near = np.repeat(boxes, rng.integers(0, 4, len(boxes)), axis=0)
        near = near + rng.integers(-3, 4, near.shape) * rng.integers(0, 2, (len(near), 1))
        start = rng.integers(0, 60, (rng.integers(0, 4), 2))
        guesses = np.concatenate([near, np.concatenate([start, start + 15], 1)]).astype(float)
        scores = rng.integers(1, 9, len(guesses)) / 10 if ties else rng.random(len(guesses))
        labels = rng.integers(0, len(classes), len(guesses))
        found.append([(*b, k, s) for b, k, s in zip(guesses, labels, scores, strict=True)])
    return _dataset(photos, tuple(classes)), _detections(found)


@pytest.fixture
def make_dataset():
    return _dataset


@pytest.fixture
def make_detections():
    return _detections


@pytest.fixture
def random_case():
    return _random_case
