"""HOG templates: margins of all positions, and scores."""

import numpy as np
import pytest

from shopee_od.detectors.features.hog import HOGPyramid
from shopee_od.detectors.heads.hog_templates import HOGTemplates, margins_to_scores
from shopee_od.detectors.proposers.sliding_windows import PyramidWindows

SHAPES = np.array([[5, 9], [8, 7]])


@pytest.fixture
def head():
    rng = np.random.default_rng(0)
    weights = tuple(
        rng.normal(0, 0.1, size).astype(np.float32) for size in SHAPES.prod(axis=1) * 36
    )
    head = HOGTemplates(2)
    head.assign(SHAPES, weights, np.array([0.3, -0.2], np.float32))
    return head


@pytest.fixture
def noise():
    return np.random.default_rng(2).integers(0, 256, (180, 130, 3)).astype(np.uint8)


def test_a_margin_is_the_features_times_the_weights(head, noise):
    for level in HOGPyramid().levels(noise, (72, 80)):
        for label, shape in enumerate(SHAPES):
            features = level.window_features(shape, range(len(level.window_boxes(shape))))
            expected = features @ head.weights[label] + head.biases[label]
            np.testing.assert_allclose(head.margins(level, label).ravel(), expected, atol=1e-4)


def test_each_window_is_scored_for_its_class_in_the_order_of_the_boxes(head, noise):
    proposals = PyramidWindows(head).propose(noise)
    features = HOGPyramid().extract(noise, proposals)
    scores = head.predict(features, proposals).scores
    start = 0
    for grid in proposals.grids:
        end = start + grid.rows * grid.columns
        level = features.values[grid.size]
        np.testing.assert_allclose(
            proposals.boxes[start:end], level.window_boxes(SHAPES[grid.label])
        )
        expected = margins_to_scores(head.margins(level, grid.label)).ravel()
        np.testing.assert_array_equal(scores[start:end, grid.label], expected)
        assert (scores[start:end, 1 - grid.label] == -np.inf).all()
        start = end
    assert start == len(proposals) == len(scores)


def test_a_template_has_a_vector_for_each_block(head):
    assert head.template(1).shape == (8, 7, 36)
    assert head.window_sizes.tolist() == [[48, 80], [72, 64]]


def test_scores_grow_with_margins_and_are_half_on_the_plane():
    margins = np.linspace(-5, 5, 11)
    assert (np.diff(margins_to_scores(margins)) > 0).all()
    assert margins_to_scores(np.zeros(1)) == 0.5


def test_a_state_is_put_back(head):
    loaded = HOGTemplates(2)
    loaded.load_state_dict(head.state_dict())
    assert loaded.num_parameters == head.num_parameters == (45 + 56) * 36 + 2 + 4
    for name, value in head.state_dict().items():
        np.testing.assert_array_equal(loaded.state_dict()[name], value)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_state_of_other_classes_is_refused(head, classes):
    with pytest.raises((KeyError, ValueError)):
        HOGTemplates(classes).load_state_dict(head.state_dict())
