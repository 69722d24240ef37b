"""Non-maximum suppression."""

import doctest
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops.boxes import iou
from shopee_od.ops.nms import nms


@st.composite
def scored_boxes(draw):
    """Boxes of a coarse grid, scores with many ties."""
    n = draw(st.integers(0, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    start = rng.integers(0, 8, (n, 2))
    boxes = np.concatenate([start, start + rng.integers(1, 8, (n, 2))], 1).astype(np.float32)
    return boxes, rng.integers(0, 6, n) / 5, draw(st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))


def test_worked_example():
    assert doctest.testmod(sys.modules["shopee_od.ops.nms"]) == (0, 1)  # failed, tried


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
