"""Checks of notebook 05: RoI pooling, bilinear_interpolate sampling, the loss of an RoI."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.losses import multi_task_loss, smooth_l1
from shopee_od.ops.pooling import bilinear_interpolate, pooling_bins, roi_max_pool


def roi_pool(answer: Callable[[np.ndarray, list[float], int, int], np.ndarray]) -> Outcome:
    """Notebook 05: values (H, W), an RoI in pixels, stride, n -> (n, n) the maximum of each bin.

    The RoI is rounded to whole cells, halves up; bins are those of notebook 04.
    """
    values = np.random.default_rng(0).permutation(80).reshape(8, 10).astype(float)
    cases = [
        (values, [0.0, 0.0, 64.0, 64.0], 16, 2),
        (values, [23.0, 9.0, 121.0, 87.0], 16, 2),  # rounded, not truncated
        (values, [24.0, 40.0, 104.0, 120.0], 16, 2),  # halves go up; 5 cells: bins share one
        (-values, [10.0, 3.0, 90.0, 60.0], 16, 3),
    ]

    def reference(values: np.ndarray, roi: list[float], stride: int, n: int) -> np.ndarray:
        return roi_max_pool(values[..., None], np.array(roi), stride, n)[..., 0]

    def pool(
        values: np.ndarray,
        roi: list[float],
        stride: int,
        n: int,
        *,
        low: float = 0.5,
        high: float = 0.5,
        reduce: Callable[[np.ndarray], float] = np.max,
        bins: Callable[[int, int], Iterable[tuple[int, int]] | np.ndarray] = pooling_bins,
    ) -> np.ndarray:
        x1, y1 = (int(np.floor(side / stride + low)) for side in roi[:2])
        x2, y2 = (int(np.floor(side / stride + high)) for side in roi[2:])
        cells = values[y1:y2, x1:x2]
        rows = bins(cells.shape[0], n)
        columns = bins(cells.shape[1], n)
        return np.array([[reduce(cells[a:b, c:d]) for c, d in columns] for a, b in rows])

    def equal_bins(length: int, n: int) -> list[tuple[int, int]]:
        return [(k * (length // n), (k + 1) * (length // n)) for k in range(n)]

    def rows_are_x(values: np.ndarray, roi: list[float], stride: int, n: int) -> np.ndarray:
        return pool(values, [roi[k] for k in (1, 0, 3, 2)], stride, n)

    mistakes = {
        "round to the nearest cell, do not truncate": lambda *case: pool(*case, low=0, high=0),
        "round to the nearest cell, both corners in the same way": (
            lambda *case: pool(*case, low=0, high=1 - 1e-9)
        ),
        "the maximum, not the mean": lambda *case: pool(*case, reduce=np.mean),
        "round a bin's end up, otherwise the last cells are left out": (
            lambda *case: pool(*case, bins=equal_bins)
        ),
        "rows are y, columns are x": rows_are_x,
        "the first axis of the result is y": lambda *case: pool(*case).T,
    }
    return check_answer(answer, reference, cases, mistakes)


def bilinear_sample(answer: Callable[[np.ndarray, float, float], float]) -> Outcome:
    """Notebook 05: values (H, W), row y, column x -> the value between the four nearest cells.

    Cell k is at coordinate k; beyond the border the map continues with its outermost cells.
    """
    values = np.array([[0.0, 10.0, 40.0], [20.0, 30.0, 5.0]])
    points = [(0.0, 1.0), (0.5, 0.25), (0.8, 1.4), (0.3, 0.9), (1.0, 2.0), (0.5, 2.7), (-0.4, 1.5)]
    cases = [(values, y, x) for y, x in points]

    def reference(values: np.ndarray, y: float, x: float) -> float:
        return float(bilinear_interpolate(values[..., None], np.array([y]), np.array([x]))[0, 0, 0])

    def swapped_weights(values: np.ndarray, y: float, x: float) -> float:
        y, x = (2 * np.floor(t) + 1 - t for t in np.clip([y, x], 0, [1, 2]))
        return reference(values, y, x)

    mistakes = {
        "y is the row, x the column": lambda v, y, x: reference(v, min(x, 1.0), y),
        "the nearer cell weighs more: its weight is 1 minus the distance": swapped_weights,
        "interpolate between four cells, do not take the nearest": (
            lambda v, y, x: reference(v, np.floor(y + 0.5), np.floor(x + 0.5))
        ),
        "interpolate along both axes, not along x alone": (
            lambda v, y, x: reference(v, np.floor(max(y, 0)), x)
        ),
        "cell k is at k, not at k + ½": lambda v, y, x: reference(v, y - 0.5, x - 0.5),
    }
    return check_answer(answer, reference, cases, mistakes)


def roi_loss(answer: Callable[[np.ndarray, np.ndarray, int, np.ndarray], float]) -> Outcome:
    """Notebook 05: probabilities (K + 1,), deltas (K, 4), label, targets (4,) -> its loss.

    Label 0 is background; class 1 is the first row of deltas.
    """
    probabilities = np.array([0.2, 0.5, 0.3])
    targets = np.array([0.1, -0.4, 0.0, 2.0])
    deltas = np.array([[0.3, 0.0, -0.2, -0.5], [0.1, -0.6, 0.5, 1.5]])
    cases = [(probabilities, deltas, label, targets) for label in (1, 2, 0)]
    cases.append((np.array([0.05, 0.9, 0.05]), deltas * 3, 1, targets))

    def reference(
        probabilities: np.ndarray, deltas: np.ndarray, label: int, targets: np.ndarray
    ) -> float:
        labels = np.array([label])
        return sum(
            multi_task_loss(np.log(probabilities)[None], deltas[None], labels, targets[None])
        )

    def loss(
        probabilities: np.ndarray,
        deltas: np.ndarray,
        label: int,
        targets: np.ndarray,
        *,
        box_loss: Callable[[np.ndarray], np.ndarray] = smooth_l1,
        offset: int = -1,
        reduce: Callable[[np.ndarray], float] = np.sum,
        background: bool = False,
    ) -> float:
        # Row −1, of background, is the last one in Python.
        errors = deltas[label + offset] - targets
        counts = label or background
        return -np.log(probabilities[label]) + (reduce(box_loss(errors)) if counts else 0.0)

    def shifted_line(errors: np.ndarray) -> np.ndarray:
        return np.where(np.abs(errors) < 1, errors**2 / 2, np.abs(errors))

    mistakes = {
        "background has no box loss": lambda *case: loss(*case, background=True),
        "x² / 2 only below 1, a line beyond": lambda *case: loss(
            *case, box_loss=lambda x: x**2 / 2
        ),
        "x² / 2 below 1, not x²; a line beyond": lambda *case: loss(*case, box_loss=np.square),
        "x² / 2 below 1, not |x|": lambda *case: loss(*case, box_loss=np.abs),
        "|x| − ½ beyond 1, so that line and parabola meet": (
            lambda *case: loss(*case, box_loss=shifted_line)
        ),
        "the sum over the four deltas, not their mean": lambda *case: loss(*case, reduce=np.mean),
        "the deltas of the RoI's own class: row label − 1": lambda *case: loss(*case, offset=0),
        "minus the logarithm": lambda p, d, k, t: reference(p, d, k, t) + 2 * np.log(p[k]),
        "add the class loss and the box loss": lambda p, d, k, t: -np.log(p[k]),
    }
    return check_answer(answer, reference, cases, mistakes)
