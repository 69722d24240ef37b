"""Warped crops by hand: what lies in the box, the context around it, and nothing beyond the photo."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.detectors.crops import BEYOND, warped, with_context

GREY = np.full((60, 80, 3), 90, np.uint8)


def test_context_by_hand():
    """A box of 80 × 40 with a tenth of the crop on each side: it fills eight tenths, so 10 and 5 pixels are added."""
    assert with_context([[20, 20, 100, 60]], 0.1).round(9).tolist() == [[10, 15, 110, 65]]
    assert with_context([[20, 20, 100, 60]], 0).tolist() == [[20, 20, 100, 60]]


def test_the_box_lies_in_the_middle_of_its_crop():
    """A red box of 40 × 20 in grey: of a crop of 100 with a tenth of context, rows and columns 10 to 90 are red."""
    image = GREY.copy()
    image[20:40, 20:60] = (200, 0, 0)
    [crop] = warped(image, [[20, 20, 60, 40]], 100, 0.1)
    assert (crop[14:86, 14:86] == (200, 0, 0)).all()
    assert (
        (crop[:6] == 90).all() and (crop[-6:] == 90).all() and (crop[:, :6] == 90).all() and (crop[:, -6:] == 90).all()
    )


def test_beyond_the_photo_is_the_mean_colour():
    """The left tenth of the crop of a box at the photo's left edge shows what is not there."""
    [crop] = warped(GREY, [[0, 20, 40, 40]], 100, 0.1)
    assert (crop[:, :8] == BEYOND).all() and (crop[:, 12:] == 90).all()


def test_without_context_at_its_own_size_a_crop_is_the_photo():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    [crop] = warped(image, [[10, 5, 58, 53]], 48, 0)
    np.testing.assert_array_equal(crop, image[5:53, 10:58])


def test_no_boxes_no_crops():
    assert warped(GREY, np.zeros((0, 4)), 32).shape == (0, 32, 32, 3)


@given(st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 40)] * 2), st.floats(0, 0.4))
def test_context_is_its_share_of_the_crop_on_every_side(box, context):
    x, y, wide, high = box
    [[x1, y1, x2, y2]] = with_context([[x, y, x + wide, y + high]], context)
    sides = np.array([x - x1, y - y1, x2 - x - wide, y2 - y - high]) / [x2 - x1, y2 - y1, x2 - x1, y2 - y1]
    np.testing.assert_allclose(sides, context, atol=1e-9)
