"""The confusion matrix."""

import pytest

from shopee_od.evaluation.confusion import BACKGROUND, confusion
from shopee_od.evaluation.verdicts import verdicts

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)
CLASSES = ("shirt", "jeans")


def matrix(make_dataset, make_detections, boxes, found, threshold=0.5):
    return confusion(verdicts(make_detections(found), make_dataset(boxes, CLASSES), CLASSES), threshold)


def test_worked_example(make_dataset, make_detections):
    """Right; a shirt taken for jeans; jeans missed; one made up; one too weak to count."""
    m = matrix(
        make_dataset,
        make_detections,
        [[(*A, 0), (*B, 0), (*C, 1)]],
        [[(*A, 0, 0.9), (*B, 1, 0.8), (*NOWHERE, 1, 0.7), (*C, 1, 0.4)]],
    )
    assert list(m.index) == list(m.columns) == [*CLASSES, BACKGROUND]
    assert m.to_numpy().tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


def test_the_right_class_comes_before_a_better_score(make_dataset, make_detections):
    """Jeans 0.9 on the shirt, and the shirt 0.6: the shirt is right, the other a second name for it."""
    m = matrix(make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.9), (*A, 0, 0.6)]])
    assert m.to_numpy().tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    m = matrix(make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.9), (*A, 0, 0.6)]], threshold=0.7)
    assert m.to_numpy().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_of_two_wrong_names_the_better_takes_the_box(make_dataset, make_detections):
    m = matrix(make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.7), (*A, 1, 0.9)]])
    assert m.to_numpy().tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_each_takes_the_box_that_it_overlaps_most(make_dataset, make_detections):
    """Two shirts side by side, each with jeans moved towards the other."""
    boxes = [[(0, 0, 20, 20, 0), (4, 0, 24, 20, 0)]]
    m = matrix(make_dataset, make_detections, boxes, [[(3, 0, 23, 20, 1, 0.9), (1, 0, 21, 20, 1, 0.8)]])
    assert m.loc["shirt", "jeans"] == 2


def test_rows_are_boxes_columns_detections_and_the_diagonal_their_hits(random_case):
    for seed in range(60):
        dataset, detections = random_case(seed)
        v = verdicts(detections, dataset, dataset.classes)
        for threshold in (0.0, 0.3, 0.6, 1.0):
            m = confusion(v, threshold)
            kept = v.found[v.found.score >= threshold]
            assert m.sum(axis=1).to_list()[:-1] == v.boxes.tolist()
            assert m.loc[BACKGROUND, BACKGROUND] == 0
            for k, (name, c) in enumerate(v.curves().items()):
                assert m[name].sum() == (kept.category == k).sum()
                precision, recall = c.at(threshold)
                if m[name].sum():
                    assert m.loc[name, name] / m[name].sum() == pytest.approx(precision)
                if c.boxes:
                    assert m.loc[name, name] / c.boxes == pytest.approx(recall)
