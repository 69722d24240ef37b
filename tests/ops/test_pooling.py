"""Pooling: by hand and by brute force, and RoIAlign beside Model Garden's."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops import pooling as module
from shopee_od.ops.pooling import (
    bilinear,
    bins,
    cut,
    level_of,
    max_in_bins,
    nearest_scale,
    pyramid_pool,
    pyramid_roi_align,
    roi_align,
    roi_max_pool,
    shift_error,
    whole_cells,
)

SIDES = st.integers(1, 25)
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2


def smooth_map(seed, side=24, channels=16):
    """float (side, side, channels): waves of every direction, 6 to 16 cells long."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(float)
    turn, length, start = (rng.uniform(low, high, channels) for low, high in ((0, 2 * np.pi), (6, 16), (0, 2 * np.pi)))
    along = x[..., None] * np.cos(turn) + y[..., None] * np.sin(turn)
    return np.sin(2 * np.pi * along / length + start)


def some_rois(rng, n, height, width):
    """Inside a photo of this size, of any size from under a pixel to all of it."""
    side = np.exp(rng.uniform(math.log(0.3), 0, (n, 2)) * rng.uniform(0.2, 3, (n, 1))) * [width, height]
    start = rng.uniform(0, 1, (n, 2)) * ([width, height] - side)
    return np.concatenate([start, start + side], axis=1)


def test_worked_examples():
    assert doctest.testmod(module) == (0, 9)  # failed, tried


@given(SIDES, st.integers(1, 30))
def test_bins_cover_all_cells_in_order_and_none_is_empty(length, n):
    found = bins(length, n)
    assert found[0, 0] == 0 and found[-1, 1] == length
    assert (found[:, 0] < found[:, 1]).all() and (np.diff(found, axis=0) >= 0).all()
    assert (found[1:, 0] <= found[:-1, 1]).all()
    assert found.tolist() == [[math.floor(k * length / n), math.ceil((k + 1) * length / n)] for k in range(n)]


@given(SIDES, SIDES, st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_the_maxima_are_those_of_looking_into_each_bin(height, width, n, seed):
    cells = np.random.default_rng(seed).normal(size=(height, width, 3))
    found = max_in_bins(cells, n)
    for i, (top, bottom) in enumerate(bins(height, n)):
        for j, (left, right) in enumerate(bins(width, n)):
            assert found[i, j].tolist() == [cells[top:bottom, left:right, c].max() for c in range(3)]


def test_where_bins_divide_the_map_it_is_tensorflows_max_pooling():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for n, height, width in ((1, 5, 9), (2, 6, 4), (3, 12, 6), (7, 14, 21), (7, 7, 7)):
        cells = rng.normal(size=(height, width, 4)).astype(np.float32)
        window = (height // n, width // n)
        np.testing.assert_array_equal(max_in_bins(cells, n), tf.nn.max_pool2d(cells[None], window, window, "VALID")[0])


@given(SIDES, SIDES, st.sampled_from([(1,), (1, 2, 4), (1, 2, 3, 6)]))
def test_a_map_of_any_size_gives_a_vector_of_one_length(height, width, levels):
    vector = pyramid_pool(np.random.default_rng(0).normal(size=(height, width, 5)), levels)
    assert vector.shape == (5 * sum(n * n for n in levels),)
    assert vector[:5].max() == vector.max()


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8, 16, 7.5]))
def test_the_cells_of_an_roi_are_those_with_their_middle_in_it(seed, stride):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    rois = some_rois(rng, 20, height * stride, width * stride)
    for roi, (x1, y1, x2, y2) in zip(rois, whole_cells(rois, stride, height, width), strict=True):
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        middles = [(np.arange(side) + 0.5) * stride for side in (width, height)]
        for first, last, start, end, middle in ((x1, x2, *roi[[0, 2]], middles[0]), (y1, y2, *roi[[1, 3]], middles[1])):
            inside = np.flatnonzero((middle >= start) & (middle < end))
            assert last - first == 1 if len(inside) == 0 else [first, last - 1] == [inside[0], inside[-1]]


def test_an_roi_beyond_the_map_is_its_nearest_cell():
    rois = np.array([[900, 900, 950, 990], [-90, -90, -50, -50], [20, 20, 20, 20]])
    assert whole_cells(rois, 16, 4, 6).tolist() == [[5, 3, 6, 4], [0, 0, 1, 1], [1, 1, 2, 2]]


def test_roi_pooling_is_a_pyramid_of_one_level_and_that_of_the_whole_photo_is_its_map():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(14, 10, 8))
    for roi in some_rois(rng, 100, 14 * 16, 10 * 16):
        np.testing.assert_array_equal(
            roi_max_pool(features, roi, 16, 6).ravel(), pyramid_pool(cut(features, roi, 16), (6,))
        )
    np.testing.assert_array_equal(cut(features, np.array([0, 0, 160, 224]), 16), features)


def test_rounding_keeps_values_as_they_are_and_lets_them_leap():
    features = np.random.default_rng(0).normal(size=(20, 20, 4))
    roi = np.array([32, 48, 144, 160])
    at_rest = roi_max_pool(features, roi, 16)
    for moved in (-8, -3, 3, 7.9):
        np.testing.assert_array_equal(roi_max_pool(features, roi + moved, 16), at_rest)
    assert np.abs(roi_max_pool(features, roi + 8, 16) - at_rest).mean() > 0.1


@given(st.integers(0, 2**32 - 1))
def test_between_cells_it_is_scipys_interpolation(seed):
    from scipy.interpolate import RegularGridInterpolator

    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 12, 2)
    features = rng.normal(size=(height, width, 3))
    y, x = rng.uniform(0, height - 1, 5), rng.uniform(0, width - 1, 7)
    expected = RegularGridInterpolator((range(height), range(width)), features)
    np.testing.assert_allclose(
        bilinear(features, y, x), expected(np.stack(np.meshgrid(y, x, indexing="ij"), -1)), atol=1e-9
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 3))
def test_roi_align_of_a_plane_is_the_plane_at_the_middles_of_the_bins(seed, size, samples):
    """Whatever the samples: their mean is the value in the middle."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:12, :12].astype(float)
    slope, across = rng.normal(size=2)
    start = rng.uniform(0, 80, 2)
    x1, y1, x2, y2 = [*start, *(start + rng.uniform(0, 88 - start))]
    found = roi_align((slope * y + across * x)[..., None], np.array([x1, y1, x2, y2]), 8, size, samples)
    middles = (np.arange(size) + 0.5) / size
    rows, columns = (y1 + middles * (y2 - y1)) / 8, (x1 + middles * (x2 - x1)) / 8
    np.testing.assert_allclose(found[:, :, 0], slope * rows[:, None] + across * columns, atol=1e-9)


@given(st.floats(1, 2000), st.floats(0.2, 5))
def test_an_roi_is_pooled_where_it_is_nearest_to_imagenets_size(side, aspect):
    """Whatever its shape; in pixels squared, so that a little too large is further off than as much too small."""
    roi = np.array([[10, 20, 10 + side * aspect, 20 + side / aspect]])
    [chosen] = nearest_scale(roi, [0.5, 1, 2, 4])
    off = [abs((side * scale) ** 2 - 224**2) for scale in (0.5, 1, 2, 4)]
    assert off[chosen] <= min(off) * (1 + 1e-6)
    assert nearest_scale(np.zeros((0, 4)), [1, 2]).shape == (0,)


def some_pyramid(rng, case, largest):
    """By level float32 (h, w, 1), values from 0 to 1; 40 RoIs on it, one of them empty, some on the edges."""
    lowest, highest = ((3, 5), (2, 6), (2, 5), (4, 4))[case % 4]
    height, width = rng.integers(1, largest // 64 + 1, 2) * 64
    sizes = {k: (height // 2**k, width // 2**k, 1) for k in range(lowest, highest + 1)}
    features = {k: rng.uniform(0, 1, size).astype(np.float32) for k, size in sizes.items()}
    rois = some_rois(rng, 40, height, width).astype(np.float32)
    rois[:3] = [[0, 0, width, height], [width, 0, width, height], [width - 1, height - 1, width, height]]
    return features, rois, (7, 7, 5, 14)[case % 4]


def test_levels_and_roi_align_are_model_gardens():
    """100 pyramids of canvases up to 384 pixels a side, 40 RoIs each."""
    from official.vision.modeling.layers.roi_aligner import MultilevelROIAligner

    rng = np.random.default_rng(0)
    for case in range(100):
        features, rois, size = some_pyramid(rng, case, 384)
        theirs = MultilevelROIAligner(size)({str(k): v[None] for k, v in features.items()}, rois[None][..., YX])
        np.testing.assert_allclose(pyramid_roi_align(features, rois, size), theirs[0], atol=1e-5)


def test_roi_align_is_model_gardens_to_the_last_digits_where_it_computes_in_float64():
    """On large canvases, 60 of them, float32 holds a place to 1e-5 cells only: here it is out of the way."""
    import tensorflow as tf
    from official.vision.ops.spatial_transform_ops import multilevel_crop_and_resize

    rng, seen = np.random.default_rng(1), np.zeros(7, int)
    for case in range(60):
        features, rois, size = some_pyramid(rng, case, 1024)
        maps = {str(k): tf.constant(v[None], tf.float64) for k, v in features.items()}
        theirs = multilevel_crop_and_resize(maps, tf.constant(rois[None][..., YX], tf.float64), size)
        np.testing.assert_allclose(pyramid_roi_align(features, rois, size), theirs[0], atol=1e-12)
        seen += np.bincount(level_of(rois, min(features), max(features)), minlength=7)
    assert seen[2:6].min() > 50, seen


def test_sides_that_are_powers_of_two_change_level_with_model_garden():
    """At 56, 112, 224, 448 pixels a side, and just under, the level shows in the value pooled."""
    from official.vision.modeling.layers.roi_aligner import MultilevelROIAligner

    features = {k: np.full((512 // 2**k, 512 // 2**k, 1), k, np.float32) for k in range(2, 7)}
    sides = np.array([28, 56, 112, 224, 448, 55.9, 111.9, 223.9, 447.9])
    rois = np.stack([0 * sides, 0 * sides, sides, sides], axis=1).astype(np.float32)
    theirs = MultilevelROIAligner(1)({str(k): v[None] for k, v in features.items()}, rois[None])
    assert level_of(rois, 2, 6).tolist() == [2, 2, 3, 4, 5, 2, 2, 3, 4]
    np.testing.assert_allclose(theirs[0, :, 0, 0, 0], level_of(rois, 2, 6), atol=1e-5)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rounding_costs_roi_pooling_an_order_more_than_roi_align_anywhere(seed, stride):
    """Moved by fractions of a stride over a smooth map; nothing where the RoI lies on whole cells again."""
    roi = np.array([4, 5, 15, 14]) * stride
    shifts = np.arange(0, 1.01, 0.125) * stride
    pooled, aligned = (shift_error(pool, smooth_map(seed), roi, stride, shifts) for pool in (roi_max_pool, roi_align))
    print("RoI pooling", pooled.round(4), "RoIAlign", aligned.round(4))
    np.testing.assert_allclose([*pooled[[0, -1]], *aligned[[0, -1]]], 0, atol=1e-2)
    assert (pooled[1:-1] > 5 * aligned[1:-1]).all()
    assert pooled.argmax() == len(shifts) // 2 and pooled.max() > 0.15 and aligned.max() < 0.03
