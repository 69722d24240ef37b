import numpy as np
import pytest

from shopee_od.datasets.masks import MaskError, garment_box, require_whole


def rectangle(x1, y1, x2, y2, height=60, width=50):
    """bool (H, W), true in a rectangle."""
    mask = np.zeros((height, width), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def test_garment_box():
    mask = rectangle(10, 20, 40, 50)
    assert garment_box(mask) == (10, 20, 40, 50)
    mask[0:4, 0:4] = True  # 16 of 916 pixels: a speck
    assert garment_box(mask) == (10, 20, 40, 50)
    mask[0:8, 0:8] = True  # 64 of 964: a part
    assert garment_box(mask) == (0, 0, 40, 50)
    assert garment_box(rectangle(0, 0, 10, 19)) is None
    assert garment_box(rectangle(0, 0, 10, 20)) == (0, 0, 10, 20)


def test_a_garment_of_nothing_but_specks_keeps_the_largest():
    mask = np.zeros((60, 60), bool)
    mask[::4, ::2] = True  # 450 parts of one pixel
    mask[50, 10:12] = True
    assert garment_box(mask) is not None


def test_worn_garments_that_are_hidden_are_refused():
    mask = rectangle(30, 10, 70, 90, 100, 100)
    require_whole(mask, "upper")
    divided = mask.copy()
    divided[40:50] = False
    with pytest.raises(MaskError, match="in several parts"):
        require_whole(divided, "upper")
    bitten = mask.copy()
    bitten[20:60, 30:55] = False
    with pytest.raises(MaskError, match="partly hidden"):
        require_whole(bitten, "upper")
    legs = mask.copy()
    legs[30:, 42:58] = False
    require_whole(legs, "lower")
    with pytest.raises(MaskError, match="partly hidden"):
        require_whole(legs, "full")
