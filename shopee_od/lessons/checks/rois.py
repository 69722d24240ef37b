"""Checks of notebook 05: RoI pooling, sampling between cells, the loss of an RoI."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopee_od.lessons.judge import Outcome, judge
from shopee_od.ops.losses import multi_task, smooth_l1
from shopee_od.ops.pooling import bilinear, bins, roi_max_pool


def roi_pooled(answer: Callable[[np.ndarray, list[float], int, int], np.ndarray]) -> Outcome:
    """Notebook 05: values (H, W), an RoI in pixels, stride, n -> (n, n), the largest value of each bin.

    The RoI is rounded to whole cells, halves up; bins are those of notebook 04.
    """
    values = np.random.default_rng(0).permutation(80).reshape(8, 10).astype(float)
    cases = [
        (values, [0.0, 0.0, 64.0, 64.0], 16, 2),
        (values, [23.0, 9.0, 121.0, 87.0], 16, 2),  # sides are rounded, not cut off
        (values, [24.0, 40.0, 104.0, 120.0], 16, 2),  # halves go up; five cells a side: bins share the middle ones
        (-values, [10.0, 3.0, 90.0, 60.0], 16, 3),
    ]

    def pooled(values, roi, stride, n, low=0.5, high=0.5, best=np.max, across=None, swap=False):
        x1, y1, x2, y2 = [int(np.floor(side / stride + (low if k < 2 else high))) for k, side in enumerate(roi)]
        inside = values[x1:x2, y1:y2] if swap else values[y1:y2, x1:x2]
        down, along = ((across or bins)(side, n) for side in inside.shape)
        return np.array([[best(inside[a:b, c:d]) for c, d in along] for a, b in down])

    def whole(length, n):
        return [(k * (length // n), (k + 1) * (length // n)) for k in range(n)]

    mistakes = {
        "round to the nearest cell, do not cut off": lambda *case: pooled(*case, low=0, high=0),
        "round to the nearest cell, both corners alike": lambda *case: pooled(*case, low=0, high=1 - 1e-9),
        "the largest value, not the mean": lambda *case: pooled(*case, best=np.mean),
        "a bin ends rounded up, or the last cells are left out": lambda *case: pooled(*case, across=whole),
        "rows are y, columns are x": lambda *case: pooled(*case, swap=True),
        "the first axis of the answer is y": lambda *case: pooled(*case).T,
    }

    def right(values, roi, stride, n):
        return roi_max_pool(values[..., None], roi, stride, n)[..., 0]

    return judge(answer, right, cases, mistakes)


def sampled_at(answer: Callable[[np.ndarray, float, float], float]) -> Outcome:
    """Notebook 05: values (H, W), a row y and a column x with fractions -> the value between the four nearest cells.

    Cell 0 stands at 0; beyond the first and the last cell the map goes on as they are.
    """
    values = np.array([[0.0, 10.0, 40.0], [20.0, 30.0, 5.0]])
    places = [(0.0, 1.0), (0.5, 0.25), (0.8, 1.4), (0.3, 0.9), (1.0, 2.0), (0.5, 2.7), (-0.4, 1.5)]
    cases = [(values, y, x) for y, x in places]

    def one(values, y, x):
        return float(bilinear(values[..., None], np.array([y]), np.array([x]))[0, 0, 0])

    mistakes = {
        "y is the row, x the column": lambda v, y, x: one(v, min(x, 1.0), y),
        "the nearer cell weighs more: its weight is 1 less the distance": lambda v, y, x: one(
            v, *(2 * np.floor(t) + 1 - t for t in np.clip([y, x], 0, [1, 2]))
        ),
        "between four cells, not the nearest one": lambda v, y, x: one(v, np.floor(y + 0.5), np.floor(x + 0.5)),
        "along both axes, not along x alone": lambda v, y, x: one(v, np.floor(max(y, 0)), x),
        "cells stand at whole numbers, not at halves": lambda v, y, x: one(v, y - 0.5, x - 0.5),
    }
    return judge(answer, one, cases, mistakes)


def roi_loss(answer: Callable[[np.ndarray, np.ndarray, int, np.ndarray], float]) -> Outcome:
    """Notebook 05: probabilities (K + 1,), deltas (K, 4), label, targets (4,) -> the multi-task loss of one RoI.

    Label 0 is background; class 1 is the first row of deltas.
    """
    probabilities, targets = np.array([0.2, 0.5, 0.3]), np.array([0.1, -0.4, 0.0, 2.0])
    deltas = np.array([[0.3, 0.0, -0.2, -0.5], [0.1, -0.6, 0.5, 1.5]])
    cases = [(probabilities, deltas, label, targets) for label in (1, 2, 0)]
    cases.append((np.array([0.05, 0.9, 0.05]), deltas * 3, 1, targets))

    def one(probabilities, deltas, label, targets):
        return sum(multi_task(np.log(probabilities)[None], deltas[None], np.array([label]), targets[None]))

    def mistaken(probabilities, deltas, label, targets, of_box=smooth_l1, row=-1, total=np.sum, always=False):
        off = deltas[label + row] - targets  # background takes the last row: Python counts −1 so
        return -np.log(probabilities[label]) + (total(of_box(off)) if label or always else 0.0)

    mistakes = {
        "background has no box to be wrong about": lambda *case: mistaken(*case, always=True),
        "half the square, and only up to 1": lambda *case: mistaken(*case, of_box=lambda x: x**2 / 2),
        "squares only up to 1, a line beyond": lambda *case: mistaken(*case, of_box=np.square),
        "half the square up to 1": lambda *case: mistaken(*case, of_box=np.abs),
        "half a unit less beyond 1, so that line and square meet": lambda *case: mistaken(
            *case, of_box=lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x))
        ),
        "the sum over the four deltas, not their mean": lambda *case: mistaken(*case, total=np.mean),
        "deltas of the RoI's own class: row label − 1": lambda *case: mistaken(*case, row=0),
        "minus the logarithm": lambda p, d, k, t: one(p, d, k, t) + 2 * np.log(p[k]),
        "class and box together": lambda p, d, k, t: -np.log(p[k]),
    }
    return judge(answer, one, cases, mistakes)
