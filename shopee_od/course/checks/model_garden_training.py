"""Checks of notebook 07: first losses, learning rate, running average, curves, larger batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from shopee_od.course import schedules
from shopee_od.course.exercises import Outcome, check_answer, check_values

CLASSES = 16
"""Of the exercise on first losses, without background."""


def first_losses(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 07: losses and RoI accuracy that follow from equal or constant predictions."""
    share = 64 / 256
    expected = {
        "objectness loss": math.log(2),
        "class loss": math.log(CLASSES + 1),
        "objectness loss, q = 1/4": -share * math.log(share) - (1 - share) * math.log(1 - share),
        "accuracy, 16 of 64": 48 / 64,
        "accuracy, 4 of 64": 60 / 64,
    }
    mistakes = {
        "background is a class, too: K + 1 probabilities": {"class loss": math.log(CLASSES)},
        "the loss is minus the logarithm of the probability": {
            "objectness loss": 0.5,
            "class loss": 1 / (CLASSES + 1),
        },
        "the natural logarithm": {
            "objectness loss": 1.0,
            "class loss": math.log2(CLASSES + 1),
            "objectness loss, q = 1/4": 0.8113,
        },
        "the background anchors have a loss, too": {
            "objectness loss, q = 1/4": -share * math.log(share),
        },
        "background has the probability 1 − q, not 1/2": {
            "objectness loss, q = 1/4": -share * math.log(share) + (1 - share) * math.log(2),
        },
        "all anchors have the probability 1/4 here, not 1/2": {
            "objectness loss, q = 1/4": math.log(2),
        },
        "background is the correct answer for the others, not for the garments": {
            "accuracy, 16 of 64": 16 / 64,
            "accuracy, 4 of 64": 4 / 64,
        },
        "four garments of 64 leave 60 RoIs that are background": {"accuracy, 4 of 64": 0.75},
    }
    return check_values(answer, expected, mistakes)


def learning_rate(answer: Callable[[int, int, int, float], float]) -> Outcome:
    """Notebook 07: step, warmup, steps, highest -> the learning rate at that step."""
    cases = [(step, 100, 1000, 0.1) for step in (0, 50, 100, 550, 1000)]
    cases.append((7, 0, 30, 2.0))

    def cosine(step: float, steps: int, highest: float) -> float:
        return highest * (1 + math.cos(math.pi * step / steps)) / 2

    def with_line(start: Callable, end: Callable) -> Callable:
        def rate(step: int, warmup: int, steps: int, highest: float) -> float:
            if step >= warmup:
                return cosine(step, steps, highest)
            low, high = start(highest), end(warmup, steps, highest)
            return low + (high - low) * step / warmup

        return rate

    def late_cosine(step: int, warmup: int, steps: int, highest: float) -> float:
        if step < warmup:
            return highest / 20 + highest * 0.95 * step / warmup
        return cosine(step - warmup, steps - warmup, highest)

    mistakes = {
        "the line is missing": lambda s, w, n, h: cosine(s, n, h),
        "the line starts at highest / 20, not at 0": with_line(
            lambda h: 0.0, lambda w, n, h: cosine(w, n, h)
        ),
        "the line ends at the cosine's value at `warmup`, not at `highest`": with_line(
            lambda h: h / 20, lambda w, n, h: h
        ),
        "the cosine starts at step 0, not after the warmup": late_cosine,
        "the cosine falls from `highest` to 0, not to -highest: (1 + cos) / 2": (
            lambda s, w, n, h: h * math.cos(math.pi * s / n)
        ),
    }
    return check_answer(answer, schedules.warmup_cosine, cases, mistakes)


def running_average(answer: Callable[[np.ndarray, float], np.ndarray]) -> Outcome:
    """Notebook 07: a weight after the steps 1 to n, decay -> its average after each step."""
    weights = np.array([11.0, 4.0, 8.0, 8.0, 0.0, 2.0])
    cases = [(weights, 0.998), (weights, 0.2), (weights[:1], 0.5), (weights[:0], 0.5)]

    def average(
        weights: np.ndarray,
        factor: Callable[[int], float],
        start: float | None = 0.0,
        swap: bool = False,
    ) -> np.ndarray:
        value = start
        values = []
        for step, weight in enumerate(weights, 1):
            d = factor(step)
            old, new = (1 - d, d) if swap else (d, 1 - d)
            value = float(weight) if value is None else old * value + new * weight
            values.append(value)
        return np.array(values)

    def rising(step: int) -> float:
        return (1 + step) / (10 + step)

    def both(start: float | None = 0.0, shift: int = 0, swap: bool = False) -> Callable:
        return lambda w, d: average(w, lambda t: min(d, rising(t + shift)), start, swap)

    mistakes = {
        "the factor of step t is at most (1 + t) / (10 + t)": lambda w, d: average(w, lambda t: d),
        "the smaller of the two factors, not the larger": (
            lambda w, d: average(w, lambda t: max(d, rising(t)))
        ),
        "`decay` limits the factor": lambda w, d: average(w, rising),
        "the old average is multiplied by d, the new weight by 1 - d": both(swap=True),
        "the average starts at 0, not at the first weight": both(start=None),
        "the first step has t = 1, not 0": both(shift=-1),
        "the average after each step, not after the last alone": (
            lambda w, d: schedules.running_average(w, d)[-1:]
        ),
    }
    return check_answer(answer, schedules.running_average, cases, mistakes)


def diagnose_runs(answer: Mapping[str, int | None]) -> Outcome:
    """Notebook 07: for each of four runs, the number of what is wrong with it."""
    expected = {"A": 2, "B": 4, "C": 1, "D": 3}
    mistakes = {
        "the losses of A hardly change; a rate that is too high makes them jump": {"A": 1},
        "the losses of A fall everywhere, but slowly: nothing was learned by heart": {"A": 3},
        "wrong classes leave the objectness loss as it should be; in A it stays, too": {"A": 4},
        "B finds the garments: its objectness loss is low, so its steps are large enough": {"B": 2},
        "training and validation of B agree; images learned by heart have a gap": {"B": 3},
        "nothing of B jumps or becomes infinite": {"B": 1},
        "a loss that becomes infinite comes from steps that are too large": {"C": 2},
        "wrong classes do not make a loss infinite": {"C": 4},
        "C ends before it could learn any image by heart": {"C": 3},
        "in D the validation loss rises while the training loss falls": {"D": 2},
        "D learns the classes of the training images; it is new images that it gets wrong": {
            "D": 4
        },
        "nothing of D becomes infinite": {"D": 1},
    }
    return check_values(answer, expected, mistakes)


def larger_batch(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 07: steps, learning rate and warmup of a run with four times the batch size."""
    expected = {"steps": 5_000, "learning rate": 0.12, "warmup": 125}
    mistakes: dict[str, dict[str, float]] = {
        "four times the images per step need a quarter of the steps for the same epochs": {
            "steps": 20_000,
            "warmup": 500,
        },
        "a larger batch needs fewer steps, not more": {"steps": 80_000, "warmup": 2_000},
        "the rate grows in proportion to the batch": {"learning rate": 0.03},
        "the rate grows with the batch, it does not fall": {"learning rate": 0.0075},
        "in proportion to the batch, not to its square root": {"learning rate": 0.06},
    }
    return check_values(answer, expected, mistakes)
