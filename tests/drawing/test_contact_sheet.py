import numpy as np
import pytest

from shopee_od import drawing


def test_a_contact_sheet_holds_images_of_different_sizes():
    sizes = ((50, 100, 10), (300, 100, 90), (9, 9, 170))
    images = [np.full((h, w, 3), value, np.uint8) for h, w, value in sizes]
    captions = ["one", "a long caption " * 20, ""]
    sheet = drawing.make_contact_sheet(images, columns=2, captions=captions, cell=120)
    colors = {tuple(color) for color in np.asarray(sheet).reshape(-1, 3).tolist()}
    assert {(10,) * 3, (90,) * 3, (170,) * 3} <= colors
    assert sheet.width == 4 + 2 * 124
    assert drawing.make_contact_sheet(images[:1], columns=5, cell=120).width < sheet.width
    with pytest.raises(ValueError, match="at least one"):
        drawing.make_contact_sheet([])
