"""Selective search on photos: in the photo's pixels, cached, timed, in other processes."""

import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from shopee_od.detectors.proposers import cached_selective_search as module
from shopee_od.detectors.proposers.cached_selective_search import (
    SelectiveSearch,
    SelectiveSearchConfig,
)
from shopee_od.ops.boxes import box_iou

SEARCH = SelectiveSearch()


@pytest.fixture(autouse=True)
def cache_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def photo(shape_photo):
    return shape_photo(np.random.default_rng(3), 1, 100)


@pytest.fixture
def file(photo, tmp_path):
    Image.fromarray(photo[0]).save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


def test_the_shape_is_among_the_proposals_at_any_size(photo):
    image, box = photo
    large = np.asarray(Image.fromarray(image).resize((600, 720)))
    for shown, factor in ((image, 1), (large, 4)):
        proposals = SEARCH.search(shown)
        assert proposals.boxes.dtype == np.float32 and proposals.seconds > 0
        assert box_iou(proposals.boxes, np.array([box]) * factor).max() > 0.7
        assert (proposals.boxes >= 0).all()
        assert (proposals.boxes <= np.tile(shown.shape[1::-1], 2)).all()
    assert max(large.shape) > SEARCH.config.longest
    assert len(proposals.top(5)) == 5 and proposals.top(5).seconds == proposals.seconds


def test_a_detector_is_given_the_highest_ranked(photo):
    all_boxes = SEARCH.search(photo[0]).boxes
    few = SelectiveSearch(SelectiveSearchConfig(proposals=7)).propose(photo[0])
    np.testing.assert_array_equal(few.boxes, all_boxes[:7])


def test_what_was_prefetched_is_not_searched_again(photo, file, cache_home, tmp_path, monkeypatch):
    image, _ = photo
    before = SEARCH.search(image)
    assert not cache_home.exists(), "an image that is not prefetched is not cached"
    SEARCH.prefetch([file, str(tmp_path / "absent.png")])
    assert len(list(cache_home.rglob("*.npz"))) == 1
    monkeypatch.setattr(SelectiveSearch, "_search", None)
    after = SEARCH.search(image)
    np.testing.assert_array_equal(after.boxes, before.boxes)
    assert after.seconds > 0.001, "what the search took, not what reading took"
    SEARCH.prefetch([file])


def test_its_seconds_are_wall_time(photo, monkeypatch):
    """Also of what the processor does not do: the search waits here."""
    search = module.selective_search

    def slow(*arguments):
        time.sleep(0.2)
        return search(*arguments)

    monkeypatch.setattr(module, "selective_search", slow)
    assert SEARCH.search(photo[0]).seconds > 0.2


def test_another_version_or_config_searches_again(file, monkeypatch):
    SEARCH.prefetch([file])
    assert SEARCH._is_cached(file)
    for changes in ({"scales": (50,)}, {"color_spaces": ("rgb",)}, {"longest": 100}):
        assert not SelectiveSearch(replace(SEARCH.config, **changes))._is_cached(file)
    fewer = SelectiveSearch(replace(SEARCH.config, proposals=10))
    assert fewer._is_cached(file), "all proposals are cached, and each detector takes its first"
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert not SEARCH._is_cached(file)
