"""Padded photos: the backbone makes of each what it makes of it alone."""

import numpy as np
import pytest

SIZES = (96, 70), (128, 128), (61, 120)


@pytest.fixture(scope="module")
def model():
    import tf_keras

    from shopee_od.garden.backbones import lite0

    whole = lite0()
    return tf_keras.Model(whole.inputs, [whole.output["4"], whole.output["5"]])


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 1, (*size, 3)).astype(np.float32) for size in SIZES]


def maps(model, photos):
    import tensorflow as tf

    from shopee_od.detectors.batching import padded
    from shopee_od.garden.masked import masked_maps

    batch, sizes = padded(photos)
    return [each.numpy() for each in masked_maps(model, tf.constant(batch), tf.constant(sizes))]


def test_a_padded_photo_gives_the_maps_that_it_gives_alone(model, photos):
    together = maps(model, photos)
    for k, photo in enumerate(photos):
        for ours, alone in zip(together, maps(model, [photo]), strict=True):
            height, width = alone.shape[1:3]
            assert np.ptp(alone) > 1
            np.testing.assert_allclose(ours[k, :height, :width], alone[0], atol=1e-4)


def test_without_the_mask_the_padding_leaks(model, photos):
    from shopee_od.detectors.batching import padded

    leaked, whole = model(padded(photos)[0])[0].numpy(), maps(model, photos)[0]
    assert np.abs(leaked[0, :6, :4] - whole[0, :6, :4]).max() > 1


def test_a_photo_that_fills_its_canvas_needs_no_mask(model, photos):
    for ours, plain in zip(maps(model, photos[1:2]), model(photos[1][None]), strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


def test_beyond_a_photo_its_last_cells_are_repeated(model, photos):
    level_4 = maps(model, photos)[0][0]  # 96 × 70 pixels: 6 × 5 cells
    assert np.ptp(level_4[5:], axis=0).max() == 0 and np.ptp(level_4[:, 4:], axis=1).max() == 0
    assert np.ptp(level_4[4:6], axis=0).max() > 0
