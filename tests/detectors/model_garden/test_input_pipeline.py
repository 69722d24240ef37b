"""Records to images on the canvas."""

import io
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from shopee_od.augmentation import Augmentation
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.tfrecord import convert
from shopee_od.detectors.model_garden.experiment import build_experiment
from shopee_od.detectors.model_garden.input_pipeline import decode_to_canvas, read_batches
from shopee_od.profiles import profile

pytestmark = pytest.mark.slow

ROWS, COLUMNS = np.indices((120, 200))
CANVAS = (64, 64)
GRADIENT = np.stack([COLUMNS, ROWS, 0 * ROWS], axis=-1).astype(np.uint8)


def decode(canvas, scales, times=1):
    jpeg = tf.io.encode_jpeg(GRADIENT, quality=100, chroma_downsampling=False)
    size = tf.constant([120.0, 200.0])
    images = tf.data.Dataset.from_tensors(jpeg).repeat(times)
    images = images.map(lambda encoded: decode_to_canvas(encoded, size, canvas, scales))
    return list(images.as_numpy_iterator())


def test_at_scale_1_the_photo_is_whole_and_as_large_as_the_canvas_allows():
    [(photo, visible_size, info)] = decode((96, 64), (1, 1))
    assert (
        photo.shape == (38, 64, 3)
        and info[0].tolist() == [120, 200]
        and visible_size.tolist() == [38, 64]
        and info[1].tolist() == [96, 64]
    )
    np.testing.assert_allclose(info[2], [38 / 120, 64 / 200])
    assert info[3].tolist() == [0, 0]
    assert abs(photo[0, :, 0] - np.linspace(1, 198, 64)).max() < 3


def test_image_info_describes_what_was_cut_out():
    """The gradient encodes from which pixel of the photo each pixel of the canvas comes."""
    tf.random.set_seed(1)
    scales = []
    for photo, visible_size, (size, _, scale, cut) in decode((100, 100), (0.6, 3.0), 60):
        assert (
            photo.shape[:2] == tuple(visible_size.astype(int))
            and (visible_size <= 100).all()
            and size.tolist() == [120, 200]
        )
        y, x = np.indices(photo.shape[:2])
        from_x, from_y = (x + 0.5 + cut[1]) / scale[1] - 0.5, (y + 0.5 + cut[0]) / scale[0] - 0.5
        inner = (slice(3, -3), slice(3, -3))
        assert (
            abs(photo[..., 0] - from_x)[inner].mean() < 2
            and abs(photo[..., 1] - from_y)[inner].mean() < 2
        )
        scales.append(scale[1] * 200 / 100)
    assert min(scales) < 1 and max(scales) > 2


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kind", ["RGB", "L"])
def test_a_photo_shown_whole_is_decoded_unchanged(progressive, kind):
    """At the border of a window, colors stored at half the resolution may differ a little."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (61, 97, 3)).astype(np.uint8)
    Image.fromarray(noise).convert(kind).save(file, "JPEG", quality=85, progressive=progressive)
    photo, visible_size, _ = decode_to_canvas(
        file.getvalue(), tf.constant([61.0, 97.0]), (61, 97), (1, 1)
    )
    np.testing.assert_array_equal(photo, tf.io.decode_jpeg(file.getvalue(), channels=3))
    assert visible_size.numpy().tolist() == [61, 97]


@pytest.fixture
def recorded(tmp_path):
    """A function that gives the data configuration of ten photos in shards of three."""
    images, boxes = [], []
    for k in range(10):
        path = tmp_path / f"{k}.jpg"
        Image.fromarray(np.full((60, 40 + k, 3), 20 * k, np.uint8)).save(path)
        images.append(
            {"image_id": k, "path": str(path), "width": 40 + k, "height": 60, "split": ""}
        )
        flags = {"label": 0, "ignore": False, "iscrowd": False}
        for _ in range(k % 3):
            boxes.append(
                {"box_id": len(boxes), "image_id": k, "x1": 5, "y1": 5, "x2": 30, "y2": 50, **flags}
            )
    data = Dataset.build("generated", tmp_path, ("dress",), images, boxes)
    pattern = convert(data, tmp_path / "records", shard_photos=3, progress=False).pattern

    def configure(training: bool, seed: int = 0):
        small = profile("smoke", "shopsim").replace(batch_size=4)
        params = build_experiment(small, ("dress",), CANVAS, pattern, pattern, seed=seed, photos=10)
        return params.task.train_data if training else params.task.validation_data

    return configure


def ids(data, count=-1):
    return [name.decode() for _, labels in data.take(count) for name in labels["source_id"].numpy()]


def test_validation_reads_all_photos_once_in_order_with_their_boxes(recorded):
    batches = list(read_batches(recorded(training=False), CANVAS))
    assert [len(photos) for photos, _ in batches] == [4, 4, 2]
    assert ids(read_batches(recorded(training=False), CANVAS)) == [str(k) for k in range(10)]
    photos, labels = batches[0]
    assert photos.shape == (4, *CANVAS, 3) and labels["boxes"].shape[2] == 4
    counts = (labels["classes"].numpy() == 1).sum(axis=1)
    assert counts.tolist() == [0, 1, 2, 0] and (labels["classes"].numpy()[0] == -1).all()
    np.testing.assert_allclose(labels["boxes"][1, 0], [5 / 60, 5 / 41, 50 / 60, 30 / 41], rtol=1e-6)
    assert (labels["boxes"].numpy()[0] == -1).all()


def test_training_reads_photos_equally_often_in_an_order_of_its_seed(recorded):
    def order(seed):
        return ids(read_batches(recorded(training=True, seed=seed), CANVAS), 25)

    first = order(0)
    assert len(first) == 100 and first == order(0) != order(1)
    assert max(Counter(first).values()) <= 12 and min(Counter(first).values()) >= 8


def test_workers_share_the_photos(recorded):
    def order(worker):
        context = tf.distribute.InputContext(2, worker, 2)
        return ids(read_batches(recorded(training=True), CANVAS, context), 25)

    counts = Counter(order(0) + order(1))
    assert sum(counts.values()) == 100 and max(counts.values()) <= 12 and min(counts.values()) >= 8


def test_sources_are_shown_by_their_weights(recorded):
    params = recorded(training=True)
    both = params.replace(input_path=f"{params.input_path},{params.input_path}")
    batches = read_batches(both, CANVAS, source_weights=(0.5, 0.5))
    assert len(set(ids(batches, 25))) == 10


def test_augmented_batches_have_boxes_within_the_image(recorded):
    augmentation = Augmentation(0.3, 0.2, 0.1, 0.5, 0.5, 0.5, 0.5)
    batches = read_batches(recorded(training=True), CANVAS, augmentation=augmentation)
    boxed = 0
    for images, labels in batches.take(10).as_numpy_iterator():
        assert images.shape == (4, *CANVAS, 3)
        assert (labels["visible_size"] <= CANVAS).all() and (labels["visible_size"] > 0).all()
        assert np.array_equal(labels["image_info"][:, 0], labels["visible_size"])
        boxes = labels["boxes"][labels["classes"] > 0]
        assert (boxes >= -1e-6).all() and (boxes <= 1 + 1e-5).all()
        boxed += len(boxes)
    assert boxed
