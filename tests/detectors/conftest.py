"""A small data set of drawn shapes, which a detector learns in seconds."""

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.dataset import Dataset


def _shape_photo(rng, label, side):
    """Noise, and in it a ring or a cross; and its box."""
    image = rng.integers(90, 130, (180, 150, 3)).astype(np.uint8)
    x, y = rng.integers(0, 150 - side), rng.integers(0, 180 - side)
    v, u = np.indices((side, side)) / side - 0.5
    shape = abs(np.hypot(u, v) - 0.35) < 0.1 if label else np.minimum(abs(u), abs(v)) < 0.1
    image[y : y + side, x : x + side][shape] = 240
    return image, (x, y, x + side, y + side)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    root, rng, images, boxes = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0), [], []
    for k in range(50):
        image, box = _shape_photo(rng, k % 2, int(rng.integers(80, 130)))
        Image.fromarray(image).save(root / f"{k}.png")
        split = "test" if k >= 40 else "val" if k >= 30 else "train"
        images.append({"image_id": k, "path": str(root / f"{k}.png"), "width": 150, "height": 180, "split": split})
        boxes.append(
            {"box_id": k, "image_id": k, "label": k % 2, "type": "upper"}
            | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        )
    return Dataset.build("shapes", root, ("cross", "ring"), images, boxes)


@pytest.fixture(scope="session")
def shape_photo():
    """Random generator, label, side in pixels -> a photo of that shape, and its box."""
    return _shape_photo
