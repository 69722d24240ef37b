"""Histograms of oriented gradients."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.feature import hog as theirs

from shopee_od.ops import hog as module
from shopee_od.ops.hog import blocks, cells, gradients, hog


def test_worked_examples():
    assert doctest.testmod(module) == (0, 4)  # failed, tried


@given(st.integers(0, 2**32 - 1), st.integers(16, 70), st.integers(16, 70), st.booleans())
def test_it_is_scikit_images(seed, height, width, colour):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3) if colour else (height, width)).astype(np.float64)
    expected = theirs(
        image, 9, (8, 8), (2, 2), block_norm="L2-Hys", channel_axis=-1 if colour else None, feature_vector=True
    )
    np.testing.assert_allclose(hog(image), expected, atol=1e-5)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
def test_an_edge_falls_into_the_bin_of_its_direction(degrees):
    y, x = np.indices((32, 32)) - 16
    angle = np.radians(degrees)
    image = np.tanh((x * np.cos(angle) + y * np.sin(angle)) / 2) * 100
    strength, direction = gradients(image)
    off = abs((direction[strength > 20] - degrees + 90) % 180 - 90)
    assert np.median(off) < 5
    assert cells(image).sum(axis=(0, 1)).argmax() in {int(((degrees + d) % 180) / 20) for d in (-3, 3)}


def test_a_blank_photo_has_no_direction():
    assert not hog(np.full((64, 64, 3), 77)).any()


@given(st.floats(0.2, 3), st.floats(-50, 50))
def test_light_and_contrast_hardly_count(contrast, light):
    image = np.random.default_rng(0).integers(0, 100, (32, 32)).astype(float)
    np.testing.assert_allclose(hog(image * contrast + light), hog(image), atol=1e-4)


def test_no_value_is_above_the_clip_for_long():
    block = blocks(cells(np.random.default_rng(0).integers(0, 256, (64, 64, 3))))
    np.testing.assert_allclose((block**2).sum(-1), 1, atol=1e-3)
    assert block.min() >= 0
