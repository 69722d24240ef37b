"""The operating threshold."""

import pytest

from shopee_od.evaluation import find_best_threshold
from shopee_od.evaluation.grouping import match_by_class

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)


def test_worked_example(make_dataset, make_detections):
    """Three boxes. F1 after each detection: 2/4, 4/5, 4/6, 4/7, 6/8: best at the second."""
    dataset = make_dataset([[(*A, 0), (*B, 1)], [(*C, 0)]], classes=("shirt", "jeans"))
    detections = make_detections(
        [
            [(*A, 0, 0.9), (*B, 1, 0.7), (*NOWHERE, 1, 0.5)],
            [(*NOWHERE, 0, 0.4), (*C, 0, 0.3)],
        ]
    )
    assert find_best_threshold(detections, dataset, ("shirt", "jeans")) == pytest.approx(
        (0.7, 4 / 5)
    )


def test_the_class_must_be_correct(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0), (*B, 1)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*A, 1, 0.9), (*B, 1, 0.8)]])
    assert find_best_threshold(detections, dataset, ("shirt", "jeans")) == pytest.approx(
        (0.8, 2 / 4)
    )
    assert find_best_threshold(detections, dataset, ("jeans", "shirt")) == pytest.approx(
        (0.9, 2 / 3)
    )


def test_ignore_boxes_neither_count_nor_cost(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0), (*B, 0, {"ignore": True}), (*C, 0, {"iscrowd": True})]])
    detections = make_detections([[(*B, 0, 0.95), (*C, 0, 0.9), (*A, 0, 0.6)]])
    assert find_best_threshold(detections, dataset, ("a",)) == pytest.approx((0.6, 1.0))


def test_a_threshold_takes_all_of_a_score(make_dataset, make_detections):
    """The first of the tied ones alone would have F1 1, but no threshold takes it alone."""
    dataset = make_dataset([[(*A, 0)]])
    detections = make_detections([[(*A, 0, 0.5), (*B, 0, 0.5), (*C, 0, 0.5)]])
    assert find_best_threshold(detections, dataset, ("a",)) == pytest.approx((0.5, 2 / 4))


def test_no_correct_detection(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0)], []])
    assert find_best_threshold(make_detections([[(*B, 0, 0.5)], []]), dataset, ("a",)) == (0.5, 0.0)
    assert find_best_threshold(make_detections([[], []]), dataset, ("a",)) == (0.5, 0.0)
    assert find_best_threshold(make_detections([[(*A, 0, 0.5)], []]), dataset, ("other",)) == (
        0.5,
        0.0,
    )


def test_it_is_the_best_of_all_thresholds_with_the_f1_it_returns(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        threshold, f1 = find_best_threshold(detections, dataset, dataset.classes)
        at = {
            t: f1_at(detections, dataset, t) for t in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
        }
        assert f1 == pytest.approx(max(at.values()))
        assert f1_at(detections, dataset, threshold) == pytest.approx(f1)


def f1_at(detections, dataset, threshold):
    """F1 of only the detections at or above a threshold, matched again."""
    above = {i: d.above(threshold) for i, d in detections.items()}
    matches = match_by_class(above, dataset, dataset.classes).values()
    correct = sum(m.correct[0].sum() for m in matches)
    num_detections = sum((~m.ignored[0]).sum() for m in matches)
    num_gt = sum(m.num_gt.sum() for m in matches)
    return 2 * correct / (num_detections + num_gt) if correct else 0.0
