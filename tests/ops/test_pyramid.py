"""The image pyramid and its windows."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import pyramid_gaussian

from shopee_od.ops.pyramid import (
    boxes_to_image,
    count_windows,
    image_pyramid,
    level_sizes,
    sliding_windows,
    window_grid,
)


@pytest.mark.parametrize(
    ("height", "width", "downscale"),
    [(300, 200, 1.25), (299, 225, 2.0), (64, 640, 1.5), (97, 101, 1.1)],
)
def test_level_sizes_equal_scikit_images(height, width, downscale):
    levels = pyramid_gaussian(np.zeros((height, width)), downscale=downscale)
    theirs = [level.shape for level in levels]
    ours = level_sizes(height, width, (1, 1), downscale)
    assert ours == theirs[: len(ours)]
    assert len(ours) >= len(theirs) - 1 and min(ours[-1]) >= 1
    large = level_sizes(height, width, (32, 32), downscale)
    assert large == [size for size in ours if min(size) >= 32]


def test_a_level_is_a_smaller_version_of_the_image():
    image = np.zeros((80, 120, 3), np.uint8)
    image[20:60, 30:90] = 200
    levels = list(image_pyramid(image, (16, 16), 2.0))
    assert [level.shape for level in levels] == [(80, 120, 3), (40, 60, 3), (20, 30, 3)]
    np.testing.assert_array_equal(levels[0], image)
    for level in levels:
        assert level.dtype == np.uint8 and level.min() >= 0 and level.max() <= 200
        assert abs(level.mean() - image.mean()) < 1
        height, width, _ = level.shape
        assert level[height // 2, width // 2].tolist() == pytest.approx([200] * 3, abs=1)


def test_the_pyramid_is_lazy():
    levels = image_pyramid(np.zeros((5000, 5000, 3), np.uint8), (16, 16))
    assert next(levels).shape == (5000, 5000, 3)  # no other level is computed


@given(*[st.integers(1, 60)] * 4, st.integers(1, 12))
def test_every_window_is_inside_and_none_is_missing(
    height, width, window_height, window_width, stride
):
    window = (window_height, window_width)
    windows = window_grid(height, width, window, stride)
    assert len(windows) == count_windows(height, width, window, stride)
    corners = itertools.product(range(0, height, stride), range(0, width, stride))
    expected = [
        [x, y, x + window_width, y + window_height]
        for y, x in corners
        if y + window_height <= height and x + window_width <= width
    ]
    assert windows.tolist() == expected


def test_windows_of_several_shapes_at_every_level():
    image = np.zeros((100, 60, 3), np.uint8)
    results = list(sliding_windows(image, [(64, 32), (32, 48)], 8))
    counts = [(level.shape[:2], shape, len(windows)) for level, shape, windows in results]
    assert counts[0] == ((100, 60), (64, 32), 20) and counts[1] == ((100, 60), (32, 48), 18)
    sizes_and_shapes = [(size, shape) for size, shape, _ in counts]
    assert ((64, 39), (32, 48)) not in sizes_and_shapes  # too narrow for that shape
    for level, _, windows in results:
        boxes = boxes_to_image(windows, level.shape[:2], (100, 60))
        assert (boxes >= 0).all()
        assert (boxes[:, 2:] <= [60 + 1e-9, 100 + 1e-9]).all()
