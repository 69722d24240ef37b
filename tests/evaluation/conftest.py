"""Small data sets with known boxes, and random ones."""

import numpy as np
import pytest
from joint_cases import make_home, make_street, write_taxonomy

from shopee_od.datasets.dataset import Dataset
from shopee_od.structures import Detections


def _make_dataset(boxes_of_images, classes=("a",)):
    """A Dataset of images of 100 by 100 with image ids from 1.

    Args:
        boxes_of_images: for each image a list of (x1, y1, x2, y2, label, dict of further columns).
        classes: their names.
    """
    num_images = len(boxes_of_images)
    images = [
        {"image_id": i, "path": f"/none/{i}.jpg", "width": 100, "height": 100, "split": "test"}
        for i in range(1, num_images + 1)
    ]
    rows = []
    for image_id, boxes in enumerate(boxes_of_images, 1):
        for x1, y1, x2, y2, label, *more in boxes:
            row = {"box_id": len(rows) + 1, "image_id": image_id, "label": label}
            row |= {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            rows.append(row | (more[0] if more else {}))
    return Dataset.build("made", "/none", classes, images, rows)


def _make_detections(rows_of_images):
    """Detections by image id from 1; for each image a list of (x1, y1, x2, y2, label, score)."""
    return {
        i: Detections([row[:4] for row in rows], [row[5] for row in rows], [row[4] for row in rows])
        for i, rows in enumerate(rows_of_images, 1)
    }


def _make_random_case(seed, ties=True, odd=0.15):
    """A Dataset and Detections: empty images, near misses, several detections of a box, ties.

    Args:
        seed: of the case.
        ties: whether several detections may have the same score.
        odd: the share of crowd boxes, and that of ignore boxes.
    """
    rng = np.random.default_rng(seed)
    classes = "abcd"[: rng.integers(1, 5)]
    boxes_of_images = []
    rows_of_images = []
    for _ in range(rng.integers(1, 8)):
        start = rng.integers(0, 60, (rng.integers(0, 6), 2))
        boxes = np.concatenate([start, start + rng.integers(3, 40, start.shape)], 1)
        labels = rng.integers(0, len(classes), len(boxes))
        flags = [
            {"iscrowd": bool(c < odd), "ignore": bool(g < odd)}
            for c, g in rng.random((len(boxes), 2))
        ]
        boxes_of_images.append(
            [(*b, k, f) for b, k, f in zip(boxes.tolist(), labels.tolist(), flags, strict=True)]
        )
        near = np.repeat(boxes, rng.integers(0, 4, len(boxes)), axis=0)
        near = near + rng.integers(-3, 4, near.shape) * rng.integers(0, 2, (len(near), 1))
        start = rng.integers(0, 60, (rng.integers(0, 4), 2))
        guesses = np.concatenate([near, np.concatenate([start, start + 15], 1)]).astype(float)
        scores = rng.integers(1, 9, len(guesses)) / 10 if ties else rng.random(len(guesses))
        labels = rng.integers(0, len(classes), len(guesses))
        rows_of_images.append([(*b, k, s) for b, k, s in zip(guesses, labels, scores, strict=True)])
    return _make_dataset(boxes_of_images, tuple(classes)), _make_detections(rows_of_images)


@pytest.fixture
def make_dataset():
    return _make_dataset


@pytest.fixture
def make_detections():
    return _make_detections


@pytest.fixture
def random_case():
    return _make_random_case


@pytest.fixture
def taxonomy(tmp_path):
    return write_taxonomy(tmp_path)


@pytest.fixture
def street():
    return make_street()


@pytest.fixture
def home():
    return make_home()
