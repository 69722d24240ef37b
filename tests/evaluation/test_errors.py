"""Kinds of error and what they cost."""

import numpy as np
import pytest

from shopee_od.evaluation.errors import KINDS, costs, kinds
from shopee_od.evaluation.verdicts import verdicts

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)
A_PART, C_PART = (0, 0, 20, 8), (60, 0, 80, 8)  # IoU 0.4
CLASSES = ("shirt", "jeans")


def case(make_dataset, make_detections, boxes, found):
    return verdicts(make_detections([found]), make_dataset([boxes], CLASSES), CLASSES)


def kind_of(*case_):
    kind, missed = kinds(case(*case_))
    return kind.tolist(), missed.tolist()


@pytest.mark.parametrize(
    "found, kind, missed",
    [
        ((*A, 0, 0.9), "", False),
        ((*A, 1, 0.9), "classification", False),
        ((*A_PART, 0, 0.9), "localisation", False),
        ((*A_PART, 1, 0.9), "both", True),
        ((*NOWHERE, 0, 0.9), "background", True),
        ((0, 0, 20, 1, 0, 0.9), "background", True),  # IoU 0.05
    ],
)
def test_each_kind_of_detection(make_dataset, make_detections, found, kind, missed):
    assert kind_of(make_dataset, make_detections, [(*A, 0)], [found]) == ([kind], [missed])


def test_a_duplicate_and_a_missed_box(make_dataset, make_detections):
    found = [(*A, 0, 0.9), (*A, 0, 0.8), (*A, 1, 0.7)]
    kind, missed = kind_of(make_dataset, make_detections, [(*A, 0), (*B, 0)], found)
    assert kind == ["", "duplicate", "classification"]
    assert missed == [False, True]


def test_near_its_own_class_comes_before_on_another(make_dataset, make_detections):
    """Jeans on the shirt, which overlap the jeans by a third: the authors' program tests localisation first."""
    boxes = [(*A, 0), (10, 0, 30, 20, 1)]
    assert kind_of(make_dataset, make_detections, boxes, [(*A, 1, 0.9)]) == (["localisation"], [True, False])


def gains(v):
    return costs(v).gain.round(6).to_dict()


def test_a_wrong_name_mended(make_dataset, make_detections):
    """Shirts: A right, B named jeans, so half of them at precision 1; jeans: C right, after B, at precision 1/2."""
    v = case(make_dataset, make_detections, [(*A, 0), (*B, 0), (*C, 1)], [(*A, 0, 0.9), (*B, 1, 0.8), (*C, 1, 0.7)])
    before = (51 / 101 + 1 / 2) / 2
    assert gains(v) == dict.fromkeys(KINDS, 0) | {"classification": round(1 - before, 6)}
    assert costs(v)["count"].to_dict() == dict.fromkeys(KINDS, 0) | {"classification": 1}


def test_a_bad_box_mended(make_dataset, make_detections):
    """Jeans: the part of C before, C itself missed: mended AP 1. Another part, with a lower score, is then gone."""
    boxes, found = [(*A, 0), (*C, 1)], [(*A, 0, 0.9), (*C_PART, 1, 0.8), (*C_PART, 1, 0.7)]
    v = case(make_dataset, make_detections, boxes, found)
    assert gains(v)["localisation"] == pytest.approx(0.5)
    assert gains(v)["missed"] == 0
    assert costs(v)["count"]["localisation"] == 2


def test_a_bad_box_of_a_garment_that_is_found_goes(make_dataset, make_detections):
    """The part stands before the right one: precision 1/2, and 1 when it is gone."""
    v = case(make_dataset, make_detections, [(*A, 0)], [(*A_PART, 0, 0.9), (*A, 0, 0.8)])
    assert gains(v)["localisation"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "kind, wrong", [("background", (*NOWHERE, 0)), ("both", (*C_PART, 0)), ("classification", (*C, 0))]
)
def test_a_wrong_detection_gone(make_dataset, make_detections, kind, wrong):
    """It stands before the right shirt: 1/2, and 1 without it. The jeans are found either way."""
    found = [(*wrong, 0.9), (*A, 0, 0.8), (*C, 1, 0.95)]
    v = case(make_dataset, make_detections, [(*A, 0), (*C, 1)], found)
    assert gains(v) == dict.fromkeys(KINDS, 0) | {kind: pytest.approx(0.25)}


def test_a_duplicate_gone(make_dataset, make_detections):
    """Right, twice, right: the second recall step has precision 2/3, and 1 without the duplicate."""
    v = case(make_dataset, make_detections, [(*A, 0), (*B, 0)], [(*A, 0, 0.9), (*A, 0, 0.8), (*B, 0, 0.7)])
    assert gains(v) == dict.fromkeys(KINDS, 0) | {"duplicate": pytest.approx(50 / 101 / 3, abs=1e-6)}


def test_a_missed_box_does_not_count_any_more(make_dataset, make_detections):
    v = case(make_dataset, make_detections, [(*A, 0), (*B, 0)], [(*A, 0, 0.9)])
    assert gains(v) == dict.fromkeys(KINDS, 0) | {"missed": pytest.approx(50 / 101, abs=1e-6)}


def test_a_class_with_nothing_right_stays_at_zero(make_dataset, make_detections):
    v = case(make_dataset, make_detections, [(*A, 0), (*C, 1)], [(*A, 0, 0.9)])
    assert gains(v) == dict.fromkeys(KINDS, 0)
    assert costs(v)["count"]["missed"] == 1


def test_nothing_found_and_nothing_there(make_dataset, make_detections):
    nothing_found = costs(case(make_dataset, make_detections, [(*A, 0)], []))
    assert nothing_found["count"].to_dict() == dict.fromkeys(KINDS, 0) | {"missed": 1}
    nothing_there = costs(case(make_dataset, make_detections, [], [(*A, 0, 0.9)]))
    assert nothing_there["count"]["background"] == 1
    assert nothing_there.gain.isna().all()


def test_every_wrong_detection_has_a_kind_and_no_mending_harms_by_much(random_case):
    for seed in range(60):
        dataset, detections = random_case(seed)
        v = verdicts(detections, dataset, dataset.classes)
        kind, missed = kinds(v)
        assert set(kind) <= {*KINDS, ""} - {"missed"}
        assert ((kind == "") == v.found.hit).all()
        found = np.isin(np.arange(len(v.truth)), v.found.box)
        assert not (missed & found).any()
        table = costs(v)
        assert table["count"].sum() == (~v.found.hit).sum() + missed.sum()
        if v.boxes.any():
            assert (table.gain.drop("classification") > -1e-9).all()
            assert (table.gain <= 1).all()
