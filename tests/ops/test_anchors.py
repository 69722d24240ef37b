import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.ops.anchors import anchor_shapes, anchors, best_anchor
from shopee_od.ops.boxes import iou

CANVASES = st.tuples(st.integers(1, 4), st.integers(1, 4)).map(lambda cells: (32 * cells[0], 32 * cells[1]))
SHAPES = st.tuples(
    st.floats(1, 12), st.integers(1, 3), st.lists(st.floats(0.2, 4), min_size=1, max_size=3, unique=True)
)
BOXES = st.lists(st.tuples(*[st.floats(0, 128)] * 2, *[st.floats(1, 100)] * 2), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("canvas", "levels"), [((64, 96), (3, 4, 5)), ((128, 64), (2, 3, 4, 5, 6)), ((40, 24), (3, 3))]
)
def test_equal_to_model_gardens(canvas, levels):
    from official.vision.ops.anchor import build_anchor_generator

    size, scales, ratios = 5.0, 2, [0.35, 0.65, 1.3]
    generator = build_anchor_generator(levels[0], levels[-1], scales, ratios, size)
    theirs = generator(image_size=canvas)
    every = [theirs[str(level)].numpy().reshape(-1, 4)[:, [1, 0, 3, 2]] for level in range(levels[0], levels[-1] + 1)]
    ours = anchors(*canvas, range(levels[0], levels[-1] + 1), size, scales, ratios)
    np.testing.assert_allclose(ours, np.concatenate(every), atol=1e-4)


def test_shapes_have_their_area_and_ratio():
    shapes = anchor_shapes(4, 5, 2, [0.5, 2])
    assert shapes.prod(axis=1) == pytest.approx([80**2, 80**2, 2 * 80**2, 2 * 80**2])
    assert shapes[:, 0] / shapes[:, 1] == pytest.approx([0.5, 2, 0.5, 2])


@settings(max_examples=60, deadline=None)
@given(CANVASES, SHAPES, BOXES)
def test_the_best_anchor_is_that_of_comparing_all(canvas, shapes, boxes):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in boxes])
    overlap, chosen = best_anchor(boxes, *canvas, range(3, 6), *shapes)
    every = iou(boxes, anchors(*canvas, range(3, 6), *shapes))
    np.testing.assert_allclose(overlap, every.max(axis=1), atol=1e-9)
    np.testing.assert_allclose(np.diag(iou(boxes, chosen)), overlap, atol=1e-9)


def test_no_boxes():
    overlap, chosen = best_anchor(np.zeros((0, 4)), 64, 64, [3], 4, 1, [1])
    assert overlap.shape == (0,) and chosen.shape == (0, 4)
