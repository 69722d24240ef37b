"""Notebook 03: what its page defines is what the package runs."""

import numpy as np
import pandas as pd
import pytest
from course import find_cell, find_notebook, load_functions

from shopee_od.course import expect, plots
from shopee_od.detectors.training.region_examples import make_examples
from shopee_od.ops import selective_search
from shopee_od.ops.boxes import box_iou

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("03_rcnn")
SIDE = 96
FEATURES = 40


def run_cell(text, names):
    """Runs the code cell that contains a text."""
    exec(find_cell(NOTEBOOK, text), names)


@pytest.fixture
def examples():
    """Regions of one image with two boxes, one of each class; positives differ in a feature."""
    rng = np.random.default_rng(0)
    gt_boxes = np.array([[10, 10, 60, 80], [70, 20, 120, 90]], np.float32)
    near = np.repeat(gt_boxes, 40, axis=0) + rng.normal(0, 4, (80, 4))
    corners = rng.uniform(0, 100, (400, 2))
    far = np.concatenate([corners, corners + rng.uniform(10, 40, (400, 2))], axis=1)
    boxes = np.concatenate([np.repeat(gt_boxes, 6, axis=0), near, far]).astype(np.float32)
    truth = np.repeat([0, 1, -1], [6, 6, 480])
    features = rng.normal(size=(len(boxes), FEATURES)).astype(np.float32)
    features[:, 0] += 3 * (truth == 0)
    return make_examples(0, features, boxes, truth, gt_boxes, np.array([0, 1]), 2)


def test_its_tiny_image_is_grouped_as_by_the_package():
    names = {"np": np, "pd": pd, "plots": plots, "selective_search": selective_search}
    names |= {"expect": expect, "box_iou": box_iou}
    for text in ("def describe", "def similarity", "while labels.min()", "num_equal ="):
        run_cell(text, names)
    assert names["merges"] == [(1, 2), (3, 4), (0, 5)]
    terms = names["similarity"](names["first_regions"] == 1, names["first_regions"] == 2)
    package = selective_search.similarity(names["tiny_regions"], 1, 2, 36)
    assert sum(terms.values()) + 1 == pytest.approx(package)  # 1: the texture is the same


def test_its_exercise_has_the_answer_that_the_check_expects():
    names = {"np": np, "plots": plots, "selective_search": selective_search}
    for text in ("def describe", "def similarity"):
        run_cell(text, names)
    names["colors"] = np.where(names["first_regions"] == 1, "w", names["colors"])
    run_cell("while labels.min()", names)
    assert names["merges"][:2] == [(0, 1), (2, 3)]
    regions = [step == k for step in names["steps"] for k in np.unique(step)]
    boxes = np.array([names["describe"](region)[1] for region in regions])
    assert box_iou(boxes, [[1, 1, 5, 5]]).max() == 0.75


def test_it_counts_proposals_before_the_first_match():
    page = load_functions(NOTEBOOK, "count_before_match")
    proposals = np.array([[0, 0, 10, 4], [0, 0, 10, 5], [0, 0, 10, 10]])
    count = page["count_before_match"]
    assert count(proposals, np.array([[0, 0, 10, 10]])).tolist() == [1]
    assert count(proposals, np.array([[50, 0, 60, 10]])).tolist() == [np.inf]


def test_its_network_is_that_of_the_package():
    from shopee_od.backbones import efficientnet_lite0
    from shopee_od.detectors.features.crop_cnn import LEVEL

    names = load_functions(NOTEBOOK, "normalize", "bottleneck") | {"side": SIDE}
    run_cell("GROUPS = [", names)
    package = efficientnet_lite0((SIDE, SIDE))
    parts = []
    for layer in package.layers:
        if type(layer).__name__ == "InvertedBottleneckBlock":
            if layer.get_config()["expand_ratio"] > 1:
                parts += [layer._conv0, layer._norm0]
            parts += [layer._conv1, layer._norm1, layer._conv2, layer._norm2]
        elif layer.weights:
            parts.append(layer)
    network = names["network"]
    own = [layer for layer in network.layers if layer.weights]
    for layer, part in zip(own, parts, strict=False):  # the package's classifier comes last
        layer.set_weights(part.get_weights())
    crops = np.random.default_rng(1).normal(size=(3, SIDE, SIDE, 3)).astype(np.float32)
    expected = package(crops, training=False)[LEVEL]
    np.testing.assert_allclose(network(crops, training=False), expected, atol=1e-4)


@pytest.mark.parametrize("label", [0, 1])
def test_its_hard_negative_loop_trains_the_svm_of_the_package(examples, label):
    from shopee_od.detectors.training.region_svms import SVMConfig, fit_svm

    config = SVMConfig(first_negatives=60)
    names = {"np": np, "examples": examples, "config": config, "seed": 3, "label": label}
    names |= {"x": examples.features, "positives": np.flatnonzero(examples.truth == label)}
    names["negatives"] = np.flatnonzero(examples.overlaps[:, label] < config.negative_iou)
    run_cell("for _ in range(config.rounds + 1)", names)
    weights, bias = fit_svm(examples.features, examples, label, 3, config)
    np.testing.assert_allclose(names["svm"].coef_[0], weights, atol=1e-5)
    assert names["svm"].intercept_[0] == pytest.approx(bias, abs=1e-5)
    rounds = names["rows"]
    assert len(rounds) == 3 and rounds[1][0] == rounds[0][0] + rounds[0][2]


def test_its_ridge_is_that_of_the_package(examples):
    from shopee_od.detectors.training.region_svms import SVMConfig, fit_box_regression
    from shopee_od.ops.boxes import encode_boxes

    config = SVMConfig(ridge=2.0)
    page = load_functions(NOTEBOOK, "fit_ridge", config=config)
    near = (examples.truth < 0) & (examples.overlaps.max(axis=1) > config.box_iou)
    deltas = encode_boxes(examples.targets[near], examples.boxes[near])
    weights, bias = page["fit_ridge"](examples.features[near].astype(float), deltas)
    package = fit_box_regression(examples.features, examples, config)
    np.testing.assert_allclose(np.vstack([weights, bias]), package, atol=1e-5)
