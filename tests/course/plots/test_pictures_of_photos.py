"""Sheets of a data set's photos: of each source, and of wrong detections."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from shopee_od.course import plots
from shopee_od.course.plots import data as data_plots
from shopee_od.course.plots import errors as error_plots
from shopee_od.datasets.dataset import Dataset

CLASSES = ("dress", "skirt")


@pytest.fixture
def photos(tmp_path):
    """Six photos, four of consumers and two of shops; a dress on each but the last."""
    rng = np.random.default_rng(0)
    images = []
    for k in range(6):
        path = tmp_path / f"{k}.png"
        Image.fromarray(rng.integers(0, 255, (40, 30, 3), np.uint8)).save(path)
        source = "consumer" if k < 4 else "shop"
        images.append({"image_id": k, "path": str(path), "width": 30, "height": 40})
        images[-1] |= {"split": "test", "source": source}
    corners = {"x1": 2, "y1": 3, "x2": 20, "y2": 30}
    boxes = [{"box_id": k, "image_id": k, "label": 0, **corners} for k in range(5)]
    return Dataset.build("photos", tmp_path, CLASSES, images, boxes)


@pytest.fixture
def captions(monkeypatch):
    """The captions of the sheet that is drawn."""
    captions = []

    def record(pictures, columns=4, captions_=(), cell=360, **options):
        captions.extend(options.get("captions", captions_))
        return Image.new("RGB", (columns, len(list(pictures))))

    for module in (data_plots, error_plots):
        monkeypatch.setattr(module, "make_contact_sheet", record)
    return captions


def test_as_many_photos_of_each_source_as_there_are(photos, captions):
    plots.draw_samples_by_source(photos, 3, seed=0)
    sources = [caption.split(":")[0] for caption in captions]
    assert sources.count("consumer") == 3 and sources.count("shop") == 2
    assert captions.count("consumer: dress") == 3


def test_photos_without_a_source_are_one_sample(photos, captions):
    unknown = Dataset.build(
        "photos", photos.root, CLASSES, photos.images.assign(source=""), photos.boxes
    )
    plots.draw_samples_by_source(unknown, 2, seed=0)
    assert len(captions) == 4 and set(captions) <= {"dress", ""}


def test_a_wrong_detection_is_named_with_its_error_and_the_labels(photos, captions):
    errors = pd.DataFrame(
        {"image_id": [0, 5], "x1": 1, "y1": 1, "x2": 9, "y2": 9, "score": [0.9, 0.8]}
        | {"category": [1, 0], "error": ["classification", "background"]}
    )
    plots.draw_errors(errors, photos, CLASSES)
    assert captions == [
        "skirt 0.90: classification (labeled: dress)",
        "dress 0.80: background (labeled: nothing)",
    ]


def test_the_sheets_are_pictures(photos):
    sheet = plots.draw_samples_by_source(photos, 2, seed=0)
    assert sheet.width > 400 and sheet.height > 400
