"""Non-maximum suppression: by its definition, and equal to TensorFlow's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops import nms as nms_module
from shopee_od.ops.boxes import box_iou
from shopee_od.ops.nms import batched_nms, nms, soft_nms


@st.composite
def scored_boxes(draw):
    """Boxes of a coarse grid, scores with many ties."""
    n = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    start = rng.integers(0, 8, (n, 2))
    boxes = np.concatenate([start, start + rng.integers(1, 8, (n, 2))], 1).astype(np.float32)
    return boxes, rng.integers(0, 6, n) / 5, draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))


@given(scored_boxes())
def test_kept_boxes_do_not_overlap_and_removed_boxes_overlap_a_better_one(case):
    boxes, scores, threshold = case
    keep = nms(boxes, scores, threshold)
    assert len(set(keep)) == len(keep)
    assert (np.diff(scores[keep]) <= 0).all()
    overlaps = box_iou(boxes, boxes) > threshold
    overlaps_kept = overlaps[np.ix_(keep, keep)]
    assert not overlaps_kept[~np.eye(len(keep), dtype=bool)].any()
    for i in set(range(len(boxes))) - set(keep):
        better = [k for k in keep if (-scores[k], k) < (-scores[i], i)]
        assert overlaps[i, better].any()


@given(scored_boxes(), st.integers(1, 30))
def test_blocks_of_any_size_give_the_same_boxes(case, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nms_module, "BLOCK", 1)  # the definition: one box at a time
        expected = nms(*case)
        patch.setattr(nms_module, "BLOCK", block)
        keep = nms(*case)
    assert keep.tolist() == expected.tolist() and keep.dtype == np.int64


def test_ties_go_to_the_earlier_box_and_the_threshold_itself_is_allowed():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 1]])  # the last has IoU 0.5
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 0.5).tolist() == [0, 2]
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 0.49).tolist() == [0]
    assert nms(boxes, np.array([0.7, 0.7, 0.6]), 1.0).tolist() == [0, 1, 2]


def test_no_boxes():
    assert nms(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []


@pytest.mark.slow
def test_a_thousand_random_cases_equal_tensorflows():
    """With ties among the scores; both keep boxes whose IoU is the threshold itself."""
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
def test_a_second_nms_removes_nothing(case):
    boxes, scores, threshold = case
    keep = nms(boxes, scores, threshold)
    assert nms(boxes[keep], scores[keep], threshold).tolist() == list(range(len(keep)))


@given(scored_boxes(), st.integers(0, 2**32 - 1))
def test_batched_nms_is_nms_of_each_class_highest_score_first(case, seed):
    boxes, scores, threshold = case
    labels = np.random.default_rng(seed).integers(0, 3, len(scores))
    keep = batched_nms(boxes, scores, labels, threshold)
    assert (np.diff(scores[keep]) <= 0).all()
    for label in range(3):
        members = np.flatnonzero(labels == label)
        expected = members[nms(boxes[members], scores[members], threshold)]
        assert sorted(keep[labels[keep] == label]) == sorted(expected)
    if threshold < 1 and len(scores):  # with classes moved far apart, plain NMS does the same
        separated = boxes + 1000 * labels[:, None]
        assert nms(separated, scores, threshold).tolist() == keep.tolist()


@given(scored_boxes())
def test_soft_nms_lowers_only_scores_of_boxes_that_overlap(case):
    boxes, scores, _ = case
    soft = soft_nms(boxes, scores)
    assert (soft <= scores + 1e-12).all() and (soft >= 0).all()
    isolated = (box_iou(boxes, boxes) > 0).sum(1) == 1
    np.testing.assert_array_equal(soft[isolated], scores[isolated])
    if len(scores):
        assert soft[scores.argmax()] == scores.max()
