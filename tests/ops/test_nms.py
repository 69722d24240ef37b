"""Non-maximum suppression."""

import doctest
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops.boxes import iou
from shopee_od.ops.nms import nms, nms_by_class, soft_nms


@st.composite
def scored_boxes(draw):
    """Boxes of a coarse grid, scores with many ties."""
    n = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    start = rng.integers(0, 8, (n, 2))
    boxes = np.concatenate([start, start + rng.integers(1, 8, (n, 2))], 1).astype(np.float32)
    return boxes, rng.integers(0, 6, n) / 5, draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))


def test_worked_example():
    assert doctest.testmod(sys.modules["shopee_od.ops.nms"]) == (0, 3)  # failed, tried


@given(scored_boxes())
def test_what_stays_does_not_overlap_and_what_goes_had_a_reason(case):
    boxes, scores, threshold = case
    keep = nms(boxes, scores, threshold)
    assert len(set(keep)) == len(keep)
    assert (np.diff(scores[keep]) <= 0).all()
    overlap = iou(boxes, boxes) > threshold
    among = overlap[np.ix_(keep, keep)]
    assert not among[~np.eye(len(keep), dtype=bool)].any()
    for i in set(range(len(boxes))) - set(keep):
        better = [k for k in keep if (-scores[k], k) < (-scores[i], i)]
        assert overlap[i, better].any()


def test_ties_go_to_the_earlier_box_and_the_threshold_itself_is_allowed():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 1]])  # the third has IoU 0.5 with the others
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 0.5).tolist() == [0, 2]
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 0.49).tolist() == [0]
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 1.0).tolist() == [0, 1, 2]


def test_no_boxes():
    assert nms(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []


def test_a_thousand_cases_as_tensorflow_has_them():
    """Ties among the scores too; boxes whose IoU is the threshold itself stay in both."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for _ in range(1000):
        n = rng.integers(1, 30)
        start = rng.integers(0, 8, (n, 2))
        boxes = np.concatenate([start, start + rng.integers(1, 8, (n, 2))], 1).astype(np.float32)
        scores = (rng.integers(0, 6, n) / 5).astype(np.float32)
        threshold = float(rng.choice([0.3, 0.5, 0.7]))
        theirs = tf.image.non_max_suppression(boxes[:, [1, 0, 3, 2]], scores, n, threshold)
        assert nms(boxes, scores, threshold).tolist() == theirs.numpy().tolist()


@given(scored_boxes())
def test_what_stays_stays_when_suppressed_again(case):
    boxes, scores, threshold = case
    keep = nms(boxes, scores, threshold)
    assert nms(boxes[keep], scores[keep], threshold).tolist() == list(range(len(keep)))


@given(scored_boxes(), st.integers(0, 2**32 - 1))
def test_by_class_is_each_class_for_itself_best_first(case, seed):
    boxes, scores, threshold = case
    labels = np.random.default_rng(seed).integers(0, 3, len(scores))
    keep = nms_by_class(boxes, scores, labels, threshold)
    assert (np.diff(scores[keep]) <= 0).all()
    for label in range(3):
        own = np.flatnonzero(labels == label)
        assert sorted(keep[labels[keep] == label]) == sorted(own[nms(boxes[own], scores[own], threshold)])
    if threshold < 1 and len(scores):  # moved far apart by class, plain NMS does the same
        apart = boxes + 1000 * labels[:, None]
        assert nms(apart, scores, threshold).tolist() == keep.tolist()


@given(scored_boxes())
def test_soft_nms_lowers_what_overlaps_and_nothing_else(case):
    boxes, scores, _ = case
    soft = soft_nms(boxes, scores)
    assert (soft <= scores + 1e-12).all() and (soft >= 0).all()
    alone = (iou(boxes, boxes) > 0).sum(1) == 1
    np.testing.assert_array_equal(soft[alone], scores[alone])
    if len(scores):
        assert soft[scores.argmax()] == scores.max()
