"""Warped crops by hand: the box, the context around it, and what is beyond the image."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.detectors.features.warped_crops import MEAN_COLOR, add_context, warp_crops

GRAY = np.full((60, 80, 3), 90, np.uint8)


def test_context_by_hand():
    """A box of 80 × 40 with a tenth of the crop on each side fills eight tenths: 10 and 5 more."""
    assert add_context([[20, 20, 100, 60]], 0.1).round(9).tolist() == [[10, 15, 110, 65]]
    assert add_context([[20, 20, 100, 60]], 0).tolist() == [[20, 20, 100, 60]]


def test_the_box_is_in_the_center_of_its_crop():
    """A red box in gray: of a crop of 100 with a tenth of context, rows 10 to 90 are red."""
    image = GRAY.copy()
    image[20:40, 20:60] = (200, 0, 0)
    [crop] = warp_crops(image, [[20, 20, 60, 40]], 100, 0.1)
    assert (crop[14:86, 14:86] == (200, 0, 0)).all()
    assert (crop[:6] == 90).all() and (crop[-6:] == 90).all()
    assert (crop[:, :6] == 90).all() and (crop[:, -6:] == 90).all()


def test_beyond_the_image_is_the_mean_color():
    """Of a box at the image's left edge, the left tenth of the crop is beyond it."""
    [crop] = warp_crops(GRAY, [[0, 20, 40, 40]], 100, 0.1)
    assert (crop[:, :8] == MEAN_COLOR).all() and (crop[:, 12:] == 90).all()


def test_without_context_at_its_own_size_a_crop_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    [crop] = warp_crops(image, [[10, 5, 58, 53]], 48, 0)
    np.testing.assert_array_equal(crop, image[5:53, 10:58])


def test_no_boxes_no_crops():
    assert warp_crops(GRAY, np.zeros((0, 4)), 32).shape == (0, 32, 32, 3)


@given(st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 40)] * 2), st.floats(0, 0.4))
def test_context_is_its_share_of_the_crop_on_every_side(box, context):
    x, y, width, height = box
    [[x1, y1, x2, y2]] = add_context([[x, y, x + width, y + height]], context)
    margins = np.array([x - x1, y - y1, x2 - x - width, y2 - y - height])
    sides = np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
    np.testing.assert_allclose(margins / sides, context, atol=1e-9)
