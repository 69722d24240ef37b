"""An image in its canvas: by its definition, and equal to training's and to Model Garden's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from shopee_od.detectors.model_garden.canvas import fit_to_canvas

CANVASES = [(128, 64), (96, 96), (64, 128)]
SIZES = [(150, 100), (100, 150), (97, 131), (700, 640), (31, 90), (1200, 1600), (96, 96), (300, 99)]


def noise(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@given(st.integers(1, 400), st.integers(1, 400))
def test_an_image_is_as_large_as_its_canvas_allows(height, width):
    white = np.full((height, width, 3), 255, np.uint8)
    pixels, scale = fit_to_canvas(white, CANVASES)
    assert pixels.dtype == np.float32 and pixels.shape[:2] in CANVASES
    rows, columns = (int(pixels.any(axis=axis).any(axis=-1).sum()) for axis in (1, 0))
    np.testing.assert_allclose(
        pixels[:rows, :columns],
        np.broadcast_to((1 - IMAGENET_MEAN) / IMAGENET_STD, (rows, columns, 3)),
        atol=1e-5,
    )
    assert not pixels[rows:].any() and not pixels[:, columns:].any()
    assert rows == pixels.shape[0] or columns == pixels.shape[1]
    if 20 * min(height, width) > max(height, width):  # others are padded first
        np.testing.assert_allclose(scale * (height, width), (rows, columns), rtol=1e-6)


def test_an_image_of_the_canvas_size_is_only_normalized():
    image = noise(96, 96)
    pixels, scale = fit_to_canvas(image, CANVASES)
    np.testing.assert_allclose(pixels, (image / 255 - IMAGENET_MEAN) / IMAGENET_STD, atol=1e-5)
    assert scale.tolist() == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_the_canvas_equals_model_gardens(size):
    """Pixels within 0.001 standard deviations of a color channel."""
    from official.vision.ops import preprocess_ops

    image = noise(*size)
    pixels, scale = fit_to_canvas(image, CANVASES)
    canvas = pixels.shape[:2]
    expected, info = preprocess_ops.resize_and_crop_image(
        preprocess_ops.normalize_image(image), canvas, padded_size=canvas
    )
    np.testing.assert_allclose(pixels, expected, atol=1e-3)
    np.testing.assert_allclose(scale, info[2], rtol=1e-6)


@pytest.mark.slow
def test_the_canvas_is_filled_as_in_training(smoke_run):
    import tensorflow as tf

    from shopee_od.datasets.photos import read_photo
    from shopee_od.detectors.model_garden.input_pipeline import decode_to_canvas
    from shopee_od.detectors.model_garden.targets import normalize_and_mask

    for path in smoke_run.train.images.path:
        encoded = tf.io.encode_jpeg(read_photo(path))
        photo = tf.io.decode_jpeg(encoded).numpy()
        pixels, scale = fit_to_canvas(photo, CANVASES)
        canvas = pixels.shape[:2]
        image, visible_size, info = decode_to_canvas(
            encoded, tf.constant(photo.shape[:2], tf.float32), canvas, (1, 1)
        )
        height, width, _ = image.shape
        batch = tf.pad(image, [[0, canvas[0] - height], [0, canvas[1] - width], [0, 0]])[None]
        np.testing.assert_allclose(
            pixels, normalize_and_mask(batch, visible_size[None])[0], atol=1e-3
        )
        np.testing.assert_allclose(scale, info[2], atol=1e-6)
