"""SVMs and box regressions on made-up features: what they are to tell, what is hard, where boxes are moved."""

import numpy as np
import pytest

from shopee_od.detectors.region_svm import HARD, NEVER, Examples, examples, learn, one_svm, together
from shopee_od.ops.boxes import iou


@pytest.fixture(scope="module")
def found():
    """40 photos with one box each, of class 0 or 1 (class 2 has none), and 30 proposals that lie anywhere near.

    Their features: which class shows, by how much, and how far the box lies from the proposal, all with noise.
    """
    rng, parts = np.random.default_rng(0), []
    for photo in range(40):
        label, corners = photo % 2, np.array([[30, 40, 90, 120]], np.float32) + rng.integers(0, 30)
        boxes = corners + rng.normal(0, 12, (30, 4)).astype(np.float32)
        boxes = np.concatenate([corners, boxes, rng.uniform(0, 60, (20, 2)).repeat(2, 0).reshape(20, 4)])
        boxes[31:, 2:] = boxes[31:, :2] + rng.uniform(30, 120, (20, 2))
        overlap = iou(boxes, corners)
        where = (corners - boxes) / (boxes[:, 2:] - boxes[:, :2]).mean(axis=1, keepdims=True)
        features = np.concatenate([overlap * (label == 0), overlap * (label == 1), where], axis=1) * 5
        features = np.concatenate([features + rng.normal(0, 0.1, features.shape), np.ones((len(boxes), 1))], axis=1)
        truth = np.where(np.arange(len(boxes)) == 0, label, -1)
        parts.append(examples(photo, features.astype(np.float32), boxes, truth, corners, np.array([label]), 3))
    return together(parts)


def test_a_region_knows_its_overlap_with_each_class_and_its_nearest_box():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60]], np.float32)
    corners = np.array([[0, 0, 10, 10], [0, 0, 10, 4]], np.float32)
    one = examples(7, np.zeros((3, 2)), boxes, np.array([1, -1, -1]), corners, np.array([1, 0]), 3)
    np.testing.assert_allclose(one.overlaps, [[0.4, 1, 0], [0.8, 0.5, 0], [0, 0, 0]])
    assert (
        one.labels.tolist() == [1, 0, 1] and one.targets[1].tolist() == [0, 0, 10, 4] and one.photo.tolist() == [7] * 3
    )
    assert len(together([one, one]).boxes) == 6


def test_svms_tell_the_classes_and_a_class_without_boxes_never_fires(found):
    svms = learn(found, seed=0)
    margins = svms.margins(found.features)
    for label in (0, 1):
        own = margins[found.truth == label]
        far = margins[found.overlaps[:, label] < 0.3]
        assert (own.argmax(axis=1) == label).all()
        assert np.median(own[:, label]) > np.quantile(far[:, label], 0.99)
    assert (margins[:, 2] == NEVER).all()
    assert svms.weights.dtype == svms.moves.dtype == np.float32


def test_hard_negatives_are_learnt_from(found, monkeypatch):
    """With ten negatives to begin with, later rounds leave fewer inside the street than the first SVM did."""
    monkeypatch.setattr("shopee_od.detectors.region_svm.FIRST", 10)
    wrong = found.features[found.overlaps[:, 0] < 0.3]
    inside = []
    for rounds in (0, 2):
        weights, bias = one_svm(found.features, found, 0, 0, rounds)
        inside.append((wrong @ weights + bias > HARD).mean())
    assert inside[1] < inside[0]


def test_regression_moves_boxes_closer(found):
    """Learnt on one half of the photos, judged on the other; without examples boxes are left alone."""
    half = found.photo < 20
    svms = learn(Examples(*(part[half] for part in vars(found).values())), seed=0)
    near = np.flatnonzero(~half & (found.truth < 0) & (found.overlaps.max(axis=1) > 0.6))
    boxes, targets = found.boxes[near], found.targets[near]
    moved = svms.refined(found.features[near], boxes)
    before, after = (np.diag(iou(each, targets)) for each in (boxes, moved))
    assert after.mean() > before.mean() + 0.05
    none = learn(Examples(*(part[found.truth >= 0] for part in vars(found).values())), seed=0)
    np.testing.assert_allclose(none.refined(found.features[near], boxes), boxes, atol=1e-3)


def test_the_scale_of_features_does_not_matter(found):
    large = Examples(**vars(found) | {"features": found.features * 1000})
    ours, theirs = learn(found, 0), learn(large, 0)
    np.testing.assert_allclose(ours.margins(found.features), theirs.margins(large.features), atol=1e-2)


def test_no_regions_are_no_boxes(found):
    """A photo may have no proposals."""
    svms = learn(found, 0)
    nothing = np.zeros((0, found.features.shape[1]), np.float32)
    assert svms.margins(nothing).shape == (0, 3) and svms.deltas(nothing).shape == (0, 4)
    assert svms.refined(nothing, np.zeros((0, 4))).shape == (0, 4)
