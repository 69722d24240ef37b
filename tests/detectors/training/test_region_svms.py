"""SVMs and box regression on synthetic features."""

from dataclasses import fields, replace

import numpy as np
import pytest

from shopee_od.detectors.heads.hog_templates import margins_to_scores
from shopee_od.detectors.heads.region_svms import LinearSVMs
from shopee_od.detectors.slots import Proposals, RegionFeatures
from shopee_od.detectors.training.region_examples import (
    RegionExamples,
    concatenate_examples,
    make_examples,
)
from shopee_od.detectors.training.region_svms import (
    HARD_MARGIN,
    NEVER,
    SVMConfig,
    fit_region_svms,
    fit_svm,
)
from shopee_od.ops.boxes import box_iou, decode_boxes
from shopee_od.structures import Stage

CLASSES = 3


@pytest.fixture(scope="module")
def examples():
    """40 images with one box, of class 0 or 1 (class 2 has none), and proposals around it.

    Their features: which class they overlap, by how much, and where the box is; all with noise.
    """
    rng = np.random.default_rng(0)
    parts = []
    for image in range(40):
        label = image % 2
        gt_boxes = np.array([[30, 40, 90, 120]], np.float32) + rng.integers(0, 30)
        near = gt_boxes + rng.normal(0, 12, (30, 4)).astype(np.float32)
        corners = rng.uniform(0, 60, (20, 2))
        far = np.concatenate([corners, corners + rng.uniform(30, 120, (20, 2))], axis=1)
        boxes = np.concatenate([gt_boxes, near, far])
        overlap = box_iou(boxes, gt_boxes)
        offsets = (gt_boxes - boxes) / (boxes[:, 2:] - boxes[:, :2]).mean(axis=1, keepdims=True)
        features = 5 * np.concatenate(
            [overlap * (label == 0), overlap * (label == 1), offsets], axis=1
        )
        features += rng.normal(0, 0.1, features.shape)
        features = np.concatenate([features, np.ones((len(boxes), 1))], axis=1).astype(np.float32)
        truth = np.where(np.arange(len(boxes)) == 0, label, -1)
        gt_labels = np.array([label])
        parts.append(make_examples(image, features, boxes, truth, gt_boxes, gt_labels, CLASSES))
    return concatenate_examples(parts)


def select(examples, mask):
    """Some of the examples."""
    return RegionExamples(*(getattr(examples, field.name)[mask] for field in fields(examples)))


def train(examples):
    head = LinearSVMs(examples.features.shape[1], CLASSES)
    fit_region_svms(head, examples, seed=0)
    return head


@pytest.fixture(scope="module")
def head(examples):
    return train(examples)


def test_a_region_has_its_overlap_with_each_class_and_its_nearest_box():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60]], np.float32)
    gt_boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 4]], np.float32)
    truth = np.array([1, -1, -1])
    one = make_examples(7, np.zeros((3, 2)), boxes, truth, gt_boxes, np.array([1, 0]), CLASSES)
    np.testing.assert_allclose(one.overlaps, [[0.4, 1, 0], [0.8, 0.5, 0], [0, 0, 0]])
    assert one.labels.tolist() == [1, 0, 1]
    assert one.targets[1].tolist() == [0, 0, 10, 4]
    assert one.image.tolist() == [7] * 3
    assert len(concatenate_examples([one, one]).boxes) == 6


def test_svms_separate_the_classes_and_one_without_boxes_never_fires(examples, head):
    margins = head.margins(examples.features)
    for label in (0, 1):
        of_class = margins[examples.truth == label]
        negative = margins[examples.overlaps[:, label] < 0.3]
        assert (of_class.argmax(axis=1) == label).all()
        assert np.median(of_class[:, label]) > np.quantile(negative[:, label], 0.99)
    assert (margins[:, 2] == NEVER).all()
    assert head.weights.dtype == head.box_weights.dtype == np.float32


def test_hard_negatives_leave_fewer_inside_the_margin(examples):
    """Starting from ten negatives, later rounds leave fewer there than the first SVM did."""
    wrong = examples.features[examples.overlaps[:, 0] < 0.3]
    inside = []
    for rounds in (0, 2):
        config = SVMConfig(first_negatives=10, rounds=rounds)
        weights, bias = fit_svm(examples.features, examples, 0, 0, config)
        inside.append((wrong @ weights + bias > HARD_MARGIN).mean())
    assert inside[1] < inside[0]


def test_regression_moves_boxes_closer(examples):
    """Trained on half of the images, evaluated on the rest; without examples boxes do not move."""
    half = examples.image < 20
    head = train(select(examples, half))
    near = ~half & (examples.truth < 0) & (examples.overlaps.max(axis=1) > 0.6)
    boxes = examples.boxes[near]
    features = examples.features[near]
    moved = decode_boxes(head.deltas(features), boxes)
    before, after = (np.diag(box_iou(b, examples.targets[near])) for b in (boxes, moved))
    assert after.mean() > before.mean() + 0.05
    without = train(select(examples, examples.truth >= 0))
    np.testing.assert_allclose(decode_boxes(without.deltas(features), boxes), boxes, atol=1e-3)


def test_the_scale_of_features_does_not_matter(examples, head):
    large = replace(examples, features=examples.features * 1000)
    margins = train(large).margins(large.features)
    np.testing.assert_allclose(head.margins(examples.features), margins, atol=1e-2)


def test_without_regions_there_are_no_scores(examples, head):
    """An image may have no proposals."""
    nothing = np.zeros((0, examples.features.shape[1]), np.float32)
    assert head.margins(nothing).shape == (0, 3) and head.deltas(nothing).shape == (0, 4)
    features = RegionFeatures(nothing, 0, Stage(name="features"))
    scored = head.predict(features, Proposals(np.zeros((0, 4))))
    assert scored.scores.shape == (0, 3)
    assert decode_boxes(scored.deltas, np.zeros((0, 4))).shape == (0, 4)


def test_scores_are_sigmoids_of_the_margins(examples, head):
    features = RegionFeatures(examples.features, 0, Stage(name="features"))
    scored = head.predict(features, Proposals(examples.boxes))
    expected = margins_to_scores(head.margins(examples.features))
    np.testing.assert_array_equal(scored.scores, expected)
    np.testing.assert_array_equal(scored.deltas, head.deltas(examples.features))


def test_a_state_is_put_back_and_one_of_other_sizes_refused(examples, head):
    width = examples.features.shape[1]
    loaded = LinearSVMs(width, CLASSES)
    loaded.load_state_dict(head.state_dict())
    assert loaded.num_parameters == head.num_parameters == 1 + 3 * width + 3 + 4 * (width + 1)
    np.testing.assert_array_equal(
        loaded.margins(examples.features), head.margins(examples.features)
    )
    for other in (LinearSVMs(width, CLASSES + 1), LinearSVMs(width + 1, CLASSES)):
        with pytest.raises(ValueError, match="has the shape"):
            other.load_state_dict(head.state_dict())
