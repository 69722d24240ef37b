"""Boxes: area, IoU, conversions and deltas, equal to pycocotools' and Model Garden's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask

from shopee_od.ops.boxes import (
    box_area,
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    xywh_to_xyxy,
    xyxy_to_xywh,
)

CORNERS = st.integers(0, 12).flatmap(
    lambda n: arrays(np.float32, (n, 4), elements=st.integers(0, 40).map(lambda v: v / 4))
)


def order_corners(corners):
    """Any two opposite corners of a box -> x1, y1, x2, y2."""
    start = np.minimum(corners[:, :2], corners[:, 2:])
    end = np.maximum(corners[:, :2], corners[:, 2:])
    return np.concatenate([start, end], axis=1)


@given(CORNERS, CORNERS)
def test_iou_equals_pycocotools(a, b):
    a, b = order_corners(a), order_corners(b)
    xywh = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], 1).astype(float) for x in (a, b)]
    expected = mask.iou(*xywh, [0] * len(b)) if len(a) and len(b) else np.zeros((len(a), len(b)))
    np.testing.assert_array_equal(box_iou(a, b), expected)


@given(CORNERS)
def test_iou_is_symmetric_and_one_with_itself(a):
    a = order_corners(a)
    iou = box_iou(a, a)
    np.testing.assert_array_equal(iou, iou.T)
    np.testing.assert_array_equal(np.diag(iou), (box_area(a) > 0).astype(float))
    assert ((iou >= 0) & (iou <= 1)).all()


def test_reversed_and_empty_boxes_have_no_area():
    boxes = np.array([[5, 5, 1, 1], [3, 3, 3, 9], [0, 9, 4, 2]])
    assert box_area(boxes).tolist() == [0, 0, 0]
    assert not box_iou(boxes, np.array([[0, 0, 10, 10]])).any()


def random_boxes(rng, n):
    start = rng.uniform(0, 400, (n, 2))
    return np.concatenate([start, start + rng.uniform(0.5, 300, (n, 2))], axis=1)


def swap_xy(boxes):
    """x1, y1, x2, y2 <-> Model Garden's y1, x1, y2, x2; deltas likewise; float32."""
    return boxes[:, [1, 0, 3, 2]].astype(np.float32)


@pytest.mark.slow
def test_iou_equals_model_gardens():
    from official.vision.ops import iou_similarity

    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 300), random_boxes(rng, 400)
    theirs = iou_similarity.iou(swap_xy(a), swap_xy(b))
    np.testing.assert_allclose(box_iou(a, b), theirs, atol=1e-5)


@pytest.mark.slow
def test_encoding_and_decoding_equal_model_gardens():
    from official.vision.ops import box_ops

    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 1000), random_boxes(rng, 1000)
    theirs = box_ops.encode_boxes(swap_xy(a), swap_xy(b))
    np.testing.assert_allclose(swap_xy(encode_boxes(a, b)), theirs, rtol=1e-4, atol=1e-4)
    deltas = rng.normal(0, 2, (1000, 4))  # some dw and dh are beyond the clamp
    theirs = box_ops.decode_boxes(swap_xy(deltas), swap_xy(b))
    np.testing.assert_allclose(swap_xy(decode_boxes(deltas, b)), theirs, rtol=1e-4, atol=1e-2)


@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_decode_undoes_encode(seed, n):
    rng = np.random.default_rng(seed)
    a, b = random_boxes(rng, n), random_boxes(rng, n)
    decoded = decode_boxes(encode_boxes(a, b), b, scale_clamp=np.inf)
    np.testing.assert_allclose(decoded, a, atol=1e-6)
    np.testing.assert_allclose(encode_boxes(b, b), np.zeros((n, 4)), atol=1e-12)


@given(CORNERS)
def test_conversions_undo_each_other_and_clipping_twice_is_clipping_once(a):
    a = order_corners(a)
    np.testing.assert_array_equal(xywh_to_xyxy(xyxy_to_xywh(a)), a)
    clipped = clip_boxes(a, 5, 7)
    np.testing.assert_array_equal(clip_boxes(clipped, 5, 7), clipped)
    assert (clipped >= 0).all() and (clipped[:, 2] <= 7).all() and (clipped[:, 3] <= 5).all()
    assert (box_area(clipped) <= box_area(a)).all()
