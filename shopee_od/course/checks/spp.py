"""Checks of notebook 04: pyramid pooling, RoIs in cells, image scales, what sharing saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer, check_values
from shopee_od.ops.pooling import assign_image_scale, quantize_rois


def predict_pooled(answer: Mapping[str, Sequence[int] | int | None]) -> Outcome:
    """Notebook 04: which pooled values of a 4 × 4 map change, and how long the vector is."""
    expected = {"a": [0, 4, 9, 10, 12, 13], "b": [], "c": 12_800}
    mistakes: dict[str, dict[str, Any]] = {
        "the largest value of the whole map changes too": {"a": [4, 9, 10, 12, 13]},
        "bins of the 3 × 3 level overlap: four of them contain this cell": {"a": [0, 4, 13]},
        "count from 0: the first value has the index 0": {"a": [1, 5, 10, 11, 13, 14]},
        "each bin that contains this cell has a larger value": {"b": [0, 3]},
        "each bin has one value per channel": {"c": 50},
        "1 + 4 + 9 + 36 bins": {"c": 12 * 256},
    }
    return check_values(_sort_indices(answer), expected, mistakes)


def _sort_indices(answer: Any) -> Any:
    """The values with each list of indices in order."""
    if not isinstance(answer, Mapping):
        return answer
    try:
        return {k: sorted(v) if isinstance(v, list | tuple) else v for k, v in answer.items()}
    except TypeError:
        return answer


def quantize_roi(answer: Callable[[list[float], int, int, int], list[int]]) -> Outcome:
    """Notebook 04: an RoI in pixels, stride, the map's height and width -> its cells, x1 … y2."""
    cases = [
        ([32.0, 64.0, 160.0, 192.0], 32, 8, 6),
        ([20.0, 15.0, 120.0, 200.0], 32, 8, 6),
        ([0.0, 0.0, 96.0, 128.0], 16, 8, 6),  # the whole image is the whole map
        ([50.0, 60.0, 58.0, 66.0], 32, 8, 6),  # contains no cell's center: one cell remains
        ([150.0, 200.0, 192.0, 256.0], 32, 8, 6),
        ([180.0, 240.0, 230.0, 300.0], 32, 8, 6),  # ends outside the map
        ([210.0, 270.0, 230.0, 300.0], 32, 8, 6),  # starts outside the map: the last cell
    ]

    def reference(roi: list[float], stride: int, height: int, width: int) -> list[int]:
        return quantize_rois(np.array([roi]), stride, height, width)[0].tolist()

    def quantize(
        roi: list[float],
        stride: int,
        height: int,
        width: int,
        start: Callable[[float], int] = math.floor,
        end: Callable[[float], int] = math.ceil,
    ) -> list[int]:
        limits = (width - 1, height - 1, width, height)
        cells = []
        for side, rounding, limit in zip(roi, (start, start, end, end), limits, strict=True):
            cells.append(min(rounding(side / stride), limit))
        return cells

    def half_up(side: float) -> int:
        return math.floor(side + 0.5)

    mistakes = {
        "keep at least one cell": lambda b, s, h, w: quantize(b, s, h, w, half_up, half_up),
        "no cell is beyond the map": lambda b, s, h, w: reference(b, s, 99, 99),
        "take cells whose center is inside, not all that the region touches": quantize,
        "take cells whose center is inside, also at the right and the bottom": (
            lambda b, s, h, w: quantize(b, s, h, w, end=math.floor)
        ),
        "x before y": lambda b, s, h, w: [reference(b, s, h, w)[k] for k in (1, 0, 3, 2)],
        "divide by the stride: a cell is so many pixels": (
            lambda b, s, h, w: reference([x * s * s for x in b], s, h, w)
        ),
        "round to integers": lambda b, s, h, w: [x / s for x in b],
    }
    return check_answer(answer, reference, cases, mistakes)


def predict_dependence(answer: Mapping[str, bool | None]) -> Outcome:
    """Notebook 04: whether a region's features depend on a pixel, in R-CNN and in SPP-net."""
    expected = {"a": True, "b": False, "c": True, "d": True}
    mistakes = {
        "R-CNN's crop has a rim of context, here 5 pixels": {"a": False},
        "the crop ends 5 pixels outside the region": {"b": True},
        "the region's cells depend on pixels around the region": {"c": False, "d": False},
    }
    return check_values(answer, expected, mistakes)


def assign_scale(answer: Callable[[float, float, list[float]], int]) -> Outcome:
    """Notebook 04: a region's width, height, the images' scales -> the scale to pool it from."""
    cases = [
        (100.0, 100.0, [1.0, 2.0, 4.0]),
        (160.0, 160.0, [1.0, 1.75]),  # by side 224 is nearer to 280, by area to 160
        (300.0, 60.0, [0.5, 1.0, 2.0]),
        (400.0, 500.0, [0.4, 0.6, 1.0]),
        (20.0, 30.0, [1.0, 2.0, 3.0]),
        (224.0, 224.0, [2.0, 1.0, 0.5]),
    ]

    def reference(width: float, height: float, scales: list[float]) -> int:
        return int(assign_image_scale(np.array([[0.0, 0.0, width, height]]), scales)[0])

    def area(width: float, height: float, scale: float) -> float:
        return width * height * scale**2

    def nearest(scales: list[float], distance: Callable[[float], float]) -> int:
        return min(range(len(scales)), key=lambda k: distance(scales[k]))

    mistakes = {
        "the area grows with the square of the scale": (
            lambda w, h, s: nearest(s, lambda x: abs(w * h * x - 224**2))
        ),
        "compare areas, not sides": (
            lambda w, h, s: nearest(s, lambda x: abs(math.sqrt(area(w, h, x)) - 224))
        ),
        "the area counts, not the longer side": (
            lambda w, h, s: nearest(s, lambda x: abs(max(w, h) * x - 224))
        ),
        "the target area is 224 × 224 pixels, not 224": (
            lambda w, h, s: nearest(s, lambda x: abs(area(w, h, x) - 224))
        ),
        "return the index, counted from 0": lambda w, h, s: s[reference(w, h, s)],
        "a larger area is allowed: take the smallest distance": (
            lambda w, h, s: nearest(s, lambda x: -x if area(w, h, x) <= 224**2 else x)
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def predict_savings(answer: Mapping[str, float | None]) -> Outcome:
    """Notebook 04: by which factor the ratio of pixels changes, R-CNN's to SPP-net's."""
    expected = {"a": 2.0, "b": 4.0, "c": 5.625, "d": 1.0}
    mistakes = {
        "twice as many crops have twice as many pixels; the maps stay the same": {"a": 1.0},
        "how many times as large the ratio becomes: more pixels for R-CNN raise it": {
            "a": 0.5,
            "b": 0.25,
            "c": 1 / 5.625,
        },
        "a crop of twice the side has four times as many pixels": {"b": 2.0},
        "the three scales do not have equal numbers of pixels": {"c": 3.0},
        "the pixels of a scale grow with the square of its side": {"c": 4.0},
        "crops and scaled images have fixed sizes, whichever size the image has": {"d": 0.25},
        "larger images do not have more proposals here: at most 300": {"d": 4.0},
    }
    return check_values(answer, expected, mistakes)
