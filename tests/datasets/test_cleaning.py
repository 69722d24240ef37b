import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shopee_od.datasets.cleaning import MIN_SIDE, clean_boxes
from shopee_od.datasets.problems import ProblemLog


def clean(boxes, width=100, height=50):
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    problems = ProblemLog()
    sizes = np.full(len(boxes), width), np.full(len(boxes), height)
    image_ids = np.arange(len(boxes)) + 100
    cleaned, usable = clean_boxes(boxes, *sizes, image_ids, problems, "row {}".format)
    assert problems.incomplete_photos == {*image_ids[~usable]}
    return cleaned, usable, problems.freeze()


def test_each_kind_of_fault():
    cleaned, usable, problems = clean(
        [
            [10, 10, 20, 20],  # fine
            [20, 10, 10, 20],  # reversed
            [-5, 0, 120, 50],  # sticks out
            [200, 10, 220, 20],  # outside
            [10, 10, 10, 20],  # empty
            [10, 10, 10.5, 20],  # under a pixel
            [np.nan, 10, 20, 20],
            [0, 0, np.inf, 20],
            [99.5, 10, 120, 20],  # under a pixel once clipped
        ]
    )
    assert usable.tolist() == [True, True, True] + [False] * 6
    np.testing.assert_array_equal(
        cleaned[:3], [[10, 10, 20, 20], [10, 10, 20, 20], [0, 0, 100, 50]]
    )
    assert problems.counts == {
        "box with a value that is no number: dropped": 2,
        "box empty or under a pixel: dropped": 2,
        "box outside its photo: dropped": 2,
        "box with reversed corners: swapped": 1,
        "box sticks out of its photo: clipped": 1,
    }
    assert problems.examples["box with reversed corners: swapped"] == ["row 1"]


def test_no_boxes():
    cleaned, usable, problems = clean([])
    assert cleaned.shape == (0, 4) and usable.shape == (0,) and not problems


anything = arrays(
    np.float64,
    st.tuples(st.integers(0, 8), st.just(4)),
    elements=st.floats(width=32) | st.integers(-9, 120),
)


@given(anything)
def test_usable_boxes_are_inside_their_photo_and_stay_the_same(boxes):
    cleaned, usable, problems = clean(boxes)
    boxes_used = cleaned[usable]
    assert cleaned.dtype == np.float32 and np.isfinite(cleaned).all()
    assert (boxes_used >= 0).all() and (boxes_used <= [100, 50, 100, 50]).all()
    assert (boxes_used[:, 2:] - boxes_used[:, :2] > MIN_SIDE - 1e-4).all()
    dropped = sum(count for kind, count in problems.counts.items() if kind.endswith("dropped"))
    assert dropped == (~usable).sum()
    whole = boxes_used[(boxes_used[:, 2:] - boxes_used[:, :2] >= MIN_SIDE).all(1)]
    again, still, none = clean(whole)
    np.testing.assert_array_equal(again, whole)
    assert still.all() and not none


@given(st.integers(0, 98), st.integers(0, 48), st.integers(1, 100), st.integers(1, 50))
def test_a_good_box_is_unchanged(x, y, width, height):
    box = [x, y, min(x + width, 100), min(y + height, 50)]
    cleaned, usable, problems = clean(box)
    assert usable.all() and cleaned.tolist() == [box] and not problems
