"""The confusion matrix."""

import pytest

from shopee_od.evaluation.confusion import BACKGROUND, compute_confusion_matrix
from shopee_od.evaluation.match_table import build_match_table

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)
CLASSES = ("shirt", "jeans")


def matrix(make_dataset, make_detections, boxes, rows, threshold=0.5):
    dataset = make_dataset(boxes, CLASSES)
    table = build_match_table(make_detections(rows), dataset, CLASSES)
    return compute_confusion_matrix(table, threshold)


def test_worked_example(make_dataset, make_detections):
    """Correct; a shirt classified as jeans; jeans missed; background; a score too low."""
    m = matrix(
        make_dataset,
        make_detections,
        [[(*A, 0), (*B, 0), (*C, 1)]],
        [[(*A, 0, 0.9), (*B, 1, 0.8), (*NOWHERE, 1, 0.7), (*C, 1, 0.4)]],
    )
    assert list(m.index) == list(m.columns) == [*CLASSES, BACKGROUND]
    assert m.to_numpy().tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 0]]


def test_the_right_class_comes_before_a_better_score(make_dataset, make_detections):
    """Jeans 0.9 on the shirt, and shirt 0.6: the shirt is correct, the jeans a second detection."""
    m = matrix(make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.9), (*A, 0, 0.6)]])
    assert m.to_numpy().tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    m = matrix(
        make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.9), (*A, 0, 0.6)]], threshold=0.7
    )
    assert m.to_numpy().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_of_two_wrong_classes_the_higher_score_takes_the_box(make_dataset, make_detections):
    m = matrix(make_dataset, make_detections, [[(*A, 0)]], [[(*A, 1, 0.7), (*A, 1, 0.9)]])
    assert m.to_numpy().tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_a_detection_takes_the_box_that_it_overlaps_most(make_dataset, make_detections):
    """Two shirts side by side, each with jeans moved towards the other."""
    boxes = [[(0, 0, 20, 20, 0), (4, 0, 24, 20, 0)]]
    m = matrix(
        make_dataset, make_detections, boxes, [[(3, 0, 23, 20, 1, 0.9), (1, 0, 21, 20, 1, 0.8)]]
    )
    assert m.loc["shirt", "jeans"] == 2


def test_rows_sum_to_boxes_columns_to_detections_and_the_diagonal_is_correct(random_case):
    for seed in range(60):
        dataset, detections = random_case(seed)
        v = build_match_table(detections, dataset, dataset.classes)
        for threshold in (0.0, 0.3, 0.6, 1.0):
            m = compute_confusion_matrix(v, threshold)
            detections_above = v.detections[v.detections.score >= threshold]
            assert m.sum(axis=1).to_list()[:-1] == v.num_gt.tolist()
            assert m.loc[BACKGROUND, BACKGROUND] == 0
            for k, (name, c) in enumerate(v.compute_curves().items()):
                assert m[name].sum() == (detections_above.category == k).sum()
                precision, recall = c.at_threshold(threshold)
                if m[name].sum():
                    assert m.loc[name, name] / m[name].sum() == pytest.approx(precision)
                if c.num_gt:
                    assert m.loc[name, name] / c.num_gt == pytest.approx(recall)
