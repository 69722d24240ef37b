"""The precision–recall curve."""

import doctest

import numpy as np
import pytest

from shopee_od.evaluation import curves, find_best_threshold, score
from shopee_od.evaluation.average_precision import AT_50, AT_75
from shopee_od.evaluation.curves import compute_class_curve, compute_pooled_curve, compute_pr_curve
from shopee_od.evaluation.grouping import match_by_class


def test_the_docstrings_example():
    assert doctest.testmod(curves).failed == 0


def test_worked_example():
    """Four boxes. Correct, wrong, correct, correct, given in another order."""
    c = compute_pr_curve([0.6, 0.9, 0.7, 0.8], [True, True, True, False], 4)
    np.testing.assert_allclose(c.scores, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(c.precision, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(c.recall, [1 / 4, 1 / 4, 2 / 4, 3 / 4])
    np.testing.assert_allclose(c.envelope, [1, 3 / 4, 3 / 4, 3 / 4])
    assert c.interpolated_precision.shape == (101,)
    np.testing.assert_allclose(
        c.interpolated_precision[[0, 25, 26, 75, 76, 100]], [1, 1, 3 / 4, 3 / 4, 0, 0]
    )
    assert c.ap == pytest.approx((26 * 1 + 50 * 3 / 4) / 101)


def test_a_threshold_keeps_the_scores_at_it_and_above():
    c = compute_pr_curve([0.9, 0.5, 0.5, 0.2], [True, False, True, True], 4)
    assert c.at_threshold(0.6) == pytest.approx((1, 1 / 4))
    assert c.at_threshold(0.5) == pytest.approx((2 / 3, 2 / 4))
    assert c.at_threshold(0.51) == pytest.approx((1, 1 / 4))
    assert c.at_threshold(0.0) == pytest.approx((3 / 4, 3 / 4))
    assert c.at_threshold(0.95) == pytest.approx((np.nan, 0), nan_ok=True)


def test_no_boxes_or_no_detections():
    assert np.isnan(compute_pr_curve([0.5], [False], 0).ap)
    assert np.isnan(compute_pr_curve([0.5], [False], 0).at_threshold(0.1)[1])
    assert compute_pr_curve([], [], 3).ap == 0
    assert compute_pr_curve([], [], 3).at_threshold(0.1) == pytest.approx((np.nan, 0), nan_ok=True)


def test_the_area_equals_the_ap_of_score(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        metrics = score(
            detections, dataset, dataset.classes, [""] * len(dataset.classes), 0.5, bootstrap=0
        )
        for name, matches in match_by_class(detections, dataset, dataset.classes).items():
            ap50 = metrics["per_class"][name]["AP50"]
            assert compute_class_curve(matches).ap == pytest.approx(
                np.nan if ap50 is None else ap50, abs=1e-6, nan_ok=True
            )
            aps = [compute_class_curve(matches, at).ap for at in range(10)]
            ap = metrics["per_class"][name]["AP"]
            assert np.mean(aps) == pytest.approx(
                np.nan if ap is None else ap, abs=1e-6, nan_ok=True
            )


def test_another_iou_gives_another_curve(make_dataset, make_detections):
    """IoU 0.6: correct at 0.5, wrong at 0.75."""
    dataset = make_dataset([[(0, 0, 10, 10, 0)]])
    (matches,) = match_by_class(
        make_detections([[(0, 0, 10, 6, 0, 0.9)]]), dataset, ("a",)
    ).values()
    assert compute_class_curve(matches, AT_50).ap == pytest.approx(1)
    assert compute_class_curve(matches, AT_75).ap == 0


def test_the_operating_threshold_is_chosen_on_the_pooled_curve(random_case):
    for seed in range(30):
        dataset, detections = random_case(seed)
        threshold, f1 = find_best_threshold(detections, dataset, dataset.classes)
        precision, recall = compute_pooled_curve(
            match_by_class(detections, dataset, dataset.classes).values()
        ).at_threshold(threshold)
        if f1:
            assert 2 * precision * recall / (precision + recall) == pytest.approx(f1)
