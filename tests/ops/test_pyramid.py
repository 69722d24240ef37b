"""The image pyramid and its windows."""

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import pyramid_gaussian

from shopee_od.ops import pyramid as module
from shopee_od.ops.pyramid import count_windows, level_sizes, pyramid, sliding_windows, to_photo, windows


def test_worked_examples():
    assert doctest.testmod(module) == (0, 4)  # failed, tried


@pytest.mark.parametrize(
    ("height", "width", "step"), [(300, 200, 1.25), (299, 225, 2.0), (64, 640, 1.5), (97, 101, 1.1)]
)
def test_level_sizes_are_scikit_images(height, width, step):
    theirs = [level.shape for level in pyramid_gaussian(np.zeros((height, width)), downscale=step)]
    ours = level_sizes(height, width, (1, 1), step)
    assert ours == theirs[: len(ours)]
    assert len(ours) >= len(theirs) - 1 and min(ours[-1]) >= 1
    large = level_sizes(height, width, (32, 32), step)
    assert large == [size for size in ours if min(size) >= 32]


def test_a_level_shows_the_photo_smaller():
    image = np.zeros((80, 120, 3), np.uint8)
    image[20:60, 30:90] = 200
    levels = list(pyramid(image, (16, 16), 2.0))
    assert [level.shape for level in levels] == [(80, 120, 3), (40, 60, 3), (20, 30, 3)]
    np.testing.assert_array_equal(levels[0], image)
    for level in levels:
        assert level.dtype == np.uint8 and level.min() >= 0 and level.max() <= 200
        assert abs(level.mean() - image.mean()) < 1
        height, width, _ = level.shape
        assert level[height // 2, width // 2].tolist() == pytest.approx([200] * 3, abs=1)


def test_the_pyramid_is_lazy():
    levels = pyramid(np.zeros((5000, 5000, 3), np.uint8), (16, 16))
    assert next(levels).shape == (5000, 5000, 3)  # none of the others was made


@given(*[st.integers(1, 60)] * 4, st.integers(1, 12))
def test_every_window_lies_inside_and_none_is_missing(height, width, down, across, stride):
    found = windows(height, width, (down, across), stride)
    assert len(found) == count_windows(height, width, (down, across), stride)
    places = itertools.product(range(0, height, stride), range(0, width, stride))
    fitting = [[x, y, x + across, y + down] for y, x in places if y + down <= height and x + across <= width]
    assert found.tolist() == fitting


def test_windows_of_several_shapes_at_every_level():
    image = np.zeros((100, 60, 3), np.uint8)
    found = [
        (level.shape[:2], shape, len(boxes)) for level, shape, boxes in sliding_windows(image, [(64, 32), (32, 48)], 8)
    ]
    assert found[0] == ((100, 60), (64, 32), 20) and found[1] == ((100, 60), (32, 48), 18)
    assert ((64, 39), (32, 48)) not in [each[:2] for each in found]  # too narrow for that shape
    for level, _, boxes in sliding_windows(image, [(64, 32), (32, 48)], 8):
        in_photo = to_photo(boxes, level.shape[:2], (100, 60))
        assert (in_photo >= 0).all() and (in_photo[:, 2] <= 60 + 1e-9).all() and (in_photo[:, 3] <= 100 + 1e-9).all()
