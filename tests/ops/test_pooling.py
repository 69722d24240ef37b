"""Pooling: by hand and by brute force; RoIAlign equal to Model Garden's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops.pooling import (
    assign_fpn_level,
    assign_image_scale,
    bilinear_interpolate,
    crop_features,
    max_pool_bins,
    multilevel_roi_align,
    pooling_bins,
    pyramid_pool,
    quantize_rois,
    roi_align,
    roi_max_pool,
    shift_error,
)

SIDES = st.integers(1, 25)
YX = [1, 0, 3, 2]  # Model Garden's y1, x1, y2, x2


def smooth_map(seed, side=24, channels=16):
    """float (side, side, channels): waves in random directions, 6 to 16 cells long."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(float)
    direction = rng.uniform(0, 2 * np.pi, channels)
    wavelength = rng.uniform(6, 16, channels)
    phase = rng.uniform(0, 2 * np.pi, channels)
    distance = x[..., None] * np.cos(direction) + y[..., None] * np.sin(direction)
    return np.sin(2 * np.pi * distance / wavelength + phase)


def random_rois(rng, n, height, width):
    """(n, 4) inside an image of this size, from less than a pixel to all of it."""
    fraction = np.exp(rng.uniform(math.log(0.3), 0, (n, 2)) * rng.uniform(0.2, 3, (n, 1)))
    side = fraction * [width, height]
    start = rng.uniform(0, 1, (n, 2)) * ([width, height] - side)
    return np.concatenate([start, start + side], axis=1)


@given(SIDES, st.integers(1, 30))
def test_bins_cover_all_cells_in_order_and_none_is_empty(length, n):
    bins = pooling_bins(length, n)
    assert bins[0, 0] == 0 and bins[-1, 1] == length
    assert (bins[:, 0] < bins[:, 1]).all() and (np.diff(bins, axis=0) >= 0).all()
    assert (bins[1:, 0] <= bins[:-1, 1]).all()
    assert bins.tolist() == [
        [math.floor(k * length / n), math.ceil((k + 1) * length / n)] for k in range(n)
    ]


@given(SIDES, SIDES, st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_maxima_equal_those_of_a_loop_over_bins(height, width, n, seed):
    cells = np.random.default_rng(seed).normal(size=(height, width, 3))
    pooled = max_pool_bins(cells, n)
    for i, (top, bottom) in enumerate(pooling_bins(height, n)):
        for j, (left, right) in enumerate(pooling_bins(width, n)):
            assert pooled[i, j].tolist() == [
                cells[top:bottom, left:right, c].max() for c in range(3)
            ]


@pytest.mark.slow
def test_bins_of_equal_size_equal_tensorflows_max_pooling():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for n, height, width in ((1, 5, 9), (2, 6, 4), (3, 12, 6), (7, 14, 21), (7, 7, 7)):
        cells = rng.normal(size=(height, width, 4)).astype(np.float32)
        window = (height // n, width // n)
        np.testing.assert_array_equal(
            max_pool_bins(cells, n), tf.nn.max_pool2d(cells[None], window, window, "VALID")[0]
        )


@given(SIDES, SIDES, st.sampled_from([(1,), (1, 2, 4), (1, 2, 3, 6)]))
def test_maps_of_any_size_give_vectors_of_the_same_length(height, width, levels):
    vector = pyramid_pool(np.random.default_rng(0).normal(size=(height, width, 5)), levels)
    assert vector.shape == (5 * sum(n * n for n in levels),)
    assert vector[:5].max() == vector.max()


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8, 16, 7.5]))
def test_the_cells_of_an_roi_are_those_whose_center_is_inside(seed, stride):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    rois = random_rois(rng, 20, height * stride, width * stride)
    for roi, (x1, y1, x2, y2) in zip(rois, quantize_rois(rois, stride, height, width), strict=True):
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        for first, end, start_px, end_px, num_cells in (
            (x1, x2, *roi[[0, 2]], width),
            (y1, y2, *roi[[1, 3]], height),
        ):
            center = (np.arange(num_cells) + 0.5) * stride
            inside = np.flatnonzero((center >= start_px) & (center < end_px))
            if len(inside):
                assert [first, end - 1] == [inside[0], inside[-1]]
            else:
                assert end - first == 1


def test_an_roi_outside_the_map_is_the_nearest_cell():
    rois = np.array([[900, 900, 950, 990], [-90, -90, -50, -50], [20, 20, 20, 20]])
    assert quantize_rois(rois, 16, 4, 6).tolist() == [[5, 3, 6, 4], [0, 0, 1, 1], [1, 1, 2, 2]]


def test_roi_pooling_is_a_pyramid_of_one_level():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(14, 10, 8))
    for roi in random_rois(rng, 100, 14 * 16, 10 * 16):
        np.testing.assert_array_equal(
            roi_max_pool(features, roi, 16, 6).ravel(),
            pyramid_pool(crop_features(features, roi, 16), (6,)),
        )
    np.testing.assert_array_equal(crop_features(features, np.array([0, 0, 160, 224]), 16), features)


def test_because_of_rounding_values_stay_the_same_and_then_jump():
    features = np.random.default_rng(0).normal(size=(20, 20, 4))
    roi = np.array([32, 48, 144, 160])
    pooled = roi_max_pool(features, roi, 16)
    for shift in (-8, -3, 3, 7.9):
        np.testing.assert_array_equal(roi_max_pool(features, roi + shift, 16), pooled)
    assert np.abs(roi_max_pool(features, roi + 8, 16) - pooled).mean() > 0.1


@given(st.integers(0, 2**32 - 1))
def test_bilinear_interpolation_equals_scipys(seed):
    from scipy.interpolate import RegularGridInterpolator

    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 12, 2)
    features = rng.normal(size=(height, width, 3))
    y, x = rng.uniform(0, height - 1, 5), rng.uniform(0, width - 1, 7)
    expected = RegularGridInterpolator((range(height), range(width)), features)
    np.testing.assert_allclose(
        bilinear_interpolate(features, y, x),
        expected(np.stack(np.meshgrid(y, x, indexing="ij"), -1)),
        atol=1e-9,
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 3))
def test_roi_align_of_a_plane_is_the_plane_at_the_centers_of_the_bins(seed, size, samples):
    """With any number of samples: their mean is the value at the center."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:12, :12].astype(float)
    slope_y, slope_x = rng.normal(size=2)
    plane = (slope_y * y + slope_x * x)[..., None]
    start = rng.uniform(0, 80, 2)
    x1, y1, x2, y2 = roi = np.concatenate([start, start + rng.uniform(0, 88 - start)])
    pooled = roi_align(plane, roi, 8, size, samples)
    centers = (np.arange(size) + 0.5) / size
    rows = (y1 + centers * (y2 - y1)) / 8
    columns = (x1 + centers * (x2 - x1)) / 8
    expected = slope_y * rows[:, None] + slope_x * columns
    np.testing.assert_allclose(pooled[:, :, 0], expected, atol=1e-9)


@given(st.floats(1, 2000), st.floats(0.2, 5))
def test_an_roi_is_pooled_at_the_scale_closest_to_imagenets_size(side, aspect):
    """At any aspect ratio; closest in area, not in side."""
    roi = np.array([[10, 20, 10 + side * aspect, 20 + side / aspect]])
    [index] = assign_image_scale(roi, [0.5, 1, 2, 4])
    difference = [abs((side * scale) ** 2 - 224**2) for scale in (0.5, 1, 2, 4)]
    assert difference[index] <= min(difference) * (1 + 1e-6)
    assert assign_image_scale(np.zeros((0, 4)), [1, 2]).shape == (0,)


def random_pyramid(rng, case, max_side):
    """float32 (h, w, 1) in [0, 1] of each level; 40 RoIs, one empty, some on the edges; size."""
    lowest, highest = ((3, 5), (2, 6), (2, 5), (4, 4))[case % 4]
    height, width = rng.integers(1, max_side // 64 + 1, 2) * 64
    sizes = {k: (height // 2**k, width // 2**k, 1) for k in range(lowest, highest + 1)}
    features = {k: rng.uniform(0, 1, size).astype(np.float32) for k, size in sizes.items()}
    rois = random_rois(rng, 40, height, width).astype(np.float32)
    rois[:3] = [
        [0, 0, width, height],
        [width, 0, width, height],
        [width - 1, height - 1, width, height],
    ]
    return features, rois, (7, 7, 5, 14)[case % 4]


@pytest.mark.slow
def test_levels_and_roi_align_equal_model_gardens():
    """100 pyramids of canvases up to 384 pixels a side, 40 RoIs each."""
    from official.vision.modeling.layers.roi_aligner import MultilevelROIAligner

    rng = np.random.default_rng(0)
    for case in range(100):
        features, rois, size = random_pyramid(rng, case, 384)
        theirs = MultilevelROIAligner(size)(
            {str(k): v[None] for k, v in features.items()}, rois[None][..., YX]
        )
        np.testing.assert_allclose(multilevel_roi_align(features, rois, size), theirs[0], atol=1e-5)


@pytest.mark.slow
def test_roi_align_equals_model_gardens_to_1e_12_in_float64():
    """60 large canvases, on which float32 coordinates are only exact to 1e-5 cells."""
    import tensorflow as tf
    from official.vision.ops.spatial_transform_ops import multilevel_crop_and_resize

    rng = np.random.default_rng(1)
    counts = np.zeros(7, int)
    for case in range(60):
        features, rois, size = random_pyramid(rng, case, 1024)
        maps = {str(k): tf.constant(v[None], tf.float64) for k, v in features.items()}
        theirs = multilevel_crop_and_resize(
            maps, tf.constant(rois[None][..., YX], tf.float64), size
        )
        np.testing.assert_allclose(
            multilevel_roi_align(features, rois, size), theirs[0], atol=1e-12
        )
        counts += np.bincount(assign_fpn_level(rois, min(features), max(features)), minlength=7)
    assert counts[2:6].min() > 50, counts


@pytest.mark.slow
def test_rois_change_level_at_the_same_sides_as_in_model_garden():
    """At sides of 56, 112, 224, 448 pixels and just below; each map holds its own level."""
    from official.vision.modeling.layers.roi_aligner import MultilevelROIAligner

    features = {k: np.full((512 // 2**k, 512 // 2**k, 1), k, np.float32) for k in range(2, 7)}
    sides = np.array([28, 56, 112, 224, 448, 55.9, 111.9, 223.9, 447.9])
    rois = np.stack([0 * sides, 0 * sides, sides, sides], axis=1).astype(np.float32)
    theirs = MultilevelROIAligner(1)({str(k): v[None] for k, v in features.items()}, rois[None])
    assert assign_fpn_level(rois, 2, 6).tolist() == [2, 2, 3, 4, 5, 2, 2, 3, 4]
    np.testing.assert_allclose(theirs[0, :, 0, 0, 0], assign_fpn_level(rois, 2, 6), atol=1e-5)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_roi_pooling_has_a_much_larger_shift_error_than_roi_align(seed, stride):
    """Shifts by fractions of a stride on a smooth map; no error at whole cells."""
    roi = np.array([4, 5, 15, 14]) * stride
    shifts = np.arange(0, 1.01, 0.125) * stride
    features = smooth_map(seed)
    pooled = shift_error(roi_max_pool, features, roi, stride, shifts)
    aligned = shift_error(roi_align, features, roi, stride, shifts)
    print("RoI pooling", pooled.round(4), "RoIAlign", aligned.round(4))
    np.testing.assert_allclose([*pooled[[0, -1]], *aligned[[0, -1]]], 0, atol=1e-2)
    assert (pooled[1:-1] > 5 * aligned[1:-1]).all()
    assert pooled.argmax() == len(shifts) // 2 and pooled.max() > 0.15 and aligned.max() < 0.03
