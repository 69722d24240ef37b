"""A detector of categories on data sets with classes of their own, and the other way round."""

import numpy as np
import pytest
from joint_cases import (
    CLASSES,
    TAXONOMY,
    TYPES,
    make_box,
    make_dataset,
    make_detections,
    make_detector,
)

from shopee_od.datasets.joint import join_datasets
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError
from shopee_od.evaluation.class_mapping import (
    coarsen_unsupported,
    find_class_of_category,
    join_detections,
    join_ground_truth,
    merge_classes,
    refuse_shared_names,
    share_classes,
)
from shopee_od.evaluation.scoring import score
from shopee_od.structures import Detections


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


@pytest.mark.parametrize(
    ("trained_on", "is_refused"), [("street+home", True), ("home", False), (None, False)]
)
def test_names_that_agree_by_coincidence_are_refused(street, trained_on, is_refused):
    detector = make_detector(trained_on)
    if is_refused:
        with pytest.raises(InputError, match=r"d on street: 'coat' is a category of.*, and why$"):
            refuse_shared_names(street, detector, "why")
    else:
        refuse_shared_names(street, detector, "why")
    others = make_dataset("street", ("blouse",), ("blouse", "upper"))
    refuse_shared_names(others, detector, "why")
