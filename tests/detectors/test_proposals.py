"""Proposals of photos: in the photo's pixels, kept, timed, searched in other processes."""

import numpy as np
import pytest
from PIL import Image

from shopee_od.detectors import proposals as module
from shopee_od.detectors.proposals import LONGEST, prepare, proposals
from shopee_od.ops.boxes import iou


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photo(shape_photo):
    return shape_photo(np.random.default_rng(3), 1, 100)


def test_the_shape_is_among_them_whatever_the_photos_size(photo):
    image, box = photo
    large = np.asarray(Image.fromarray(image).resize((600, 720)))
    for shown, factor in ((image, 1), (large, 4)):
        found = proposals(shown)
        assert found.boxes.dtype == np.float32 and found.seconds > 0
        assert iou(found.boxes, np.array([box]) * factor).max() > 0.7
        assert (found.boxes >= 0).all() and (found.boxes <= np.tile(shown.shape[1::-1], 2)).all()
    assert max(large.shape) > LONGEST
    assert len(found.first(5).boxes) == 5 and found.first(5).seconds == found.seconds


def test_what_was_prepared_is_not_searched_again(photo, home, tmp_path, monkeypatch):
    image, _ = photo
    Image.fromarray(image).save(tmp_path / "a.png")
    before = proposals(image)
    assert not home.exists()  # a photo that comes by is not kept
    prepare([str(tmp_path / "a.png"), str(tmp_path / "absent.png")])
    assert len(list(home.rglob("*.npz"))) == 1
    monkeypatch.setattr(module, "_search", None)
    after = proposals(image)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    assert after.seconds > 0.001  # what the search took, not what reading took
    prepare([str(tmp_path / "a.png")])


def test_another_version_searches_again(photo, tmp_path, home, monkeypatch):
    Image.fromarray(photo[0]).save(tmp_path / "a.png")
    prepare([str(tmp_path / "a.png")])
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert not module._is_held(str(tmp_path / "a.png"))
