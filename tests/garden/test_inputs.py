"""Records to photos on the canvas."""

import io
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.tfrecord import convert
from shopee_od.garden.experiment import experiment
from shopee_od.garden.inputs import batches, placed
from shopee_od.profiles import profile

ROWS, COLUMNS = np.indices((120, 200))
CANVAS = (64, 64)
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


@pytest.fixture
def recorded(tmp_path):
    """Records of ten photos in shards of three -> the data configuration of training or not, and a seed."""
    images, boxes = [], []
    for k in range(10):
        path = tmp_path / f"{k}.jpg"
        Image.fromarray(np.full((60, 40 + k, 3), 20 * k, np.uint8)).save(path)
        images.append({"image_id": k, "path": str(path), "width": 40 + k, "height": 60, "split": ""})
        flags = {"label": 0, "ignore": False, "iscrowd": False}
        for _ in range(k % 3):
            boxes.append({"box_id": len(boxes), "image_id": k, "x1": 5, "y1": 5, "x2": 30, "y2": 50, **flags})
    data = Dataset.build("made", tmp_path, ("dress",), images, boxes)
    pattern = convert(data, tmp_path / "records", shard_photos=3, progress=False).pattern

    def configured(training: bool, seed: int = 0):
        small = profile("smoke", "shopsim").with_(batch_size=4)
        params = experiment(small, ("dress",), CANVAS, pattern, pattern, seed=seed, photos=10)
        return params.task.train_data if training else params.task.validation_data

    return configured


def ids(data, count=-1):
    return [name.decode() for _, labels in data.take(count) for name in labels["source_id"].numpy()]


def test_validation_sees_each_photo_once_in_order_with_its_boxes(recorded):
    found = list(batches(recorded(training=False), CANVAS))
    assert [len(photos) for photos, _ in found] == [4, 4, 2]
    assert ids(batches(recorded(training=False), CANVAS)) == [str(k) for k in range(10)]
    photos, labels = found[0]
    assert photos.shape == (4, *CANVAS, 3) and labels["boxes"].shape[2] == 4
    counts = (labels["classes"].numpy() == 1).sum(axis=1)
    assert counts.tolist() == [0, 1, 2, 0] and (labels["classes"].numpy()[0] == -1).all()
    np.testing.assert_allclose(labels["boxes"][1, 0], [5 / 60, 5 / 41, 50 / 60, 30 / 41], rtol=1e-6)
    assert (labels["boxes"].numpy()[0] == -1).all()


def test_training_sees_each_photo_alike_often_in_an_order_of_its_seed(recorded):
    def order(seed):
        return ids(batches(recorded(training=True, seed=seed), CANVAS), 25)

    once = order(0)
    assert len(once) == 100 and once == order(0) != order(1)
    assert max(Counter(once).values()) <= 12 and min(Counter(once).values()) >= 8


def test_workers_share_the_photos(recorded):
    def order(worker):
        context = tf.distribute.InputContext(2, worker, 2)
        return ids(batches(recorded(training=True), CANVAS, context), 25)

    counts = Counter(order(0) + order(1))
    assert sum(counts.values()) == 100 and max(counts.values()) <= 12 and min(counts.values()) >= 8
