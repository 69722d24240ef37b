"""Records to photos on the canvas."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from shopee_od.garden.inputs import placed

ROWS, COLUMNS = np.indices((120, 200))
GRADIENT = np.stack([COLUMNS, ROWS, 0 * ROWS], axis=-1).astype(np.uint8)


def place(canvas, scales, times=1):
    jpeg = tf.io.encode_jpeg(GRADIENT, quality=100, chroma_downsampling=False)
    made = tf.data.Dataset.from_tensors(jpeg).repeat(times)
    made = made.map(lambda each: placed(each, tf.constant([120.0, 200.0]), canvas, scales))
    return list(made.as_numpy_iterator())


def test_at_scale_1_the_photo_is_whole_and_as_large_as_the_canvas_allows():
    [(photo, shown, info)] = place((96, 64), (1, 1))
    assert (
        photo.shape == (38, 64, 3)
        and info[0].tolist() == [120, 200]
        and shown.tolist() == [38, 64]
        and info[1].tolist() == [96, 64]
    )
    np.testing.assert_allclose(info[2], [38 / 120, 64 / 200])
    assert info[3].tolist() == [0, 0]
    assert abs(photo[0, :, 0] - np.linspace(1, 198, 64)).max() < 3


def test_what_is_cut_out_is_what_image_info_says():
    """The gradient tells from which pixel of the photo each pixel of the canvas comes."""
    tf.random.set_seed(1)
    wide = []
    for photo, shown, (size, _, scale, cut) in place((100, 100), (0.6, 3.0), 60):
        assert photo.shape[:2] == tuple(shown.astype(int)) and (shown <= 100).all() and size.tolist() == [120, 200]
        y, x = np.indices(photo.shape[:2])
        from_x, from_y = (x + 0.5 + cut[1]) / scale[1] - 0.5, (y + 0.5 + cut[0]) / scale[0] - 0.5
        inner = (slice(3, -3), slice(3, -3))
        assert abs(photo[..., 0] - from_x)[inner].mean() < 2 and abs(photo[..., 1] - from_y)[inner].mean() < 2
        wide.append(scale[1] * 200 / 100)
    assert min(wide) < 1 and max(wide) > 2


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kind", ["RGB", "L"])
def test_a_photo_shown_whole_is_decoded_as_ever(progressive, kind):
    """A window's rim may differ a little from the whole photo's, where colours are stored in half the size."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (61, 97, 3)).astype(np.uint8)
    Image.fromarray(noise).convert(kind).save(file, "JPEG", quality=85, progressive=progressive)
    photo, shown, _ = placed(file.getvalue(), tf.constant([61.0, 97.0]), (61, 97), (1, 1))
    np.testing.assert_array_equal(photo, tf.io.decode_jpeg(file.getvalue(), channels=3))
    assert shown.numpy().tolist() == [61, 97]
