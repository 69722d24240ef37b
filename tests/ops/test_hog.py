"""Histograms of oriented gradients: equal to scikit-image's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import feature

from shopee_od.ops.hog import cell_histograms, gradients, hog, normalize_blocks


@given(st.integers(0, 2**32 - 1), st.integers(16, 70), st.integers(16, 70), st.booleans())
def test_hog_equals_scikit_images(seed, height, width, has_color):
    rng = np.random.default_rng(seed)
    shape = (height, width, 3) if has_color else (height, width)
    image = rng.integers(0, 256, shape).astype(np.float64)
    theirs = feature.hog(
        image,
        9,
        (8, 8),
        (2, 2),
        block_norm="L2-Hys",
        channel_axis=-1 if has_color else None,
        feature_vector=True,
    )
    np.testing.assert_allclose(hog(image), theirs, atol=1e-5)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_an_edge_votes_for_the_bin_of_its_orientation(degrees):
    y, x = np.indices((32, 32)) - 16
    angle = np.radians(degrees)
    image = np.tanh((x * np.cos(angle) + y * np.sin(angle)) / 2) * 100
    magnitude, orientation = gradients(image)
    error = abs((orientation[magnitude > 20] - degrees + 90) % 180 - 90)
    assert np.median(error) < 5
    fullest_bin = cell_histograms(image).sum(axis=(0, 1)).argmax()
    assert fullest_bin in {int(((degrees + d) % 180) / 20) for d in (-3, 3)}


def test_a_uniform_image_has_no_gradients():
    assert not hog(np.full((64, 64, 3), 77)).any()


@given(st.floats(0.2, 3), st.floats(-50, 50))
def test_brightness_and_contrast_make_almost_no_difference(contrast, brightness):
    image = np.random.default_rng(0).integers(0, 100, (32, 32)).astype(float)
    np.testing.assert_allclose(hog(image * contrast + brightness), hog(image), atol=1e-4)


def test_blocks_have_length_one():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    blocks = normalize_blocks(cell_histograms(image))
    np.testing.assert_allclose((blocks**2).sum(-1), 1, atol=1e-3)
    assert blocks.min() >= 0
