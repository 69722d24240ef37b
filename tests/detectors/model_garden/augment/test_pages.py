import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from shopee_od.augmentation import Augmentation
from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.model_garden.augment import layouts, render
from shopee_od.detectors.model_garden.augment.artifacts import random_artifacts
from shopee_od.detectors.model_garden.augment.banners import random_banner, render_banners
from shopee_od.detectors.model_garden.augment.pages import make_chart, make_collage, make_sheet
from shopee_od.detectors.model_garden.augment.photos import Photo
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow

LIMITS = (200, 160)
SQUARE = [20.0, 15.0, 80.0, 45.0]
RECORDS = tf.constant([str(i) for i in range(layouts.MAX_PHOTOS)])


def load(record):
    """A photo of 100 × 60 pixels, blue, with a red garment; the record is its label - 1."""
    image = np.zeros((100, 60, 3), np.float32)
    image[..., 2] = 255
    image[20:80, 15:45] = 255, 0, 0
    label = tf.strings.to_number(record, tf.int64) + 1
    return Photo(tf.constant(image), tf.constant([SQUARE]), label[None])


@pytest.mark.parametrize("make, most", [(make_collage, 9), (make_sheet, 3)])
def test_each_photo_on_a_page_has_its_box_on_its_garment(make, most):
    tf.random.set_seed(0)
    counts = set()
    for _ in range(25):
        page = make(RECORDS, load, LIMITS)
        height, width = page.image.shape[:2]
        assert height <= LIMITS[0] and width <= LIMITS[1]
        labels = page.labels.numpy()
        counts.add(len(labels))
        shown = labels[labels > 0]
        assert (np.diff(shown) > 0).all()  # the first records, each once
        for y1, x1, y2, x2 in page.boxes.numpy()[labels > 0]:
            assert 0 <= y1 < y2 <= height + 0.5 and 0 <= x1 < x2 <= width + 0.5
            inside = page.image.numpy()[int(y1) + 2 : int(y2) - 2, int(x1) + 2 : int(x2) - 2]
            assert (inside[..., 0] > 180).mean() > 0.95 and (inside[..., 2] < 80).mean() > 0.95
    assert max(counts) == most and min(counts) >= 1


def test_a_chart_has_text_and_no_garment():
    tf.random.set_seed(0)
    for _ in range(5):
        chart = make_chart(LIMITS)
        assert chart.boxes.shape == (0, 4) and chart.labels.shape == (0,)
        assert max(chart.image.shape) >= 160 and chart.image.numpy().std() > 5


def test_layouts_cover_their_page_without_overlap():
    for cells, aspect in (*layouts.COLLAGES, *layouts.SHEETS):
        assert 1 <= len(cells) <= layouts.MAX_PHOTOS and 0.4 < aspect < 2.5
        assert np.isclose(np.prod(cells[:, 2:] - cells[:, :2], axis=1).sum(), 1)
        for i, a in enumerate(cells):
            for b in cells[:i]:
                overlap = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
                assert overlap.min() <= 1e-9


def test_shrunk_cells_stay_within_their_old_bounds():
    cells = layouts.grid(2, 2).astype(np.float32)
    smaller = layouts.shrink_cells(tf.constant(cells), 0.3, 0.8).numpy()
    assert (smaller[:, :2] >= cells[:, :2] - 1e-6).all()
    assert (smaller[:, 2:] <= cells[:, 2:] + 1e-6).all()
    assert (np.prod(smaller[:, 2:] - smaller[:, :2], axis=1) < 0.25 * 0.65).all()


def test_a_banner_changes_one_bar_of_the_page():
    tf.random.set_seed(1)
    page = tf.fill([100, 80, 3], 128.0)
    changed = np.flatnonzero((random_banner(page, 1.0).numpy() != 128).any(axis=(1, 2)))
    assert 0 < len(changed) <= 13 and changed[-1] - changed[0] < 13
    assert np.array_equal(random_banner(page, 0.0), page)
    assert 0.02 < render_banners().mean() < 0.4  # there are letters


def test_artifacts_keep_an_images_size_and_range():
    tf.random.set_seed(2)
    image = tf.random.uniform([50, 70, 3], 0.0, 255.0)
    for _ in range(10):
        worn = random_artifacts(image, 1.0).numpy()
        assert worn.shape == (50, 70, 3) and not np.array_equal(worn, image)
        assert worn.min() >= -1e-3 and worn.max() <= 255.001
    assert np.array_equal(random_artifacts(image, 0.0), image)


@pytest.fixture
def photos(tmp_path) -> Dataset:
    images, boxes = [], []
    for i in range(12):
        pixels = np.full((90, 60, 3), 40 + 10 * i, np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG")
        path = tmp_path / f"{i}.jpg"
        path.write_bytes(stream.getvalue())
        images.append({"image_id": i, "path": str(path), "width": 60, "height": 90, "split": "val"})
        if i:  # the first shows no garment
            box = {"x1": 10, "y1": 10, "x2": 50, "y2": 80, "label": i % 3, "type": "upper"}
            boxes.append({"box_id": i, "image_id": i} | box)
    return Dataset.build("toy", tmp_path, ("shirt", "top"), images, boxes, coarse_labels=((0, 1),))


def test_the_same_seed_renders_the_same_files(photos, tmp_path):
    everything = Augmentation(0.4, 0.3, 0.1, 1.0, 0.5, 0.5, 0.5)
    first, again, other = (
        render.render(photos, everything, 8, tmp_path / name, 128, seed)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert len(first) == 8 and (first.images.split == "val").all()
    assert first.boxes.equals(again.boxes) and not first.boxes.equals(other.boxes)
    assert first.coarse_labels == ((0, 1),) and first.boxes.label.isin([0, 1, 2]).all()
    for a, b in zip(first.images.path, again.images.path, strict=True):
        assert (tmp_path / a).read_bytes() == (tmp_path / b).read_bytes()
    for image in first.images.itertuples():
        with Image.open(image.path) as picture:
            assert picture.size == (image.width, image.height)


def test_photos_of_several_splits_are_not_mixed(photos, tmp_path):
    mixed = Dataset.build(
        "toy", photos.root, photos.classes,
        photos.images.assign(split=["train", "val"] * 6), photos.boxes, coarse_labels=((0, 1),),
    )  # fmt: skip
    with pytest.raises(InputError, match="photos of the splits"):
        render.render(mixed, Augmentation(close_ups=1), 2, tmp_path / "mixed")
