"""Checks of notebooks 07 and 09: right answers, the usual mistakes by name, and stubs."""

import math

import numpy as np
import pytest

from shopee_od.course import checks


def cosine(at, steps, highest, zero=1, half=2):
    return highest * (zero + math.cos(math.pi * at / steps)) / half


def learning_rate(step, warmup, steps, highest, start=1 / 20, peak=cosine):
    if step >= warmup:
        return cosine(step, steps, highest)
    low = start * highest
    return low + (peak(warmup, steps, highest) - low) * step / warmup


def averages(weights, decay, start=0.0, limit=min, first=1, swap=False):
    value = start
    values = []
    for t, weight in enumerate(weights, first):
        d = limit(decay, (1 + t) / (10 + t))
        value = (
            weight
            if value is None
            else value * (1 - d if swap else d) + weight * (d if swap else 1 - d)
        )
        values.append(value)
    return values


def threshold(scores, correct, wanted, stop=False, first=False):
    best = None
    for k in range(len(correct)):
        if correct[: k + 1].mean() >= wanted:
            best = scores[k] if best is None or not first else best
        elif stop:
            break
    return best


def seconds(a, b, photos, processes, with_start=True):
    per_photo = (b[1] - a[1]) / (b[0] - a[0])
    return with_start * (a[1] - per_photo * a[0]) + per_photo * photos / processes


FUNCTIONS = {
    checks.learning_rate: learning_rate,
    checks.running_average: averages,
    checks.threshold_for_precision: threshold,
    checks.estimate_seconds: seconds,
}
NAMED = [
    (checks.learning_rate, lambda s, w, n, h: cosine(s, n, h), "the line is missing"),
    (checks.learning_rate, lambda *case: learning_rate(*case, start=0), "highest / 20, not at 0"),
    (
        checks.learning_rate,
        lambda *case: learning_rate(*case, peak=lambda w, n, h: h),
        "not at `highest`",
    ),
    (
        checks.learning_rate,
        lambda s, w, n, h: (
            learning_rate(s, w, n, h, peak=lambda w, n, h: h) if s < w else cosine(s - w, n - w, h)
        ),
        "starts at step 0",
    ),
    (checks.learning_rate, lambda s, w, n, h: cosine(s, n, h, 0, 1), "not to -highest"),
    (checks.running_average, lambda w, d: averages(w, d, limit=lambda d, _: d), "is at most"),
    (checks.running_average, lambda w, d: averages(w, d, limit=max), "the smaller of the two"),
    (checks.running_average, lambda w, d: averages(w, d, limit=lambda _, r: r), "`decay` limits"),
    (checks.running_average, lambda w, d: averages(w, d, swap=True), "is multiplied by d"),
    (checks.running_average, lambda w, d: averages(w, d, start=None), "starts at 0"),
    (checks.running_average, lambda w, d: averages(w, d, first=0), "t = 1"),
    (checks.running_average, lambda w, d: averages(w, d)[-1:], "after each step"),
    (checks.threshold_for_precision, lambda *case: threshold(*case, stop=True), "after a dip"),
    (checks.threshold_for_precision, lambda *case: threshold(*case, first=True), "not the highest"),
    (checks.threshold_for_precision, lambda *case: threshold(*case) or 1.0, "return None"),
    (
        checks.threshold_for_precision,
        lambda s, c, p: threshold(s, c, p + 1e-9),
        "exactly the required precision",
    ),
    (
        checks.threshold_for_precision,
        lambda s, c, p: next(iter(s[np.cumsum(c) / c.sum() <= p][::-1]), None),
        "this is recall",
    ),
    (checks.estimate_seconds, lambda a, b, n, p: b[1] / b[0] * n / p, "does not grow"),
    (checks.estimate_seconds, lambda *case: seconds(*case, with_start=False), "come on top"),
    (checks.estimate_seconds, lambda a, b, n, p: seconds(a, b, n, 1) / p, "its own start"),
    (checks.estimate_seconds, lambda a, b, n, p: seconds(a, b, n, 1), "share the photos"),
]
UNNAMED = [
    (checks.learning_rate, lambda s, w, n, h: learning_rate(s, w, n, h) if s < w else h),
    (checks.running_average, lambda w, d: np.cumsum(w) / np.arange(1, len(w) + 1)),
    (checks.threshold_for_precision, lambda s, c, p: s[0]),
    (checks.estimate_seconds, lambda a, b, n, p: seconds(a, b, n, p) / 3600),
]
VALUES = {
    checks.first_losses: {
        "objectness loss": 0.693,
        "class loss": 2.833,
        "objectness loss, q = 1/4": 0.562,
        "accuracy, 16 of 64": 0.75,
        "accuracy, 4 of 64": 0.9375,
    },
    checks.diagnose_runs: {"A": 2, "B": 4, "C": 1, "D": 3},
    checks.larger_batch: {"steps": 5000, "learning rate": 0.12, "warmup": 125},
    checks.threshold_effects: {"a": True, "b": True, "c": False, "d": True, "e": False},
    checks.predict_tags: {"A": 1, "B": 0, "C": 2, "D": 2},
}
MISTAKES = [
    (checks.first_losses, {"objectness loss": 0.5}, "minus the logarithm"),
    (checks.first_losses, {"objectness loss": 1}, "the natural logarithm"),
    (checks.first_losses, {"class loss": 2.77}, "background is a class, too"),
    (checks.first_losses, {"class loss": 0.06}, "minus the logarithm"),
    (checks.first_losses, {"class loss": 4.09}, "the natural logarithm"),
    (checks.first_losses, {"objectness loss, q = 1/4": 0.347}, "the background anchors"),
    (checks.first_losses, {"objectness loss, q = 1/4": 0.866}, "1 − q, not 1/2"),
    (checks.first_losses, {"objectness loss, q = 1/4": 0.693}, "1/4 here, not 1/2"),
    (checks.first_losses, {"objectness loss, q = 1/4": 0.811}, "the natural logarithm"),
    (checks.first_losses, {"accuracy, 16 of 64": 0.25}, "not for the garments"),
    (checks.first_losses, {"accuracy, 4 of 64": 0.0625}, "not for the garments"),
    (checks.first_losses, {"accuracy, 4 of 64": 0.75}, "leave 60 RoIs"),
    (checks.diagnose_runs, {"A": 1}, "hardly change"),
    (checks.diagnose_runs, {"A": 3}, "by heart"),
    (checks.diagnose_runs, {"A": 4}, "in A it stays"),
    (checks.diagnose_runs, {"B": 1}, "nothing of B"),
    (checks.diagnose_runs, {"B": 2}, "B finds the garments"),
    (checks.diagnose_runs, {"B": 3}, "have a gap"),
    (checks.diagnose_runs, {"C": 2}, "too large"),
    (checks.diagnose_runs, {"C": 3}, "C ends before"),
    (checks.diagnose_runs, {"C": 4}, "do not make a loss infinite"),
    (checks.diagnose_runs, {"D": 1}, "nothing of D"),
    (checks.diagnose_runs, {"D": 2}, "rises while"),
    (checks.diagnose_runs, {"D": 4}, "new images"),
    (checks.larger_batch, {"steps": 20_000}, "a quarter of the steps"),
    (checks.larger_batch, {"steps": 80_000}, "not more"),
    (checks.larger_batch, {"learning rate": 0.03}, "in proportion"),
    (checks.larger_batch, {"learning rate": 0.0075}, "does not fall"),
    (checks.larger_batch, {"learning rate": 0.06}, "square root"),
    (checks.larger_batch, {"warmup": 500}, "a quarter of the steps"),
    (checks.larger_batch, {"warmup": 2000}, "not more"),
    (checks.threshold_effects, {"a": False}, "adds none"),
    (checks.threshold_effects, {"b": False}, "cannot find one"),
    (checks.threshold_effects, {"c": True}, "may be a correct one"),
    (checks.threshold_effects, {"d": False}, "adds none"),
    (checks.threshold_effects, {"e": True}, "may be wrong"),
    (checks.predict_tags, {"A": 2}, "below the category threshold"),
    (checks.predict_tags, {"A": 0}, "1 − 0.05"),
    (checks.predict_tags, {"B": 2}, "not shown at all"),
    (checks.predict_tags, {"B": 1}, "not even a type"),
    (checks.predict_tags, {"C": 1}, "above the category threshold"),
    (checks.predict_tags, {"C": 0}, "0.70"),
    (checks.predict_tags, {"D": 0}, "is enough"),
    (checks.predict_tags, {"D": 1}, "that is enough"),
]
CHECKS = [*FUNCTIONS, *VALUES]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_right_answer_is_correct(check):
    assert repr(check((FUNCTIONS | VALUES)[check])) == "correct"


@pytest.mark.parametrize(("check", "answer", "message"), NAMED)
def test_a_function_with_a_usual_mistake_is_wrong_and_the_mistake_is_named(check, answer, message):
    outcome = check(answer)
    assert outcome.state == "wrong" and " gives " in outcome.message
    assert message in outcome.message


@pytest.mark.parametrize(("check", "answer"), UNNAMED)
def test_other_functions_are_wrong(check, answer):
    assert check(answer).state == "wrong"


@pytest.mark.parametrize(("check", "wrong", "message"), MISTAKES)
def test_a_usual_mistake_in_a_value_is_named(check, wrong, message):
    outcome = check(VALUES[check] | wrong)
    [name] = wrong
    assert outcome.state == "wrong" and outcome.message.startswith(f"{name} is ")
    assert message in outcome.message


@pytest.mark.parametrize("check", FUNCTIONS, ids=lambda check: check.__name__)
def test_a_stub_is_not_attempted_and_an_error_is_shown(check):
    def later(*_):
        raise NotImplementedError

    for stub in (lambda *_: None, lambda *_: ..., later, None, ...):
        assert check(stub).state == "not attempted"
    for broken in (lambda *_: "a text", lambda *_: [[1], [1, 2]], lambda: 1, lambda *_: 1 / 0):
        assert check(broken).state == "wrong"


@pytest.mark.parametrize("check", VALUES, ids=lambda check: check.__name__)
def test_values_that_are_not_there_yet(check):
    names = list(VALUES[check])
    for answer in (None, ..., 3, {}, dict.fromkeys(names), dict.fromkeys(names, ...)):
        assert check(answer).state == "not attempted"
    assert check(VALUES[check] | {names[-1]: None}).message == f"{names[-1]} has no value yet"
