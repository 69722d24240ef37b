"""Padded images: the backbone makes of each what it makes of it alone."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from shopee_od.backbones import efficientnet_lite0
from shopee_od.detectors.features.batch_padding import compute_masked_maps
from shopee_od.ops.batching import pad_images

pytestmark = pytest.mark.slow

SIZES = (96, 70), (128, 128), (61, 120)


@pytest.fixture(scope="module")
def model():
    whole = efficientnet_lite0()
    return tf_keras.Model(whole.inputs, [whole.output["4"], whole.output["5"]])


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 1, (*size, 3)).astype(np.float32) for size in SIZES]


def compute_maps(model, images):
    batch, sizes = pad_images(images)
    maps = compute_masked_maps(model, tf.constant(batch), tf.constant(sizes))
    return [cells.numpy() for cells in maps]


def test_a_padded_image_gives_the_maps_that_it_gives_alone(model, images):
    together = compute_maps(model, images)
    for k, image in enumerate(images):
        for cells, alone in zip(together, compute_maps(model, [image]), strict=True):
            height, width = alone.shape[1:3]
            assert np.ptp(alone) > 1
            np.testing.assert_allclose(cells[k, :height, :width], alone[0], atol=1e-4)


def test_without_the_mask_the_padding_leaks(model, images):
    leaked = model(pad_images(images)[0])[0].numpy()
    masked = compute_maps(model, images)[0]
    assert np.abs(leaked[0, :6, :4] - masked[0, :6, :4]).max() > 1


def test_an_image_that_fills_its_canvas_needs_no_mask(model, images):
    masked = compute_maps(model, images[1:2])
    for cells, plain in zip(masked, model(images[1][None]), strict=True):
        np.testing.assert_allclose(cells, plain, atol=1e-5)


def test_beyond_an_image_its_last_cells_are_repeated(model, images):
    level_4 = compute_maps(model, images)[0][0]  # 96 × 70 pixels: 6 × 5 cells
    assert np.ptp(level_4[5:], axis=0).max() == 0 and np.ptp(level_4[:, 4:], axis=1).max() == 0
    assert np.ptp(level_4[4:6], axis=0).max() > 0
