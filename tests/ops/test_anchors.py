"""Anchors: equal to Model Garden's, and the best one of a box as by comparing all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.ops.anchors import (
    anchor_grid,
    anchor_shapes,
    best_anchors,
    generate_anchors,
    shapes_of_area,
)
from shopee_od.ops.boxes import box_iou

CANVASES = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(
    lambda cells: (32 * cells[0], 32 * cells[1])
)
SHAPES = st.tuples(
    st.floats(1, 12),
    st.integers(1, 3),
    st.lists(st.floats(0.2, 4), min_size=1, max_size=3, unique=True),
)
BOXES = st.lists(
    st.tuples(*[st.floats(0, 128)] * 2, *[st.floats(1, 100)] * 2), min_size=1, max_size=8
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("canvas", "levels"), [((64, 96), (3, 4, 5)), ((128, 64), (2, 3, 4, 5, 6)), ((40, 24), (3, 3))]
)
def test_anchors_equal_model_gardens(canvas, levels):
    from official.vision.ops.anchor import build_anchor_generator

    anchor_size, num_scales, aspect_ratios = 5.0, 2, [0.35, 0.65, 1.3]
    lowest, highest = levels[0], levels[-1]
    generator = build_anchor_generator(lowest, highest, num_scales, aspect_ratios, anchor_size)
    by_level = generator(image_size=canvas)
    levels = range(lowest, highest + 1)
    theirs = [by_level[str(level)].numpy().reshape(-1, 4)[:, [1, 0, 3, 2]] for level in levels]
    ours = generate_anchors(*canvas, levels, anchor_size, num_scales, aspect_ratios)
    np.testing.assert_allclose(ours, np.concatenate(theirs), atol=1e-4)


def test_shapes_have_their_area_and_ratio():
    shapes = anchor_shapes(4, 5, 2, [0.5, 2])
    assert shapes.prod(axis=1) == pytest.approx([80**2, 80**2, 2 * 80**2, 2 * 80**2])
    assert shapes[:, 0] / shapes[:, 1] == pytest.approx([0.5, 2, 0.5, 2])


def test_one_map_has_all_shapes_at_every_cell():
    shapes = shapes_of_area([48, 96, 192], [0.5, 1, 2])
    assert len(shapes) == 9
    anchors = anchor_grid(64, 96, 16, shapes).reshape(4, 6, 9, 4)
    for row in range(4):
        for column in range(6):
            centers = (anchors[row, column, :, :2] + anchors[row, column, :, 2:]) / 2
            np.testing.assert_allclose(centers, [[16 * column + 8, 16 * row + 8]] * 9)
            sides = anchors[row, column, :, 2:] - anchors[row, column, :, :2]
            np.testing.assert_allclose(sides, shapes)


def test_a_pyramid_of_one_level_is_one_map():
    shapes = anchor_shapes(4, 3, 2, [0.5, 2])
    pyramid = generate_anchors(64, 96, [4], 3, 2, [0.5, 2])
    np.testing.assert_array_equal(pyramid, anchor_grid(64, 96, 16, shapes))


@settings(max_examples=60, deadline=None)
@given(CANVASES, SHAPES, BOXES)
def test_the_best_anchor_equals_that_of_comparing_all(canvas, shapes, boxes):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes])
    iou, anchors = best_anchors(boxes, *canvas, range(3, 6), *shapes)
    all_iou = box_iou(boxes, generate_anchors(*canvas, range(3, 6), *shapes))
    np.testing.assert_allclose(iou, all_iou.max(axis=1), atol=1e-9)
    np.testing.assert_allclose(np.diag(box_iou(boxes, anchors)), iou, atol=1e-9)


def test_no_boxes():
    iou, anchors = best_anchors(np.zeros((0, 4)), 64, 64, [3], 4, 1, [1])
    assert iou.shape == (0,) and anchors.shape == (0, 4)
