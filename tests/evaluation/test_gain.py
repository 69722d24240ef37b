import numpy as np
import pytest

from shopee_od.evaluation.bootstrap import compute_basic_interval
from shopee_od.evaluation.gain import compute_gain
from shopee_od.evaluation.grouping import match_class_agnostic
from shopee_od.evaluation.scoring import score

GARMENT = (10, 10, 60, 80, 0)
MISS = (70, 10, 95, 30, 0)


def match(rows_of_images, dataset, make_detections):
    return match_class_agnostic(make_detections(rows_of_images), dataset)


@pytest.fixture
def dataset(make_dataset):
    return make_dataset([[GARMENT]] * 40)


def test_the_gain_is_the_difference_of_the_two_values(dataset, make_detections):
    good = [[(*GARMENT, 0.9)]] * 30 + [[]] * 10
    poor = [[(*GARMENT, 0.9)]] * 20 + [[(*MISS, 0.8)]] * 20
    gain = compute_gain(*(match(rows, dataset, make_detections) for rows in (good, poor)))
    for name, rows in (("AP50", good), ("baseline_AP50", poor)):
        metrics = score(make_detections(rows), dataset, dataset.classes, ("",), 0.5, bootstrap=0)
        assert gain[name] == pytest.approx(metrics["agnostic"]["AP50"])
    assert gain["gain"] == pytest.approx(gain["AP50"] - gain["baseline_AP50"])
    low, high = gain["interval"]
    assert 0 < low < gain["gain"] < high


def test_a_loss_is_below_0(dataset, make_detections):
    good = match([[(*GARMENT, 0.9)]] * 40, dataset, make_detections)
    poor = match([[(*GARMENT, 0.9)]] * 8 + [[]] * 32, dataset, make_detections)
    gain = compute_gain(poor, good)
    assert gain["gain"] < gain["interval"][1] < 0
    assert gain["interval"][0] >= -1


def test_a_detector_gains_nothing_over_itself(dataset, make_detections):
    """The same images are in both resamples, however much each value varies."""
    rows = [[(*GARMENT, 0.9)]] * 20 + [[(*MISS, 0.8)]] * 20
    matches = match(rows, dataset, make_detections)
    gain = compute_gain(matches, matches)
    assert gain["gain"] == 0 and gain["interval"] == [0, 0]


def test_without_boxes_or_resamples_there_is_none(make_dataset, make_detections, dataset):
    nothing = match([[]], make_dataset([[]]), make_detections)
    assert set(compute_gain(nothing, nothing).values()) == {None}
    matches = match([[(*GARMENT, 0.9)]] * 40, dataset, make_detections)
    assert compute_gain(matches, matches, bootstrap=0)["interval"] is None


def test_an_interval_stays_within_its_limits():
    resampled = [np.array([-0.9, 0.9])]
    assert compute_basic_interval(0.0, resampled) == [0.0, pytest.approx(0.855)]
    assert compute_basic_interval(0.5, resampled, (-1, 1)) == [pytest.approx(0.145), 1.0]
