"""A detector of categories on data sets with classes of their own, and the other way round."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import join_datasets
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError
from shopee_od.evaluation import evaluate, evaluate_sources, format_table, scoring
from shopee_od.evaluation.average_precision import AT_50
from shopee_od.evaluation.by_category import (
    coarsen_unsupported,
    find_class_of_category,
    join_detections,
    join_ground_truth,
    merge_classes,
    share_classes,
)
from shopee_od.evaluation.grouping import match_by_class, match_class_agnostic
from shopee_od.evaluation.match_table import build_match_table
from shopee_od.evaluation.prediction import Predictions
from shopee_od.evaluation.scoring import score
from shopee_od.structures import Detections

TAXONOMY = """
shop:
  upper: {Tops: [top, shirt], Outerwear: [coat]}
  lower: {Skirts: [skirt]}
gaps:
  Swimwear: [bikini]
classes:
  street: {blouse: [top, shirt], coat: coat, mini: skirt}
  home: {tank: top, shirt: shirt, tee: top, coat: coat, bikini: bikini, hat: null}
  own: {top: top, shirt: shirt, coat: coat, skirt: skirt}
"""
CLASSES = ("top", "shirt", "coat", "skirt")
TYPES = ("upper", "upper", "upper", "lower")


@pytest.fixture
def taxonomy(tmp_path):
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY)
    return read_taxonomy(tmp_path / "taxonomy.yaml")


def make_detector(trained_on="street+home", classes=CLASSES, types=TYPES):
    return SimpleNamespace(
        classes=classes,
        types=types,
        threshold=0.5,
        name="d",
        metadata={"dataset": trained_on} if trained_on else {},
    )


def make_box(k):
    return [100.0 * k, 0.0, 100.0 * k + 50, 80.0]


def make_dataset(name, classes, *rows, image_id=5):
    """One image; row k is class, type and further columns of the k-th box from the left."""
    images = [{"image_id": image_id, "path": f"/{name}.jpg", "width": 999, "height": 99}]
    boxes = [
        {"box_id": k, "image_id": image_id, "label": classes.index(c), "type": t}
        | dict(zip(("x1", "y1", "x2", "y2"), make_box(k), strict=True))
        | dict.fromkeys(flags, True)
        for k, (c, t, *flags) in enumerate(rows)
    ]
    return Dataset.build(name, f"/{name}", classes, images, boxes)


@pytest.fixture
def street():
    classes = ("blouse", "coat", "mini")
    return make_dataset("street", classes, ("blouse", "upper"), ("mini", "lower"))


@pytest.fixture
def home():
    """A box of each class: a tank top, a shirt, a coat, a bikini and a hat."""
    classes = ("tank", "shirt", "tee", "coat", "bikini", "hat")
    upper = [(name, "upper") for name in ("tank", "shirt", "coat")]
    return make_dataset("home", classes, *upper, ("bikini", "lower"), ("hat", ""), image_id=8)


def make_detections(*rows):
    """Rows of (k, label, score), each exactly on box k."""
    boxes = [make_box(k) for k, _, _ in rows]
    return Detections(
        np.array(boxes).reshape(-1, 4), [row[2] for row in rows], [row[1] for row in rows]
    )


def compute_metrics(comparison):
    return score(
        comparison.detections, comparison.dataset, comparison.classes, comparison.types, 0.5, 0
    )


def test_a_class_may_be_several_categories_unless_they_overlap(street, home, taxonomy):
    assert find_class_of_category(street, taxonomy) == {
        "top": "blouse",
        "shirt": "blouse",
        "coat": "coat",
        "skirt": "mini",
    }
    assert find_class_of_category(home, taxonomy) is None  # tank and tee are both top
    hats = make_dataset("home", ("coat", "hat"), ("hat", ""))
    assert find_class_of_category(hats, taxonomy) is None


def test_detections_of_categories_become_those_of_the_data_sets_classes(street, taxonomy):
    detections = {5: make_detections((0, 1, 0.9), (0, 0, 0.8), (1, 3, 0.7))}
    comparison = share_classes(detections, street, make_detector(), taxonomy)
    assert comparison.dataset is street
    assert comparison.classes == ("blouse", "coat", "mini")
    assert comparison.types == ("upper", "upper", "lower")
    # Top and shirt on one garment are one blouse.
    assert comparison.detections[5].labels.tolist() == [0, 2]
    metrics = compute_metrics(comparison)
    assert {name: row["AP50"] for name, row in metrics["per_class"].items()} == {
        "blouse": pytest.approx(1),
        "coat": None,
        "mini": pytest.approx(1),
    }
    assert metrics["unknown_classes"] == []


def test_a_category_that_no_class_is_counts_by_type_and_class_agnostic(taxonomy):
    tops = make_dataset("street", ("blouse",), ("blouse", "upper"))
    detections = {5: make_detections((0, 0, 0.9), (1, 2, 0.95), (2, 3, 0.97))}
    comparison = share_classes(detections, tops, make_detector(), taxonomy)
    assert comparison.classes == ("blouse", "category: coat", "category: skirt")
    metrics = compute_metrics(comparison)
    assert metrics["AP50"] == pytest.approx(1)
    assert metrics["per_type"]["upper"]["AP50"] == pytest.approx(0.5)
    assert metrics["agnostic"]["AP50"] == pytest.approx(1 / 3, abs=1e-6)


def test_overlapping_classes_are_evaluated_as_categories(home, taxonomy):
    detections = {8: make_detections((0, 0, 0.9), (1, 1, 0.8), (2, 2, 0.7), (3, 0, 0.95))}
    comparison = share_classes(detections, home, make_detector(), taxonomy)
    assert comparison.dataset.classes == ("top", "shirt", "coat", "bikini")
    metrics = compute_metrics(comparison)
    # The top on the bikini, which the detector does not know, is neither right nor wrong.
    assert metrics["AP50"] == metrics["per_class"]["top"]["AP50"] == pytest.approx(1)
    # Bikini and hat are garments all the same: the hat is missed.
    assert metrics["agnostic"]["boxes"] == 5 and metrics["agnostic"]["AP50"] < 0.9
    assert metrics["per_type"]["lower"]["boxes"] == 1


@pytest.mark.parametrize("trained_on", ["street+home", "own"])
def test_a_detector_without_an_unsupported_class_is_evaluated_as_if_there_were_none(
    trained_on, street, home, taxonomy, tmp_path
):
    """As where the taxonomy has no category for the bikini."""
    (tmp_path / "without.yaml").write_text(TAXONOMY.replace("bikini: bikini", "bikini: null"))
    without = read_taxonomy(tmp_path / "without.yaml")
    rows = [(0, 0, 0.9), (1, 1, 0.8), (2, 2, 0.7), (3, 0, 0.95), (3, 3, 0.85), (4, 3, 0.6)]
    detections = {0: make_detections((1, 3, 0.5)), 1: make_detections(*rows)}
    results = []
    for tree, unknown in ((taxonomy, ["bikini"]), (without, [])):
        joint = join_ground_truth([street, home], tree)
        comparison = share_classes(detections, joint, make_detector(trained_on), tree)
        results.append(compute_metrics(comparison))
        assert results[-1].pop("unknown_classes") == unknown
    assert results[0] == results[1]
    # A top and a skirt on the bikini cost nothing; bikini and hat are garments all the same.
    assert results[0]["per_class"]["top"]["AP50"] == pytest.approx(1)
    assert results[0]["AP50"] == pytest.approx(1)
    assert results[0]["agnostic"]["boxes"] == 7
    assert results[0]["per_type"]["lower"]["boxes"] == 2


def test_a_detector_with_an_unsupported_class_is_evaluated_on_it(home, taxonomy):
    detector = make_detector(classes=(*CLASSES, "bikini"), types=(*TYPES, "full"))
    detections = {8: make_detections((0, 0, 0.9), (3, 0, 0.95), (3, 4, 0.8))}
    metrics = compute_metrics(share_classes(detections, home, detector, taxonomy))
    assert metrics["per_class"]["bikini"]["AP50"] == pytest.approx(1)
    # A top on the bikini is wrong.
    assert metrics["per_class"]["top"]["AP50"] == pytest.approx(0.5)


def test_a_box_that_may_be_a_class_unknown_to_the_detector_may_be_any(taxonomy):
    classes = ("top", "bikini", "coat")
    joint = make_dataset("a+b", classes, *((name, "upper") for name in classes))
    labels = np.array([0, 3, 4], np.int32)
    boxes = joint.boxes.assign(label=labels)
    joint = joint.with_classes(classes, boxes, coarse_labels=((0, 1), (0, 2)))
    assert coarsen_unsupported(joint, ("top", "bikini"), taxonomy) is joint
    coarse = coarsen_unsupported(joint, ("top",), taxonomy)
    names = [coarse.label_names[label] for label in coarse.boxes.label]
    assert names == ["top", "any class", "top or coat"]
    assert coarse.boxes.label.dtype == joint.boxes.label.dtype
    assert coarse.boxes.ignore.equals(joint.boxes.ignore)


def test_own_ignore_boxes_stay_ignore_boxes(taxonomy):
    boxes = (("tank", "upper", "ignore"), ("hat", ""), ("hat", "", "ignore"))
    home = make_dataset("home", ("tank", "hat"), *boxes)
    assert join_datasets([home], taxonomy).boxes.ignore.tolist() == [True, True, True]
    assert join_ground_truth([home], taxonomy).boxes.ignore.tolist() == [True, False, True]


def test_own_classes_that_are_one_category_become_it_on_a_joint_set(street, home, taxonomy):
    detector = make_detector("street", street.classes, ("upper", "upper", "lower"))
    joint = join_ground_truth([street, home], taxonomy)
    detections = {0: make_detections((0, 0, 0.9), (1, 2, 0.8)), 1: make_detections((2, 1, 0.7))}
    comparison = share_classes(detections, joint, detector, taxonomy)
    assert comparison.classes == ("street: blouse", "coat", "skirt")
    assert comparison.dataset.images is joint.images
    metrics = compute_metrics(comparison)
    assert metrics["unknown_classes"] == ["top", "shirt", "bikini"]
    assert metrics["per_class"]["skirt"]["AP50"] == pytest.approx(1)


def test_nothing_changes_between_classes_of_one_kind(street, home, taxonomy):
    detections = {5: make_detections((0, 0, 0.9))}
    own = make_detector("home", home.classes, ("upper",) * 6)
    for detector in (own, make_detector(None, home.classes, ("upper",) * 6)):
        comparison = share_classes(detections, street, detector, taxonomy)
        assert comparison.detections is detections and comparison.classes == home.classes
    joint = join_datasets([street], taxonomy)
    assert share_classes(detections, joint, make_detector(), taxonomy).dataset is joint


def test_boxes_of_coarse_labels_count_by_type_and_class_agnostic_only(street, taxonomy):
    joint = join_ground_truth([street], taxonomy)
    assert joint.label_names[joint.boxes.label[0]] == "top or shirt"
    right = {0: make_detections((0, 1, 0.9), (1, 3, 0.8))}
    metrics = score(right, joint, CLASSES, TYPES, 0.5, bootstrap=0)
    assert metrics["per_class"]["shirt"] == {"AP": None, "AP50": None, "boxes": 0}
    assert metrics["AP50"] == pytest.approx(1)
    assert metrics["agnostic"]["AP50"] == pytest.approx(1)
    assert metrics["per_type"]["upper"] == {
        "AP": pytest.approx(1),
        "AP50": pytest.approx(1),
        "boxes": 1,
    }
    # Coat is none of the classes that the box may be.
    matches = match_by_class({0: make_detections((0, 2, 0.9), (0, 0, 0.8))}, joint, CLASSES)
    assert not matches["coat"].ignored[AT_50].any() and not matches["coat"].correct[AT_50].any()
    assert matches["top"].ignored[AT_50].all()
    assert match_class_agnostic(right, joint, CLASSES).num_gt.tolist() == [2]


def test_coarse_labels_change_nothing_in_the_match_table_but_ignore_boxes(random_case):
    """A box of a coarse label, and an ignore box of each of its classes: the same table."""
    for seed in range(30):
        dataset, detections = random_case(seed)
        k = len(dataset.classes)
        if k < 2:
            continue
        coarse = dataset.boxes.label == 0
        labels = dataset.boxes.label.where(~coarse, k)
        with_coarse = dataset.with_classes(
            dataset.classes, dataset.boxes.assign(label=labels), coarse_labels=((0, k - 1),)
        )
        copies = dataset.boxes[coarse].assign(label=k - 1, ignore=True)
        copies = copies.assign(box_id=copies.box_id + 1000)
        rows = [dataset.boxes.assign(ignore=dataset.boxes.ignore | coarse), copies]
        as_ignore = Dataset.build(
            "made",
            dataset.root,
            dataset.classes,
            dataset.images,
            [row for table in rows for row in table.to_dict("records")],
        )
        table = build_match_table(detections, with_coarse, dataset.classes)
        expected = build_match_table(detections, as_ignore, dataset.classes)
        assert table.detections.equals(expected.detections)
        assert table.gt_boxes.equals(expected.gt_boxes)


def test_merging_needs_nms_within_the_merged_class(street):
    detections = {5: make_detections((0, 0, 0.9), (0, 1, 0.8), (0, 2, 0.7))}
    merged = merge_classes(detections, street, ("a", "a", "b"), ("upper", "lower", "full"))
    assert merged.classes == ("a", "b") and merged.types == ("upper", "full")
    assert merged.detections[5].labels.tolist() == [0, 1]
    assert merged.detections[5].scores.tolist() == pytest.approx([0.9, 0.7])


def test_merging_keeps_garment_scores(street):
    box = [make_box(0), make_box(1)]
    detections = {5: Detections(box, [0.2, 0.3], [0, 1], [0.9, 0.4])}
    merged = merge_classes(detections, street, ("a", "b"), ("upper", "lower"))
    assert merged.detections[5].garment_scores.tolist() == pytest.approx([0.4, 0.9])


def test_detections_are_numbered_as_the_joint_set_is(street, home, taxonomy):
    first, second = make_detections((0, 0, 0.9)), make_detections((1, 1, 0.8))
    joined = join_detections([{5: first}, {8: second}], [street, home])
    assert joined == {0: first, 1: second}
    assert join_detections([{}, {8: second}], [street, home]) == {1: second}


@pytest.fixture
def predicted(monkeypatch):
    """Makes evaluation use given detections, by data set, without reading images."""

    def give(detections, unreadable=None, seconds=None):
        monkeypatch.setattr(
            scoring,
            "compute_predictions",
            lambda detector, dataset, progress: Predictions(
                detections[dataset.name],
                (unreadable or {}).get(dataset.name, {}),
                (seconds or {}).get(dataset.name),
            ),
        )

    return give


def test_sources_apart_and_together(street, home, taxonomy, predicted):
    detections = {
        "street": {5: make_detections((0, 1, 0.9), (1, 3, 0.8))},
        "home": {8: make_detections((0, 0, 0.9), (1, 1, 0.8), (2, 2, 0.3))},
    }
    predicted(detections, seconds={"street": 0.5})
    result = evaluate_sources(make_detector(), [street, home], taxonomy, bootstrap=5)
    assert set(result) == {"sources", "together"}
    for name, dataset in (("street", street), ("home", home)):
        apart = evaluate(make_detector(), dataset, bootstrap=5, taxonomy=taxonomy)
        assert result["sources"][name] == apart
    assert list(result["sources"]["street"]["per_class"]) == ["blouse", "coat", "mini"]
    together = result["together"]
    assert together.keys() == result["sources"]["home"].keys()
    assert list(together["per_class"]) == list(CLASSES)
    assert together["photos"] == 2 and together["agnostic"]["boxes"] == 7
    assert together["per_class"]["top"]["boxes"] == 1
    assert together["AP50"] == pytest.approx(1)
    assert together["seconds_per_photo"] == 0.5
    # The detector does not know bikinis: how many are found is reported apart.
    assert together["unknown_classes"] == ["bikini"]
    assert together["shop"]["gaps"] == {"Swimwear": {"boxes": 1, "found": 0.0}}
    # By the taxonomy's groups, as before.
    assert result["sources"]["home"]["shop"]["gaps"]["Swimwear"]["boxes"] == 1
    assert result["sources"]["home"]["shop"]["per_name"]["Tops"]["boxes"] == 2
    assert "blouse" in format_table(result["sources"]["street"])


def test_an_unreadable_image_is_left_out_of_its_source_and_of_all(
    street, home, taxonomy, predicted
):
    images = street.images.to_dict("records")
    images.append(images[0] | {"image_id": 6, "path": "/broken.jpg"})
    street = replace(
        Dataset.build("street", "/street", street.classes, images, street.boxes),
        problems=street.problems,
    )
    detections = {"street": {5: make_detections((0, 1, 0.9))}, "home": {8: make_detections()}}
    predicted(detections, {"street": {"/broken.jpg": "is no photo"}})
    result = evaluate_sources(make_detector(), [street, home], taxonomy, bootstrap=0)
    assert result["sources"]["street"]["photos"] == 1 and result["together"]["photos"] == 2
    assert result["together"]["left_out"] == {"/broken.jpg": "is no photo"}
    assert result["together"]["seconds_per_photo"] is None


def test_a_class_that_the_taxonomy_lacks(street, taxonomy, predicted, capsys):
    other = make_dataset("home", ("kimono",), ("kimono", "upper"), image_id=8)
    predicted({"street": {5: make_detections()}, "home": {8: make_detections((0, 0, 0.9))}})
    result = evaluate(make_detector(), other, bootstrap=0, taxonomy=taxonomy)
    assert result["unknown_classes"] == ["kimono"] and result["shop"] is None
    assert "does not map home: 'kimono'" in capsys.readouterr().err
    with pytest.raises(InputError, match="'kimono' is missing"):
        evaluate_sources(make_detector(), [street, other], taxonomy)
