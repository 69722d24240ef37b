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
    assert doctest.testmod(boxes) == (0, 7)  # failed, tried


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


def some_boxes(rng, n):
    start = rng.uniform(0, 400, (n, 2))
    return np.concatenate([start, start + rng.uniform(0.5, 300, (n, 2))], axis=1)


def model_garden(boxes):
    """x1, y1, x2, y2 <-> y1, x1, y2, x2; deltas likewise."""
    return boxes[:, [1, 0, 3, 2]]


def test_iou_is_model_gardens():
    from official.vision.ops.iou_similarity import iou as theirs

    rng = np.random.default_rng(0)
    a, b = some_boxes(rng, 300), some_boxes(rng, 400)
    expected = theirs(model_garden(a).astype(np.float32), model_garden(b).astype(np.float32))
    np.testing.assert_allclose(iou(a, b), expected, atol=1e-5)


def test_deltas_are_model_gardens_both_ways():
    from official.vision.ops import box_ops

    rng = np.random.default_rng(1)
    a, b = some_boxes(rng, 1000), some_boxes(rng, 1000)
    deltas = boxes.encode(a, b)
    theirs = box_ops.encode_boxes(model_garden(a).astype(np.float32), model_garden(b).astype(np.float32))
    np.testing.assert_allclose(model_garden(deltas), theirs, rtol=1e-4, atol=1e-4)
    wild = rng.normal(0, 2, (1000, 4))  # some beyond the largest dw and dh
    theirs = box_ops.decode_boxes(model_garden(wild).astype(np.float32), model_garden(b).astype(np.float32))
    np.testing.assert_allclose(model_garden(boxes.decode(wild, b)), theirs, rtol=1e-4, atol=1e-2)


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_decode_undoes_encode(seed, n):
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, n), some_boxes(rng, n)
    np.testing.assert_allclose(boxes.decode(boxes.encode(a, b), b, largest=np.inf), a, atol=1e-6)
    np.testing.assert_allclose(boxes.encode(b, b), np.zeros((n, 4)), atol=1e-12)


@given(CORNERS)
def test_conversions_undo_each_other_and_clipping_twice_is_clipping_once(a):
    a = upright(a)
    np.testing.assert_array_equal(boxes.from_corner_and_size(boxes.to_corner_and_size(a)), a)
    inside = boxes.clip(a, 5, 7)
    np.testing.assert_array_equal(boxes.clip(inside, 5, 7), inside)
    assert (inside >= 0).all() and (inside[:, 2] <= 7).all() and (inside[:, 3] <= 5).all()
    assert (area(inside) <= area(a)).all()
