"""Evaluation on a data set with other classes, by a taxonomy level."""

from types import SimpleNamespace

import numpy as np
import pytest

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError
from shopee_od.evaluation.cross_dataset import evaluate_cross_dataset, explain_unmapped
from shopee_od.evaluation.scoring import score
from shopee_od.evaluation.tables import format_table
from shopee_od.structures import Detections

TAXONOMY = """
shop:
  upper: {Tops: [T-shirts, Blouses], Outerwear: [Coats]}
  lower: {Skirts: [Plain skirts]}
gaps:
  Swimwear: [Bikinis]
classes:
  mine: {tee: T-shirts, blouse: Tops, skirt: Plain skirts, bikini: Bikinis, hat: null}
  theirs: {shirt: T-shirts, coat: Coats}
"""
CLASSES = ("tee", "blouse", "skirt", "bikini", "hat")
TYPES = ("upper", "upper", "lower", "full", "")


@pytest.fixture
def taxonomy(tmp_path):
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY)
    return read_taxonomy(tmp_path / "taxonomy.yaml")


@pytest.fixture
def detector():
    return SimpleNamespace(
        classes=("shirt", "coat"),
        types=("upper", "upper"),
        threshold=0.5,
        metadata={"dataset": "theirs"},
    )


def perfect(boxes):
    return {"boxes": boxes, "AP": pytest.approx(1), "AP50": pytest.approx(1)}


def make_box(k):
    return [100.0 * k, 0.0, 100.0 * k + 50, 80.0]


def make_dataset(labels, root="."):
    """One image; box k, of class labels[k], is the k-th from the left."""
    images = [{"image_id": 7, "path": "a.jpg", "width": 1000, "height": 100}]
    boxes = [
        {"box_id": k, "image_id": 7, "label": label, "type": TYPES[label]}
        | dict(zip(("x1", "y1", "x2", "y2"), make_box(k), strict=True))
        for k, label in enumerate(labels)
    ]
    return Dataset.build("mine", root, CLASSES, images, boxes)


def make_detections(*rows):
    """Rows of (k, label, score), each exactly on box k."""
    positions, labels, scores = zip(*rows, strict=True)
    boxes = [make_box(k) for k in positions]
    return {
        7: Detections(
            np.array(boxes, np.float32), np.array(scores, np.float32), np.array(labels, np.int32)
        )
    }


def test_classes_meet_in_their_group(taxonomy, detector):
    detections = make_detections((0, 0, 0.9), (1, 0, 0.8))
    result = evaluate_cross_dataset(detections, make_dataset([0, 1, 2]), detector, taxonomy)
    assert result["per_name"]["Tops"] == perfect(2)
    # The detector has no class of this group.
    assert result["per_name"]["Skirts"] == {"boxes": 1, "AP": None, "AP50": None}
    assert result["AP50"] == pytest.approx(1) and "Outerwear" not in result["per_name"]


def test_the_wrong_group_is_wrong(taxonomy, detector):
    detections = make_detections((0, 1, 0.9))
    result = evaluate_cross_dataset(detections, make_dataset([0]), detector, taxonomy)
    assert result["per_name"]["Tops"]["AP50"] == 0


def test_unsupported_groups_are_reported_apart_and_cost_nothing(taxonomy, detector):
    detections = make_detections((1, 0, 0.95), (0, 0, 0.9), (2, 1, 0.4))
    result = evaluate_cross_dataset(detections, make_dataset([0, 3, 3]), detector, taxonomy)
    # The other detection is below the threshold.
    assert result["gaps"] == {"Swimwear": {"boxes": 2, "found": 0.5}}
    assert result["per_name"] == {"Tops": perfect(1)}


def test_a_class_outside_the_taxonomy_neither_counts_nor_costs(taxonomy, detector):
    detections = make_detections((1, 0, 0.95), (0, 0, 0.9))
    result = evaluate_cross_dataset(detections, make_dataset([0, 4]), detector, taxonomy)
    assert result["per_name"] == {"Tops": perfect(1)}


def test_a_class_above_the_level_is_left_out_of_it(taxonomy, detector):
    detections = make_detections((1, 0, 0.95), (0, 0, 0.9))
    result = evaluate_cross_dataset(
        detections, make_dataset([0, 1]), detector, taxonomy, "category"
    )
    assert result["per_name"] == {"T-shirts": perfect(1)}


def test_types_without_unsupported_groups(taxonomy, detector):
    detections = make_detections((0, 1, 0.9))
    result = evaluate_cross_dataset(detections, make_dataset([0, 3]), detector, taxonomy, "type")
    assert result["per_name"] == {"upper": perfect(1)}


def test_nothing_in_common(taxonomy, detector):
    detections = make_detections((0, 1, 0.9))
    result = evaluate_cross_dataset(detections, make_dataset([3]), detector, taxonomy)
    assert result["AP"] is None and result["per_name"] == {}


def test_a_class_that_the_taxonomy_lacks_is_named(taxonomy, detector):
    detector.classes = ("shirt", "cape")
    with pytest.raises(InputError, match="'cape' is missing"):
        evaluate_cross_dataset(make_detections((0, 1, 0.9)), make_dataset([0]), detector, taxonomy)
    assert "does not map theirs: 'cape'" in explain_unmapped(detector, make_dataset([0]), taxonomy)


def test_a_detector_that_names_no_data_set_cannot_be_mapped(taxonomy, detector):
    assert explain_unmapped(detector, make_dataset([0]), taxonomy) is None
    detector.metadata = {}
    assert "metadata" in explain_unmapped(detector, make_dataset([0]), taxonomy)
    with pytest.raises(InputError, match=r"cannot be mapped by the taxonomy; set metadata\['dat"):
        evaluate_cross_dataset(make_detections((0, 1, 0.9)), make_dataset([0]), detector, taxonomy)


def test_the_table_shows_the_taxonomy_level(taxonomy, detector):
    dataset = make_dataset([0, 2, 3])
    detections = make_detections((0, 0, 0.9), (2, 0, 0.8))
    metrics = score(detections, dataset, detector.classes, detector.types, 0.5, bootstrap=5)
    result = evaluate_cross_dataset(detections, dataset, detector, taxonomy)
    text = format_table(metrics | {"shop": result})
    assert "taxonomy group" in text and "mean of those the detector has" in text
    assert "Swimwear: 1 boxes, 100% of them detected, as any class" in text
    assert "does not know" not in text
