import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from shopee_od.detectors.model_garden.augment.photos import (
    Photo,
    close_up_window,
    crop,
    random_turn,
    resize,
)

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 60, 40
BOXES = [[10, 5, 30, 25], [31, 20, 59, 39]]


def make_photo(boxes=BOXES, labels=(1, 2)):
    """Each box is filled with its own gray level: label * 100."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for (y1, x1, y2, x2), label in zip(boxes, labels, strict=True):
        image[y1:y2, x1:x2] = label * 100
    return Photo(
        tf.constant(image),
        tf.constant(boxes, tf.float32, [len(boxes), 4]),
        tf.constant(labels, tf.int64, [len(labels)]),
    )


def bounds(image, label):
    """y1, x1, y2, x2 of the pixels with a label's gray level."""
    rows, columns = np.nonzero(np.asarray(image)[..., 0] == label * 100)
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def test_a_crop_moves_boxes_with_their_pixels():
    cropped = crop(make_photo(), tf.constant([8.0, 3.0, 50.0, 40.0]))
    assert cropped.image.shape == (42, 37, 3)
    for box, label in zip(cropped.boxes.numpy(), (1, 2), strict=True):
        assert box.tolist() == bounds(cropped.image, label)
    assert cropped.labels.numpy().tolist() == [1, 2]


def test_a_garment_of_which_a_crop_shows_little_loses_its_box():
    cropped = crop(make_photo(), tf.constant([0.0, 0.0, 33.0, 40.0]))  # 2 of 28 rows of the second
    assert cropped.labels.numpy().tolist() == [1, 0]
    # It stays where that little fills much of the crop.
    assert crop(make_photo(), tf.constant([31.0, 20.0, 36.0, 39.0])).labels.numpy()[1] == 2


def test_a_turn_moves_boxes_with_their_pixels():
    tf.random.set_seed(0)
    shapes = set()
    for _ in range(30):
        turned = random_turn(make_photo(), tf.constant(1.0))
        shapes.add(tuple(turned.image.shape[:2]))
        for box, label in zip(turned.boxes.numpy(), (1, 2), strict=True):
            assert box.tolist() == bounds(turned.image, label)
    assert shapes == {(HEIGHT, WIDTH), (WIDTH, HEIGHT)}
    assert np.array_equal(random_turn(make_photo(), tf.constant(0.0)).image, make_photo().image)


def test_resizing_scales_boxes():
    resized = resize(make_photo(), tf.constant([120.0, 20.0]), antialias=False)
    assert resized.image.shape == (120, 20, 3)
    assert resized.boxes.numpy()[0].tolist() == [20, 2.5, 60, 12.5]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_a_close_up_is_within_the_photo_and_shows_a_garment(seed):
    tf.random.set_seed(seed)
    photo = make_photo([[2, 2, 50, 38]], [1])
    y1, x1, y2, x2 = close_up_window(photo).numpy()
    assert 0 <= y1 < y2 <= HEIGHT and 0 <= x1 < x2 <= WIDTH
    assert min(y2, 50) > max(y1, 2) and min(x2, 38) > max(x1, 2)


def test_a_photo_without_garments_stays_whole():
    empty = make_photo([], [])
    assert close_up_window(empty).numpy().tolist() == [0, 0, HEIGHT, WIDTH]
    ignored = make_photo([[10, 5, 30, 25]], [0])
    assert close_up_window(ignored).numpy().tolist() == [0, 0, HEIGHT, WIDTH]
