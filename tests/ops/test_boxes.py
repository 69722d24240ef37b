"""Boxes: area and IoU."""

import doctest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask

from shopee_od.ops import boxes
from shopee_od.ops.boxes import area, iou

CORNERS = st.integers(0, 12).flatmap(
    lambda n: arrays(np.float32, (n, 4), elements=st.integers(0, 40).map(lambda v: v / 4))
)


def upright(corners):
    """Any two corners of a box -> x1, y1, x2, y2."""
    return np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], 1)


def test_worked_examples():
    assert doctest.testmod(boxes) == (0, 2)  # failed, tried


@given(CORNERS, CORNERS)
def test_iou_is_pycocotools(a, b):
    a, b = upright(a), upright(b)
    xywh = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], 1).astype(float) for x in (a, b)]
    expected = mask.iou(*xywh, [0] * len(b)) if len(a) and len(b) else np.zeros((len(a), len(b)))
    np.testing.assert_array_equal(iou(a, b), expected)


@given(CORNERS)
def test_iou_is_symmetric_and_one_with_itself(a):
    a = upright(a)
    overlap = iou(a, a)
    np.testing.assert_array_equal(overlap, overlap.T)
    np.testing.assert_array_equal(np.diag(overlap), (area(a) > 0).astype(float))
    assert ((overlap >= 0) & (overlap <= 1)).all()


def test_reversed_and_empty_boxes_have_no_area():
    odd = np.array([[5, 5, 1, 1], [3, 3, 3, 9], [0, 9, 4, 2]])
    assert area(odd).tolist() == [0, 0, 0]
    assert not iou(odd, np.array([[0, 0, 10, 10]])).any()
