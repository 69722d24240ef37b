import pandas as pd
import pytest
from joint_cases import CLASSES, TYPES, make_detections, make_street, write_taxonomy

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.evaluation.average_precision import AT_50
from shopee_od.evaluation.class_mapping import join_ground_truth
from shopee_od.evaluation.grouping import match_by_class, match_class_agnostic
from shopee_od.evaluation.match_table import build_match_table
from shopee_od.evaluation.scoring import score


def test_boxes_of_coarse_labels_count_by_type_and_class_agnostic_only(tmp_path):
    joint = join_ground_truth([make_street()], write_taxonomy(tmp_path))
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
    assert match_class_agnostic(right, joint).num_gt.tolist() == [2]


def test_coarse_labels_change_nothing_in_the_match_table_but_ignore_boxes(random_case):
    """A box of a coarse label, and an ignore box of each of its classes: the same table."""
    for seed in range(30):
        dataset, detections = random_case(seed)
        k = len(dataset.classes)
        if k < 2:
            continue
        coarse = (dataset.boxes.label == 0) & ~dataset.boxes.iscrowd
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


def add_region(dataset, image_id):
    """The data set, where a photo lost a label."""
    log = ProblemLog()
    log.add("box damaged: dropped", "row 1", image_id)
    return Dataset.build(
        dataset.name, dataset.root, dataset.classes, dataset.images, dataset.boxes, log
    )


def test_in_a_photo_that_lost_a_label_only_its_boxes_count(make_dataset, make_detections):
    """Other detections in it are neither right nor wrong, whatever their class and number."""
    box, other = (10, 10, 40, 40), (60, 60, 90, 90)
    dataset = make_dataset(
        [[(*box, 0, {"type": "upper"})], [(*box, 1, {"type": "lower"})]], ("a", "b", "c")
    )
    dataset = add_region(dataset, 1)
    right = [[(*box, 0, 0.5)], [(*box, 1, 0.5)]]
    more = [[(*box, 1, 0.7), *((*other, k, 0.9) for k in (0, 1, 2, 0))], []]
    types = ("upper", "lower", "full")

    def compute(*parts):
        rows = [[row for part in parts for row in part[image]] for image in range(2)]
        metrics = score(make_detections(rows), dataset, dataset.classes, types, 0.4, bootstrap=0)
        # COCO's AR1 takes the first detection of each image, ignored or not.
        return {name: value for name, value in metrics.items() if name != "AR1"}

    metrics = compute(right, more)
    assert metrics == compute(right)
    assert [metrics["AP"], metrics["agnostic"]["AP"]] == pytest.approx([1, 1])
    assert metrics["agnostic"]["boxes"] == 2
    elsewhere = [[], [(*other, 1, 0.9)]]
    assert compute(right, elsewhere)["AP"] < 1
    assert compute(more, [[], right[1]])["per_class"]["a"]["AP"] == pytest.approx(0)


def test_a_crowd_to_be_ignored_is_one_of_each_class(random_case):
    """In the match table too, and whatever its label."""
    for seed in range(20):
        dataset, detections = random_case(seed)
        boxes = dataset.boxes.assign(ignore=False, iscrowd=False)
        boxes.loc[boxes.box_id % 3 == 0, ["ignore", "iscrowd"]] = True
        dataset = dataset.with_classes(dataset.classes, boxes)
        copies = [
            boxes.assign(label=label, box_id=boxes.box_id + 1000 * (label + 1), ignore=False)
            for label in range(len(dataset.classes))
        ]
        crowds = [copy[dataset.any_class_mask] for copy in copies]
        as_crowds = dataset.with_classes(
            dataset.classes, pd.concat([boxes[~dataset.any_class_mask], *crowds])
        )
        table = build_match_table(detections, dataset, dataset.classes)
        expected = build_match_table(detections, as_crowds, dataset.classes)
        assert table.detections.equals(expected.detections)
        assert table.gt_boxes.equals(expected.gt_boxes)
