"""The precision–recall curve."""

import doctest

import numpy as np
import pytest

from shopee_od.evaluation import best_threshold, curves, score
from shopee_od.evaluation.coco import AT_50, AT_75
from shopee_od.evaluation.curves import curve, of_matches, together
from shopee_od.evaluation.views import by_class


def test_the_docstrings_example():
    assert doctest.testmod(curves).failed == 0


def test_worked_example():
    """Four boxes. Right, wrong, right, right, given in another order."""
    c = curve([0.6, 0.9, 0.7, 0.8], [True, True, True, False], 4)
    np.testing.assert_allclose(c.scores, [0.9, 0.8, 0.7, 0.6])
    np.testing.assert_allclose(c.precision, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(c.recall, [1 / 4, 1 / 4, 2 / 4, 3 / 4])
    np.testing.assert_allclose(c.envelope, [1, 3 / 4, 3 / 4, 3 / 4])
    assert c.at_recalls.shape == (101,)
    np.testing.assert_allclose(c.at_recalls[[0, 25, 26, 75, 76, 100]], [1, 1, 3 / 4, 3 / 4, 0, 0])
    assert c.ap == pytest.approx((26 * 1 + 50 * 3 / 4) / 101)


def test_a_threshold_keeps_the_scores_at_it_and_above():
    c = curve([0.9, 0.5, 0.5, 0.2], [True, False, True, True], 4)
    assert c.at(0.6) == pytest.approx((1, 1 / 4))
    assert c.at(0.5) == pytest.approx((2 / 3, 2 / 4))
    assert c.at(0.51) == pytest.approx((1, 1 / 4))
    assert c.at(0.0) == pytest.approx((3 / 4, 3 / 4))
    assert c.at(0.95) == pytest.approx((np.nan, 0), nan_ok=True)


def test_no_boxes_or_no_detections():
    assert np.isnan(curve([0.5], [False], 0).ap)
    assert np.isnan(curve([0.5], [False], 0).at(0.1)[1])
    assert curve([], [], 3).ap == 0
    assert curve([], [], 3).at(0.1) == pytest.approx((np.nan, 0), nan_ok=True)


def test_the_area_is_the_packages_ap(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        figures = score(detections, dataset, dataset.classes, [""] * len(dataset.classes), 0.5, bootstrap=0)
        for name, matches in by_class(detections, dataset, dataset.classes).items():
            ap50 = figures["per_class"][name]["AP50"]
            assert of_matches(matches).ap == pytest.approx(np.nan if ap50 is None else ap50, abs=1e-6, nan_ok=True)
            aps = [of_matches(matches, at).ap for at in range(10)]
            ap = figures["per_class"][name]["AP"]
            assert np.mean(aps) == pytest.approx(np.nan if ap is None else ap, abs=1e-6, nan_ok=True)


def test_another_iou_gives_another_curve(make_dataset, make_detections):
    """IoU 0.6: right at 0.5, wrong at 0.75."""
    dataset = make_dataset([[(0, 0, 10, 10, 0)]])
    (matches,) = by_class(make_detections([[(0, 0, 10, 6, 0, 0.9)]]), dataset, ("a",)).values()
    assert of_matches(matches, AT_50).ap == pytest.approx(1)
    assert of_matches(matches, AT_75).ap == 0


def test_together_is_what_the_operating_threshold_is_set_on(random_case):
    for seed in range(30):
        dataset, detections = random_case(seed)
        threshold, f1 = best_threshold(detections, dataset, dataset.classes)
        precision, recall = together(by_class(detections, dataset, dataset.classes).values()).at(threshold)
        if f1:
            assert 2 * precision * recall / (precision + recall) == pytest.approx(f1)
