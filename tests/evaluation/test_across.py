"""Another data set's photos, judged by the shop's groups."""

from types import SimpleNamespace

import numpy as np
import pytest

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.evaluation.across import across
from shopee_od.evaluation.report import table
from shopee_od.evaluation.scoring import score
from shopee_od.types import Detections, InputError

SHELVES = """
shop:
  upper: {Tops: [T-shirts], Outerwear: [Coats]}
  lower: {Skirts: [Plain skirts]}
gaps:
  Swimwear: [Bikinis]
classes:
  mine: {tee: T-shirts, blouse: Tops, skirt: Plain skirts, bikini: Bikinis, hat: null}
  theirs: {shirt: T-shirts, coat: Coats}
"""
CLASSES, TYPES = ("tee", "blouse", "skirt", "bikini", "hat"), ("upper", "upper", "lower", "full", "")


@pytest.fixture
def shelves(tmp_path):
    (tmp_path / "shelves.yaml").write_text(SHELVES)
    return read_taxonomy(tmp_path / "shelves.yaml")


@pytest.fixture
def detector():
    return SimpleNamespace(
        classes=("shirt", "coat"), types=("upper", "upper"), threshold=0.5, trained={"dataset": "theirs"}
    )


def right(boxes):
    return {"boxes": boxes, "AP": pytest.approx(1), "AP50": pytest.approx(1)}


def box(k):
    return [100.0 * k, 0.0, 100.0 * k + 50, 80.0]


def dataset(labels, root="."):
    """One photo; box k of class labels[k] at place k."""
    images = [{"image_id": 7, "path": "a.jpg", "width": 1000, "height": 100}]
    corners = [dict(zip(("x1", "y1", "x2", "y2"), box(k), strict=True)) for k in range(len(labels))]
    boxes = [
        {"box_id": k, "image_id": 7, "label": label, "type": TYPES[label], **corners[k]}
        for k, label in enumerate(labels)
    ]
    return Dataset.build("mine", root, CLASSES, images, boxes)


def found(*places_labels_scores):
    boxes, labels, scores = zip(*((box(k), label, s) for k, label, s in places_labels_scores), strict=True)
    return {7: Detections(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels, np.int32))}


def test_classes_meet_in_their_group(shelves, detector):
    made = across(found((0, 0, 0.9), (1, 0, 0.8)), dataset([0, 1, 2]), detector, shelves)
    assert made["per_name"]["Tops"] == right(2)
    assert made["per_name"]["Skirts"] == {"boxes": 1, "AP": None, "AP50": None}  # the detector has no class of it
    assert made["AP50"] == pytest.approx(1) and "Outerwear" not in made["per_name"]


def test_the_wrong_group_is_wrong(shelves, detector):
    made = across(found((0, 1, 0.9)), dataset([0]), detector, shelves)
    assert made["per_name"]["Tops"]["AP50"] == 0


def test_gaps_stand_apart_and_cost_nothing(shelves, detector):
    photo = dataset([0, 3, 3])
    made = across(found((1, 0, 0.95), (0, 0, 0.9), (2, 1, 0.4)), photo, detector, shelves)
    assert made["gaps"] == {"Swimwear": {"boxes": 2, "found": 0.5}}  # the other lies below the threshold
    assert made["per_name"] == {"Tops": right(1)}


def test_what_is_not_sold_here_neither_counts_nor_costs(shelves, detector):
    made = across(found((1, 0, 0.95), (0, 0, 0.9)), dataset([0, 4]), detector, shelves)
    assert made["per_name"] == {"Tops": right(1)}


def test_a_class_that_does_not_reach_down_to_the_level_is_left_out_of_it(shelves, detector):
    made = across(found((1, 0, 0.95), (0, 0, 0.9)), dataset([0, 1]), detector, shelves, "category")
    assert made["per_name"] == {"T-shirts": right(1)}


def test_types_without_gaps(shelves, detector):
    made = across(found((0, 1, 0.9)), dataset([0, 3]), detector, shelves, "type")
    assert made["per_name"] == {"upper": right(1)}


def test_nothing_in_common_is_said(shelves, detector):
    made = across(found((0, 1, 0.9)), dataset([3]), detector, shelves)
    assert made["AP"] is None and made["per_name"] == {}


def test_a_class_without_a_place_is_named(shelves, detector):
    detector.classes = ("shirt", "cape")
    with pytest.raises(InputError, match="'cape' has no place"):
        across(found((0, 1, 0.9)), dataset([0]), detector, shelves)


def test_the_table_shows_the_shop(shelves, detector):
    photo, detections = dataset([0, 2, 3]), found((0, 0, 0.9), (2, 0, 0.8))
    figures = score(detections, photo, detector.classes, detector.types, 0.5, bootstrap=5)
    text = table(figures | {"shop": across(detections, photo, detector, shelves)})
    assert "shop's group" in text and "mean of those it knows" in text
    assert "Swimwear: 1 boxes, 100% of them found, whatever they were called" in text
    assert "does not know" not in text
