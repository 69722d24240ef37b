"""Checks of predicted values: right ones, the usual mistakes by name, and none yet."""

import math

import pytest

from shopee_od.course import checks
from shopee_od.course.exercises import check_values

RIGHT = {
    checks.predict_iou: {"a": 1 / 3, "b": 0.5, "c": 0.25, "d": 0},
    checks.sixth_detection: {
        "precision": 0.667,
        "recall": 1,
        "interpolated at 0.6": 0.75,
        "interpolated at 1.0": 2 / 3,
    },
    checks.unchanged_ap: {"a": True, "b": False, "c": False, "d": True},
    checks.svm_labels: {"a": 1, "b": 1, "c": -1, "d": 0, "e": 0, "fine-tuning, c": 1},
    checks.predict_deltas: {"a": 0.5, "b": math.log(0.5), "c": 0.25, "d": math.log(0.5)},
    checks.predict_dependence: {"a": True, "b": False, "c": True, "d": True},
    checks.predict_savings: {"a": 2, "b": 4, "c": (256**2 + 320**2 + 448**2) / 256**2, "d": 1},
}
MISTAKES = [
    (checks.predict_iou, {"a": 0.5}, "larger than one box"),
    (checks.predict_iou, {"a": 50 / 200}, "counts the shared part twice"),
    (checks.predict_iou, {"b": 50 / 150}, "counts the shared part twice"),
    (checks.predict_iou, {"c": 1}, "divides by the union"),
    (checks.predict_iou, {"c": 10 / 20}, "not about sides"),
    (checks.predict_iou, {"d": 11 / 231}, "x2 and y2 are exclusive"),
    (checks.sixth_detection, {"precision": 4 / 5}, "which is now 6"),
    (checks.sixth_detection, {"precision": 3 / 6}, "D is still free"),
    (checks.sixth_detection, {"recall": 3 / 4}, "D is still free"),
    (checks.sixth_detection, {"recall": 4 / 6}, "the number of boxes"),
    (checks.sixth_detection, {"interpolated at 0.6": 0.6}, "not the nearest"),
    (checks.sixth_detection, {"interpolated at 0.6": 1}, "to the left does not count"),
    (checks.sixth_detection, {"interpolated at 1.0": 0.75}, "to the left does not count"),
    (checks.sixth_detection, {"interpolated at 1.0": 0}, "is reached now"),
    (checks.unchanged_ap, {"a": False}, "the order of the scores only"),
    (checks.unchanged_ap, {"b": True}, "then recall falls"),
    (checks.unchanged_ap, {"c": True}, "a duplicate"),
    (checks.unchanged_ap, {"d": False}, "after the last correct detection"),
    (checks.svm_labels, {"b": 0}, "expected 1"),
    (checks.svm_labels, {"b": -1}, "still a box of the class"),
    (checks.svm_labels, {"c": 1}, "only ground-truth boxes are positives"),
    (checks.svm_labels, {"c": 0}, "no negative either"),
    (checks.svm_labels, {"d": -1}, "below 0.3"),
    (checks.svm_labels, {"e": -1}, "below 0.3"),
    (checks.svm_labels, {"e": 1}, "of another class"),
    (checks.svm_labels, {"fine-tuning, c": -1}, "is enough"),
    (checks.svm_labels, {"fine-tuning, c": 0}, "not background"),
    (checks.predict_deltas, {"a": 1}, "twice as long too"),
    (checks.predict_deltas, {"b": 0}, "that is dw"),
    (checks.predict_deltas, {"b": -1.39}, "twice as high too"),
    (checks.predict_deltas, {"d": 0.5}, "the logarithm"),
    (checks.predict_deltas, {"c": 0.5}, "is 40 wide"),
    (checks.predict_deltas, {"c": 0}, "its center stays"),
    (checks.predict_deltas, {"d": 0.693}, "log(20 / 40)"),
    (checks.predict_deltas, {"d": 0}, "the proposal 40"),
    (checks.predict_dependence, {"a": False}, "a rim of context"),
    (checks.predict_dependence, {"b": True}, "5 pixels outside"),
    (checks.predict_dependence, {"d": False}, "around the region"),
    (checks.predict_savings, {"a": 1}, "the maps stay the same"),
    (checks.predict_savings, {"b": 1 / 4}, "raise it"),
    (checks.predict_savings, {"b": 2}, "four times"),
    (checks.predict_savings, {"c": 3}, "equal numbers of pixels"),
    (checks.predict_savings, {"d": 1 / 4}, "fixed sizes"),
    (checks.predict_savings, {"d": 4}, "at most 300"),
]


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_right_values_are_correct_with_two_decimals_too(check):
    assert repr(check(RIGHT[check])) == "correct"
    assert check({name: round(value, 2) for name, value in RIGHT[check].items()}).state == "correct"


@pytest.mark.parametrize(("check", "wrong", "message"), MISTAKES)
def test_usual_mistakes_are_known_by_name(check, wrong, message):
    outcome = check(RIGHT[check] | wrong)
    [name] = wrong
    assert outcome.state == "wrong"
    assert outcome.message.startswith(f"{name} is ") and ", expected " in outcome.message
    assert message in outcome.message


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_values_that_are_not_there_yet(check):
    names = list(RIGHT[check])
    answers = (None, ..., 3, {}, dict.fromkeys(names), dict.fromkeys(names, ...))
    assert {check(answer).state for answer in answers} == {"not attempted"}
    assert check(RIGHT[check] | {names[-1]: None}).message == f"{names[-1]} has no value yet"


@pytest.mark.parametrize("value", ["a text", [1, 2], [[1], [1, 2]], float("nan"), object()])
def test_no_value_makes_a_check_fail(value):
    outcome = check_values({"a": value}, {"a": 0.5}, {"a hint": {"a": 0.25}})
    assert outcome.state == "wrong" and "a hint" not in outcome.message


SURVIVORS = {"0.3": [0, 3], "0.5": [0, 2, 3], "0.7": [0, 1, 2, 3]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"0.5": [0, 3]}, "removes no other box"),
        ({"0.3": [0]}, "box 3 overlaps no other box"),
        ({"0.5": [0, 2]}, "box 3 overlaps no other box"),
        ({"0.7": [0, 1, 2]}, "box 3 overlaps no other box"),
        ({"0.3": [3]}, "the one with the higher score stays"),
        ({"0.3": [0, 1, 2]}, "above the threshold, not below it"),
        ({"0.3": [0, 2, 3]}, "is above 0.3"),
        ({"0.7": [0, 2, 3]}, "no IoU is above 0.7"),
        ({"0.5": [3, 2, 0]}, "the highest score first"),
        ({"0.5": [0.9, 0.7, 0.6]}, "expected [0, 2, 3]"),
        ({"0.5": "0 2 3"}, "expected [0, 2, 3]"),
    ],
)
def test_which_boxes_nms_keeps_is_a_list_for_each_threshold(wrong, message):
    assert repr(checks.predict_survivors(SURVIVORS)) == "correct"
    assert checks.predict_survivors(dict.fromkeys(SURVIVORS)).state == "not attempted"
    outcome = checks.predict_survivors(SURVIVORS | wrong)
    assert outcome.state == "wrong" and message in outcome.message


MERGES = {"first merge": (1, 0), "second merge": [2, 3], "best IoU": 0.75}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first merge": (1, 2)}, "the order with the old colors"),
        ({"first merge": (3, 1)}, "their sum is 2"),
        ({"second merge": (1, 3)}, "part of region 4"),
        ({"second merge": (4, 2)}, "expected [2, 3]"),
        ({"best IoU": 0.5}, "12 of the garment's 16 pixels"),
        ({"best IoU": 1}, "merges with the wall first"),
        ({"best IoU": 9 / 16}, "IoU compares boxes"),
        ({"first merge": ("a", 1)}, "expected [0, 1]"),
        ({"first merge": 1}, "expected [0, 1]"),
    ],
)
def test_merges_are_pairs_of_regions_in_any_order(wrong, message):
    assert repr(checks.predict_merges(MERGES)) == "correct"
    assert checks.predict_merges(dict.fromkeys(MERGES)).state == "not attempted"
    outcome = checks.predict_merges(MERGES | wrong)
    assert outcome.state == "wrong" and message in outcome.message


POOLED = {"a": [13, 12, 10, 9, 4, 0], "b": [], "c": 50 * 256}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": [4, 9, 10, 12, 13]}, "the whole map"),
        ({"a": [0, 4, 13]}, "overlap"),
        ({"a": [1, 5, 10, 11, 13, 14]}, "count from 0"),
        ({"a": []}, "expected [0, 4, 9, 10, 12, 13]"),
        ({"b": [0, 3]}, "has a larger value"),
        ({"c": 50}, "per channel"),
        ({"c": 12 * 256}, "1 + 4 + 9 + 36"),
        ({"a": ["x", 1]}, "expected [0, 4, 9, 10, 12, 13]"),
    ],
)
def test_pooled_values_that_change_are_a_list_of_indices(wrong, message):
    assert repr(checks.predict_pooled(POOLED)) == "correct"
    assert checks.predict_pooled(dict.fromkeys(POOLED)).state == "not attempted"
    outcome = checks.predict_pooled(POOLED | wrong)
    assert outcome.state == "wrong" and message in outcome.message
