"""Types of error and what they cost."""

import numpy as np
import pytest

from shopee_od.evaluation.error_types import ERROR_TYPES, classify_errors, measure_error_costs
from shopee_od.evaluation.match_table import build_match_table

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)
A_PART, C_PART = (0, 0, 20, 8), (60, 0, 80, 8)  # IoU 0.4
CLASSES = ("shirt", "jeans")


def make_table(make_dataset, make_detections, boxes, rows):
    return build_match_table(make_detections([rows]), make_dataset([boxes], CLASSES), CLASSES)


def classify(*case):
    error_type, missed = classify_errors(make_table(*case))
    return error_type.tolist(), missed.tolist()


@pytest.mark.parametrize(
    "row, error_type, missed",
    [
        ((*A, 0, 0.9), "", False),
        ((*A, 1, 0.9), "classification", False),
        ((*A_PART, 0, 0.9), "localization", False),
        ((*A_PART, 1, 0.9), "both", True),
        ((*NOWHERE, 0, 0.9), "background", True),
        ((0, 0, 20, 1, 0, 0.9), "background", True),  # IoU 0.05
    ],
)
def test_each_type_of_detection(make_dataset, make_detections, row, error_type, missed):
    assert classify(make_dataset, make_detections, [(*A, 0)], [row]) == ([error_type], [missed])


def test_a_duplicate_and_a_missed_box(make_dataset, make_detections):
    rows = [(*A, 0, 0.9), (*A, 0, 0.8), (*A, 1, 0.7)]
    error_type, missed = classify(make_dataset, make_detections, [(*A, 0), (*B, 0)], rows)
    assert error_type == ["", "duplicate", "classification"]
    assert missed == [False, True]


def test_localization_comes_before_classification(make_dataset, make_detections):
    """Jeans on the shirt, IoU 1/3 with the jeans: the authors' program tests localization first."""
    boxes = [(*A, 0), (10, 0, 30, 20, 1)]
    assert classify(make_dataset, make_detections, boxes, [(*A, 1, 0.9)]) == (
        ["localization"],
        [True, False],
    )


def gains(v):
    return measure_error_costs(v).gain.round(6).to_dict()


def test_a_wrong_class_fixed(make_dataset, make_detections):
    """Shirts: A correct, B taken for jeans: recall 1/2. Jeans: C correct after B: precision 1/2."""
    v = make_table(
        make_dataset,
        make_detections,
        [(*A, 0), (*B, 0), (*C, 1)],
        [(*A, 0, 0.9), (*B, 1, 0.8), (*C, 1, 0.7)],
    )
    before = (51 / 101 + 1 / 2) / 2
    assert gains(v) == dict.fromkeys(ERROR_TYPES, 0) | {"classification": round(1 - before, 6)}
    assert measure_error_costs(v)["count"].to_dict() == dict.fromkeys(ERROR_TYPES, 0) | {
        "classification": 1
    }


def test_a_bad_box_fixed(make_dataset, make_detections):
    """Only parts of C are detected. The first is fixed, so that AP is 1; the second is removed."""
    boxes = [(*A, 0), (*C, 1)]
    rows = [(*A, 0, 0.9), (*C_PART, 1, 0.8), (*C_PART, 1, 0.7)]
    v = make_table(make_dataset, make_detections, boxes, rows)
    assert gains(v)["localization"] == pytest.approx(0.5)
    assert gains(v)["missed"] == 0
    assert measure_error_costs(v)["count"]["localization"] == 2


def test_a_bad_box_on_a_detected_garment_is_removed(make_dataset, make_detections):
    """The part has the higher score: precision is 1/2, and 1 without it."""
    v = make_table(make_dataset, make_detections, [(*A, 0)], [(*A_PART, 0, 0.9), (*A, 0, 0.8)])
    assert gains(v)["localization"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "error_type, wrong",
    [("background", (*NOWHERE, 0)), ("both", (*C_PART, 0)), ("classification", (*C, 0))],
)
def test_a_wrong_detection_removed(make_dataset, make_detections, error_type, wrong):
    """It has a higher score than the correct shirt: precision is 1/2, and 1 without it."""
    rows = [(*wrong, 0.9), (*A, 0, 0.8), (*C, 1, 0.95)]
    v = make_table(make_dataset, make_detections, [(*A, 0), (*C, 1)], rows)
    assert gains(v) == dict.fromkeys(ERROR_TYPES, 0) | {error_type: pytest.approx(0.25)}


def test_a_duplicate_removed(make_dataset, make_detections):
    """Correct, duplicate, correct: the second recall step has precision 2/3, and 1 without it."""
    v = make_table(
        make_dataset,
        make_detections,
        [(*A, 0), (*B, 0)],
        [(*A, 0, 0.9), (*A, 0, 0.8), (*B, 0, 0.7)],
    )
    assert gains(v) == dict.fromkeys(ERROR_TYPES, 0) | {
        "duplicate": pytest.approx(50 / 101 / 3, abs=1e-6)
    }


def test_a_missed_box_no_longer_counts(make_dataset, make_detections):
    v = make_table(make_dataset, make_detections, [(*A, 0), (*B, 0)], [(*A, 0, 0.9)])
    assert gains(v) == dict.fromkeys(ERROR_TYPES, 0) | {"missed": pytest.approx(50 / 101, abs=1e-6)}


def test_a_class_without_correct_detections_stays_at_zero(make_dataset, make_detections):
    v = make_table(make_dataset, make_detections, [(*A, 0), (*C, 1)], [(*A, 0, 0.9)])
    assert gains(v) == dict.fromkeys(ERROR_TYPES, 0)
    assert measure_error_costs(v)["count"]["missed"] == 1


def test_no_detections_and_no_boxes(make_dataset, make_detections):
    no_detections = measure_error_costs(make_table(make_dataset, make_detections, [(*A, 0)], []))
    assert no_detections["count"].to_dict() == dict.fromkeys(ERROR_TYPES, 0) | {"missed": 1}
    no_boxes = measure_error_costs(make_table(make_dataset, make_detections, [], [(*A, 0, 0.9)]))
    assert no_boxes["count"]["background"] == 1
    assert no_boxes.gain.isna().all()


def test_every_wrong_detection_has_a_type_and_gains_are_in_range(random_case):
    for seed in range(60):
        dataset, detections = random_case(seed)
        v = build_match_table(detections, dataset, dataset.classes)
        error_type, missed = classify_errors(v)
        assert set(error_type) <= {*ERROR_TYPES, ""} - {"missed"}
        assert ((error_type == "") == v.detections.correct).all()
        matched = np.isin(np.arange(len(v.gt_boxes)), v.detections.gt_row)
        assert not (missed & matched).any()
        table = measure_error_costs(v)
        assert table["count"].sum() == (~v.detections.correct).sum() + missed.sum()
        if v.num_gt.any():
            assert (table.gain.drop("classification") > -1e-9).all()
            assert (table.gain <= 1).all()
