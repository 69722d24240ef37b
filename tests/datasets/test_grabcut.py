from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.datasets.grabcut import segment_garment
from shopee_od.datasets.masks import MaskError, mask_bounds

TROUSERS = np.array(
    [(80, 40), (160, 40), (180, 270), (135, 270), (120, 110), (105, 270), (60, 270)]
)
BOX = np.array([60, 40, 181, 271])
JEANS, WOOD = (40, 50, 110), (180, 140, 90)


def render(polygon=TROUSERS, color=JEANS, ground=WOOD, seed=0):
    """A garment on a floor, both with some texture; uint8 (320, 240, 3), and its mask."""
    mask = np.zeros((320, 240), np.uint8)
    cv2.fillPoly(mask, [polygon], 1)
    photo = np.where(mask[..., None] > 0, color, ground)
    noise = np.random.default_rng(seed).normal(0, 8, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8), mask > 0


def iou(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def test_the_floor_between_the_legs_is_not_part_of_trousers():
    photo, mask = render()
    result = segment_garment(photo, BOX)
    assert result.dtype == bool and result.shape == mask.shape
    assert iou(result, mask) > 0.96 and not result[250, 120]
    assert np.abs(np.subtract(mask_bounds(result), BOX)).max() <= 3


def test_the_same_photo_gets_the_same_mask_in_any_thread():
    photos = [render(seed=seed)[0] for seed in range(3)] * 2
    with ThreadPoolExecutor(2) as pool:
        masks = list(pool.map(lambda photo: segment_garment(photo, BOX), photos))
    for first, second in zip(masks[:3], masks[3:], strict=True):
        np.testing.assert_array_equal(first, second)


def test_large_photos_get_masks_of_their_size():
    photo, mask = render()
    large = cv2.resize(photo, (960, 1280))
    result = segment_garment(large, BOX * 4)
    assert result.shape == (1280, 960)
    assert iou(result, cv2.resize(mask.astype(np.uint8), (960, 1280)) > 0) > 0.95


def test_a_small_print_in_the_color_of_the_floor_is_filled():
    photo, _ = render()
    cv2.circle(photo, (120, 75), 6, WOOD, -1)
    assert segment_garment(photo, BOX)[75, 120]
    cv2.circle(photo, (120, 75), 18, WOOD, -1)
    with pytest.raises(MaskError, match="mask has holes: garment left out"):
        segment_garment(photo, BOX)


def test_the_hook_of_a_hanger_is_dropped():
    photo, mask = render()
    cv2.line(photo, (120, 41), (120, 20), JEANS, 2)
    result = segment_garment(photo, BOX - (0, 6, 0, 0))
    assert not result[:36].any() and iou(result, mask) > 0.95


def test_masks_that_cannot_be_trusted_are_refused():
    photo, _ = render()
    with pytest.raises(MaskError, match="fills the photo"):
        segment_garment(photo, np.array([0, 0, 240, 318]))
    with pytest.raises(MaskError, match="does not fill its box"):
        segment_garment(photo, BOX - (40, 0, 0, 0))
    with pytest.raises(MaskError):
        segment_garment(render(color=WOOD)[0], BOX)
    rectangle = np.array([(60, 40), (180, 40), (180, 270), (60, 270)])
    with pytest.raises(MaskError, match="mask of unlikely shape"):
        segment_garment(render(rectangle)[0], BOX)


def test_a_blanket_that_the_box_cuts_off_is_refused():
    photo, mask = render()
    ground, _ = render(ground=(60, 50, 80))  # the blanket
    blanket = np.zeros_like(mask)
    blanket[100:265, 120:181] = True
    photo[blanket] = ground[blanket]
    with pytest.raises(MaskError, match="mask cut off by its box: garment left out"):
        segment_garment(photo, BOX)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4), st.integers(0, 2), st.booleans())
def test_any_photo_and_box_give_a_mask_or_a_reason(box, seed, is_flat):
    photo = np.random.default_rng(seed).integers(0, 255, (60, 50, 3), np.uint8)
    if is_flat:
        photo[:] = 128
    with suppress(MaskError):
        mask = segment_garment(photo, np.sort(np.array(box).reshape(2, 2), axis=0).ravel())
        assert mask.any() and mask.shape == (60, 50)
