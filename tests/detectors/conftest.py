"""A small data set of synthetic shapes, which a detector learns in seconds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.dataset import Dataset


def _shape_photo(rng, label, side):
    """Noise with a ring or a cross in it, and its box."""
    image = rng.integers(90, 130, (180, 150, 3)).astype(np.uint8)
    x, y = rng.integers(0, 150 - side), rng.integers(0, 180 - side)
    v, u = np.indices((side, side)) / side - 0.5
    shape = abs(np.hypot(u, v) - 0.35) < 0.1 if label else np.minimum(abs(u), abs(v)) < 0.1
    image[y : y + side, x : x + side][shape] = 240
    return image, (x, y, x + side, y + side)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> Dataset:
    """50 photos of 150 × 180 pixels with one shape each: 30 train, 10 val, 10 test."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    images = []
    boxes = []
    for k in range(50):
        image, (x1, y1, x2, y2) = _shape_photo(rng, k % 2, int(rng.integers(80, 130)))
        path = root / f"{k}.png"
        Image.fromarray(image).save(path)
        split = "test" if k >= 40 else "val" if k >= 30 else "train"
        row = {"image_id": k, "path": str(path), "width": 150, "height": 180, "split": split}
        images.append(row)
        box = {"box_id": k, "image_id": k, "label": k % 2, "type": "upper"}
        boxes.append(box | {"x1": x1, "y1": y1, "x2": x2, "y2": y2})
    return Dataset.build("shapes", root, ("cross", "ring"), images, boxes)


@pytest.fixture(scope="session")
def shape_photo():
    """Random generator, label, side in pixels -> a photo of that shape, and its box."""
    return _shape_photo


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    """The cache that all tests of detectors share: each photo is searched for proposals once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def shared_cache(cache_folder) -> Path:
    """Uses the shared cache instead of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache_folder))
        yield cache_folder
