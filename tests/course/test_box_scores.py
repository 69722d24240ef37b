"""Labeled boxes as exact windows: each is scored once, by every class."""

import numpy as np
import pytest
from PIL import Image

from shopee_od.course.box_scores import score_boxes_by_network, score_boxes_by_templates
from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.heads.hog_templates import HOGTemplates

BRIGHTNESS = (40, 120, 200)


@pytest.fixture
def data(tmp_path):
    """Three gray images of 60 × 90; the second has a box that is too small, too."""
    images = []
    boxes = []
    for k, value in enumerate(BRIGHTNESS):
        path = tmp_path / f"{k}.png"
        Image.fromarray(np.full((90, 60, 3), value, np.uint8)).save(path)
        images.append({"image_id": k, "path": str(path), "width": 60, "height": 90})
        box = {"box_id": k, "image_id": k, "label": k % 2, "type": "upper"}
        boxes.append(box | {"x1": 5, "y1": 10, "x2": 45, "y2": 80})
    small = {"box_id": 3, "image_id": 1, "label": 0, "type": "upper"}
    boxes.append(small | {"x1": 5, "y1": 10, "x2": 9, "y2": 80})
    images = [row | {"split": "val"} for row in images]
    return Dataset.build("gray", tmp_path, ("a", "b"), images, boxes)


def test_each_template_scores_each_box(data):
    head = HOGTemplates(2)
    shapes = np.array([[3, 2], [2, 4]])
    rng = np.random.default_rng(0)
    weights = tuple(rng.normal(size=size * 36).astype(np.float32) for size in (6, 8))
    head.assign(shapes, weights, np.array([0.25, -0.5], np.float32))
    scores, labels = score_boxes_by_templates(head, data)
    assert labels.tolist() == [0, 1, 0]
    np.testing.assert_allclose(scores, [[0.25, -0.5]] * 3)  # gray has no gradients


def test_the_network_is_given_each_box_as_a_window(data):
    class Network:
        """Returns the mean of each window, and minus it."""

        def __call__(self, windows):
            assert windows.shape == (3, 48, 48, 3)
            self.means = windows.mean(axis=(1, 2, 3))
            return self

        def numpy(self):
            return np.stack([self.means, -self.means], axis=1)[:, None, None]

    logits, labels = score_boxes_by_network(Network(), data)
    assert labels.tolist() == [0, 1, 0]
    np.testing.assert_allclose(logits[:, 0], (np.array(BRIGHTNESS) - 127) / 64, atol=0.01)
    np.testing.assert_array_equal(logits[:, 1], -logits[:, 0])
