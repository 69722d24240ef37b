"""Notebook 02: what its page defines is what the package runs."""

import numpy as np
import pandas as pd
import pytest
from course import find_cell, find_notebook, load_functions
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.ops import hog, nms
from shopee_od.ops.boxes import box_iou

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("02_sliding_windows")
CLASSES = 3
SIDE = 48


@pytest.fixture(scope="module")
def page():
    """The functions of the page; a test adds the names that they need."""
    functions = ("cell_histogram", "l2_hys", "score_windows", "suppress")
    networks = ("conv", "build_network", "train_step")
    return load_functions(NOTEBOOK, *functions, *networks)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (72, 88, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """12 images of noise, each with a ring or a cross, or with nothing."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    images = []
    boxes = []
    for k in range(12):
        image = rng.integers(90, 130, (150, 120, 3)).astype(np.uint8)
        v, u = np.indices((80, 80)) / 80 - 0.5
        shape = abs(np.hypot(u, v) - 0.35) < 0.1 if k % 2 else np.minimum(abs(u), abs(v)) < 0.1
        x, y = rng.integers(0, 40), rng.integers(0, 70)
        if k % 4 < 3:
            image[y : y + 80, x : x + 80][shape] = 240
            box = {"box_id": k, "image_id": k, "label": k % 2, "type": "upper"}
            boxes.append(box | {"x1": x, "y1": y, "x2": x + 80, "y2": y + 80})
        path = root / f"{k}.png"
        Image.fromarray(image).save(path)
        row = {"image_id": k, "path": str(path), "width": 120, "height": 150, "split": "train"}
        images.append(row)
    return Dataset.build("shapes", root, ("cross", "ring"), images, boxes)


def test_its_hog_is_that_of_the_package(page, image):
    magnitude, orientation = hog.gradients(image)
    histograms = hog.cell_histograms(image)
    cell = (slice(16, 24), slice(8, 16))
    ours = page["cell_histogram"](magnitude[cell], orientation[cell])
    np.testing.assert_allclose(ours, histograms[2, 1])
    ours = page["l2_hys"](histograms[2:4, 1:3].ravel())
    np.testing.assert_allclose(ours, hog.normalize_blocks(histograms)[2, 1])


@pytest.mark.parametrize("shape", [(2, 3), (8, 10), (9, 1)])  # the last has no position
def test_its_convolution_scores_windows_as_the_package(page, image, shape):
    from shopee_od.detectors.features.hog import HOGPyramid
    from shopee_od.detectors.heads.hog_templates import HOGTemplates

    head = HOGTemplates(1)
    weights = np.random.default_rng(1).normal(size=np.prod(shape) * 36).astype(np.float32)
    head.assign(np.array([shape]), (weights,), np.array([0.5], np.float32))
    level = HOGPyramid().levels(image, (64, 64))[0]
    assert level.blocks.shape == (8, 10, 36)
    ours = page["score_windows"](level.blocks, head.template(0), 0.5)
    margins = head.margins(level, 0)
    assert ours.size == margins.size
    np.testing.assert_allclose(ours.ravel(), margins.ravel(), rtol=1e-4, atol=1e-4)


def test_its_nms_is_that_of_the_package(page):
    rng = np.random.default_rng(2)
    corners = rng.uniform(0, 30, (80, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 30, (80, 2))], axis=1)
    scores = rng.random(80).round(1)  # with ties
    for threshold in (0.1, 0.5, 0.9):
        assert (
            page["suppress"](boxes, scores, threshold) == nms.nms(boxes, scores, threshold).tolist()
        )


def test_its_four_boxes_are_those_of_the_exercise():
    from shopee_od.course.checks.nms import FOUR_BOXES, FOUR_SCORES

    names = {"np": np, "pd": pd, "box_iou": box_iou}
    exec(find_cell(NOTEBOOK, "four_boxes = "), names)
    np.testing.assert_array_equal(names["four_boxes"], FOUR_BOXES)
    np.testing.assert_array_equal(names["four_scores"], FOUR_SCORES)


def test_its_network_is_that_of_the_package(page):
    from shopee_od.detectors.features.window_cnn import build_network

    ours = page["build_network"](CLASSES)
    package = build_network(CLASSES)
    for layers in zip(ours.layers, package.layers, strict=True):
        configs = [layer.get_config() | {"name": type(layer).__name__} for layer in layers]
        assert configs[0] == configs[1]
    ours.set_weights(package.get_weights())
    windows = np.random.default_rng(3).normal(size=(2, SIDE + 16, SIDE, 3)).astype(np.float32)
    assert ours(windows).shape == (2, 3, 1, CLASSES + 1)
    np.testing.assert_allclose(ours(windows), package(windows), atol=1e-6)


def test_its_training_step_changes_the_weights_as_that_of_the_package(page):
    import tf_keras

    from shopee_od.detectors.features.window_cnn import build_network, normalize_pixels
    from shopee_od.detectors.training.seeding import set_random_seed
    from shopee_od.detectors.training.window_cnn import WindowTrainingConfig, train_network

    class Unshuffled:
        """In place of the generator: the batch in its order, no window mirrored."""

        def permutation(self, count):
            return np.arange(count)

        def random(self, count):
            return np.ones(count)

    config = WindowTrainingConfig(batch_size=8)
    rng = np.random.default_rng(4)
    crops = rng.integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8)
    labels = rng.integers(0, CLASSES + 1, 8)
    weights = []
    for is_page in (True, False):
        set_random_seed(0)
        network = build_network(CLASSES)
        network.layers[-2].rate = 0  # dropout is random
        before = network.get_weights()
        if is_page:
            optimizer = tf_keras.optimizers.Adam(config.learning_rate)
            page |= {"network": network, "optimizer": optimizer}
            assert 0 < page["train_step"](normalize_pixels(crops), labels) < 10
        else:
            train_network(network, crops, labels, 1, config, Unshuffled())
        weights.append(network.get_weights())
        assert any((a != b).any() for a, b in zip(weights[-1], before, strict=True))
    for ours, package in zip(*weights, strict=True):
        # Adam's first step is the sign of the gradient, which rounding decides where it is 0.
        assert np.isclose(ours, package, atol=1e-5).mean() > 0.98


def test_its_hard_negative_loop_trains_the_template_of_the_package(page, shapes, tmp_path):
    from sklearn.svm import LinearSVC

    from shopee_od.detectors.hog_svm import HOGSVM
    from shopee_od.detectors.training.hard_negative_mining import mine_hard_negatives
    from shopee_od.detectors.training.hog_svm import load_examples, window_shapes

    package = HOGSVM()
    package.fit(shapes, None, tmp_path / "run", seed=5)
    train = shapes.with_boxes()
    slots = package.build(len(train.classes))
    settings = package.config.training
    slots.head.assign(window_shapes(train, settings))
    examples = load_examples(train, slots.features, slots.head)
    for label in range(len(train.classes)):
        names = {"np": np, "LinearSVC": LinearSVC, "mine_hard_negatives": mine_hard_negatives}
        names |= {"score_windows": page["score_windows"], "seed": 5, "label": label}
        names |= {"examples": examples, "settings": settings, "shape": slots.head.shapes[label]}
        names["positives"] = examples.positives[label]
        exec(find_cell(NOTEBOOK, "def train_svm"), names)
        exec(find_cell(NOTEBOOK, "mined = mine_hard_negatives("), names)
        template, bias = names["templates"][-1]
        head = package.slots.head
        np.testing.assert_allclose(template, head.template(label), atol=1e-4)
        assert bias == pytest.approx(head.biases[label], abs=1e-4)
        assert names["num_negatives"] == sorted(names["num_negatives"])
