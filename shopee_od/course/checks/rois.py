"""Checks of notebook 05: RoI pooling and its gradient, RoIAlign, sampling, the loss of an RoI."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopee_od.course.exercises import Outcome, check_answer
from shopee_od.ops.losses import multi_task_loss, smooth_l1
from shopee_od.ops.pooling import bilinear_interpolate, pooling_bins
from shopee_od.ops.pooling import roi_align as roi_align_of_map


def largest_move(answer: Callable[[int, int, int], int]) -> Outcome:
    """Notebook 05: x1 and x2 in pixels, stride -> how far the RoI can move to the right, in whole
    pixels, before RoI max pooling takes other cells.
    """
    cases = [(4, 52, 16), (0, 64, 16), (7, 40, 16), (9, 70, 16), (20, 100, 32), (30, 47, 8)]

    def reference(x1: int, x2: int, stride: int) -> int:
        return min(_pixels_to_edge(x, stride) for x in (x1, x2)) - 1

    mistakes = {
        "both edges are rounded: the first one to reach another cell counts": (
            lambda x1, x2, stride: _pixels_to_edge(x1, stride) - 1
        ),
        "the first of the two edges to reach another cell counts, not the last": (
            lambda x1, x2, stride: max(_pixels_to_edge(x, stride) for x in (x1, x2)) - 1
        ),
        "an edge is rounded to the nearest cell: it changes half a stride after each multiple": (
            lambda x1, x2, stride: min(stride - x % stride for x in (x1, x2)) - 1
        ),
        "the last pixel at which nothing changes, not the first at which something does": (
            lambda *case: reference(*case) + 1
        ),
        "halves are rounded up; Python's round takes the even neighbor": (
            lambda x1, x2, stride: next(
                move
                for move in range(stride)
                if any(round((x + move + 1) / stride) != round(x / stride) for x in (x1, x2))
            )
        ),
        "half a stride is the distance from a whole cell; count from where the edges are": (
            lambda x1, x2, stride: stride // 2
        ),
    }
    return check_answer(answer, reference, cases, mistakes)


def _pixels_to_edge(x: int, stride: int) -> int:
    """The smallest move to the right after which x / stride is rounded to another number."""
    return next(
        move
        for move in range(1, stride + 1)
        if np.floor((x + move) / stride + 0.5) != np.floor(x / stride + 0.5)
    )


def roi_align(answer: Callable[[np.ndarray, list[float], int, int], np.ndarray]) -> Outcome:
    """Notebook 05: values (H, W), an RoI in cells, n, samples -> (n, n) the mean of each bin's
    samples × samples points.
    """
    values = np.random.default_rng(0).integers(0, 30, (6, 7)).astype(float)
    cases = [
        (values, [0.25, 0.75, 3.25, 2.75], 2, 1),
        (values, [1.0, 0.5, 5.0, 4.5], 2, 2),
        (values, [0.3, 1.1, 5.9, 3.2], 3, 2),
        (values, [2.0, 1.0, 6.0, 5.0], 1, 4),
    ]

    def reference(values: np.ndarray, roi: list[float], n: int, samples: int) -> np.ndarray:
        return roi_align_of_map(values[..., None], np.array(roi), 1, n, samples)[..., 0]

    def align(
        values: np.ndarray,
        roi: list[float],
        n: int,
        samples: int,
        *,
        reduce: Callable[..., np.ndarray] = np.mean,
        centers: Callable[[int], np.ndarray] = lambda count: (np.arange(count) + 0.5) / count,
        axes: str = "nsns",
    ) -> np.ndarray:
        x1, y1, x2, y2 = roi
        unit = centers(n * samples)
        y = y1 + unit * (y2 - y1)
        x = x1 + unit * (x2 - x1)
        points = bilinear_interpolate(values[..., None], y, x)[..., 0]
        shape = [{"n": n, "s": samples}[axis] for axis in axes]
        of_bin = tuple(k for k, axis in enumerate(axes) if axis == "s")
        return reduce(points.reshape(shape), axis=of_bin)

    mistakes = {
        "samples × samples points in each bin, not its center alone": (
            lambda values, roi, n, samples: reference(values, roi, n, 1)
        ),
        "the points are the centers of equal parts, so none is on the edge of the RoI": (
            lambda *case: align(*case, centers=lambda count: np.linspace(0, 1, count))
        ),
        "the points are the centers of equal parts, not their starts": (
            lambda *case: align(*case, centers=lambda count: np.arange(count) / count)
        ),
        "reshape to (n, samples, n, samples): a bin's points are in adjacent rows": (
            lambda *case: align(*case, axes="snsn")
        ),
        "reshape to (n, samples, n, samples): each row of points crosses all n bins": (
            lambda *case: align(*case, axes="nnss")
        ),
        "the mean of a bin's points, not the maximum": lambda *case: align(*case, reduce=np.max),
        "the mean of a bin's points, not the sum": lambda *case: align(*case, reduce=np.sum),
        "nothing is rounded": (
            lambda values, roi, n, samples: reference(values, [round(x) for x in roi], n, samples)
        ),
        "rows are y, columns are x": (
            lambda values, roi, n, samples: reference(
                values, [roi[k] for k in (1, 0, 3, 2)], n, samples
            )
        ),
        "the first axis of the result is y": lambda *case: reference(*case).T,
    }
    return check_answer(answer, reference, cases, mistakes)


def count_samples(
    answer: Callable[[np.ndarray, int, float, float], tuple[int, int]],
) -> Outcome:
    """Notebook 05: the best IoU of each RoI (N,), how many to sample, the largest share of
    foreground, the lowest IoU of background -> how many foreground and background RoIs are sampled.
    """
    many = np.array([0.9, 0.8, 0.7, 0.6, 0.55, *[0.4] * 4, *[0.2] * 6, *[0.05] * 9])
    few_foreground = np.array([0.6, *[0.3] * 9, *[0.0] * 9])
    few_background = np.array([*[0.9] * 6, 0.2, 0.02])
    limits = np.array([0.5, 0.1, 0.3, 0.05, 0.0])
    cases = [
        (many, 8, 0.25, 0.1),
        (many, 24, 0.25, 0.0),
        (many, 6, 0.25, 0.1),
        (few_foreground, 8, 0.25, 0.1),
        (few_background, 8, 0.25, 0.1),
        (limits, 8, 0.25, 0.1),
    ]

    def count(
        ious: np.ndarray,
        num: int,
        fraction: float,
        lowest: float,
        *,
        foreground: Callable[[np.ndarray], np.ndarray] = lambda ious: ious >= 0.5,
        above: Callable[[np.ndarray, float], np.ndarray] = np.greater_equal,
        rounding: Callable[[float], int] = int,
        places: Callable[[int, int, int], int] = lambda num, most, sampled: num - sampled,
    ) -> tuple[int, int]:
        is_fg = foreground(ious)
        most = rounding(fraction * num)
        num_fg = min(int(is_fg.sum()), most)
        is_bg = ~is_fg & above(ious, lowest)
        return num_fg, min(int(is_bg.sum()), places(num, most, num_fg))

    def fill_with_foreground(
        ious: np.ndarray, num: int, fraction: float, lowest: float
    ) -> tuple[int, int]:
        _, num_bg = count(ious, num, fraction, lowest)
        return min(int((ious >= 0.5).sum()), num - num_bg), num_bg

    mistakes = {
        "background takes the places that foreground leaves free": (
            lambda *case: count(*case, places=lambda num, most, sampled: num - most)
        ),
        "an image may have fewer RoIs of a kind than there are places": (
            lambda ious, num, fraction, lowest: (int(fraction * num), num - int(fraction * num))
        ),
        "the share of foreground is a maximum, also where background is scarce": (
            fill_with_foreground
        ),
        "the share is of the RoIs that are sampled, not of all RoIs": (
            lambda ious, num, fraction, lowest: count(ious, num, fraction * len(ious) / num, lowest)
        ),
        "an IoU of exactly 0.5 is foreground": (
            lambda *case: count(*case, foreground=lambda ious: ious > 0.5)
        ),
        "an IoU of exactly the lowest is background": lambda *case: count(*case, above=np.greater),
        "RoIs below the lowest IoU are not sampled": (
            lambda ious, num, fraction, lowest: count(ious, num, fraction, 0.0)
        ),
        "round the number of foreground RoIs down: the share is a maximum": (
            lambda *case: count(*case, rounding=lambda x: int(np.ceil(x)))
        ),
        "first foreground, then background": lambda *case: count(*case)[::-1],
    }
    return check_answer(answer, count, cases, mistakes)


def max_pool_gradient(
    answer: Callable[[np.ndarray, tuple[int, int, int, int], int], np.ndarray],
) -> Outcome:
    """Notebook 05: values (H, W), an RoI in whole cells, n -> (H, W) the gradient of the sum of the
    n × n pooled values: of how many bins each cell is the maximum.
    """
    values = np.array([[0, 1, 5, 2], [4, 2, 8, 7], [9, 6, 3, 5], [3, 10, 1, 11]], float)
    large = np.random.default_rng(1).permutation(64).reshape(8, 8).astype(float)
    cases = [
        (values, (0, 1, 3, 3), 2),
        (values, (1, 0, 4, 3), 2),  # the shared column has the maximum of both bins
        (values, (0, 0, 4, 4), 1),
        (large, (1, 2, 8, 7), 3),
        (-large, (2, 0, 7, 4), 3),
    ]

    def gradient(
        values: np.ndarray,
        roi: tuple[int, int, int, int],
        n: int,
        *,
        every_cell: bool = False,
    ) -> np.ndarray:
        x1, y1, x2, y2 = roi
        counts = np.zeros(values.shape)
        for top, bottom in pooling_bins(y2 - y1, n) + y1:
            for left, right in pooling_bins(x2 - x1, n) + x1:
                cells = values[top:bottom, left:right]
                is_maximum = np.ones(cells.shape) if every_cell else cells == cells.max()
                counts[top:bottom, left:right] += is_maximum
        return counts

    def forget(
        values: np.ndarray, roi: tuple[int, int, int, int], n: int, *, of: str
    ) -> np.ndarray:
        """The gradient at places that are counted from the corner of each bin or of the RoI."""
        x1, y1, x2, y2 = roi
        counts = np.zeros(values.shape)
        for top, bottom in pooling_bins(y2 - y1, n):
            for left, right in pooling_bins(x2 - x1, n):
                cells = values[y1 + top : y1 + bottom, x1 + left : x1 + right]
                place = np.array(np.unravel_index(cells.argmax(), cells.shape))
                place += [top, left] if of == "RoI" else [y1, x1] if of == "bin" else [0, 0]
                counts[tuple(place)] += 1
        return counts

    def spread(values: np.ndarray, roi: tuple[int, int, int, int], n: int) -> np.ndarray:
        x1, y1, x2, y2 = roi
        counts = np.zeros(values.shape)
        for top, bottom in pooling_bins(y2 - y1, n) + y1:
            for left, right in pooling_bins(x2 - x1, n) + x1:
                counts[top:bottom, left:right] += 1 / ((bottom - top) * (right - left))
        return counts

    def fill(values: np.ndarray, roi: tuple[int, int, int, int], n: int) -> np.ndarray:
        x1, y1, x2, y2 = roi
        counts = np.zeros(values.shape)
        counts[y1:y2, x1:x2] = 1
        return counts

    mistakes = {
        "only the maximum of each bin has a gradient": (
            lambda *case: gradient(*case, every_cell=True)
        ),
        "the maximum of a bin has the whole gradient; a mean would spread it": spread,
        "only the maximum of each bin has a gradient, not every cell of the RoI": fill,
        "argmax counts from the corner of the bin: add the bin's first row and column": (
            lambda *case: forget(*case, of="bin and RoI")
        ),
        "argmax counts from the corner of the bin: add the bin's place in the RoI": (
            lambda *case: forget(*case, of="bin")
        ),
        "bins are counted from the corner of the RoI: add y1 and x1": (
            lambda *case: forget(*case, of="RoI")
        ),
        "a cell that is the maximum of two bins has their gradients added": (
            lambda *case: np.minimum(gradient(*case), 1)
        ),
        "the result covers the whole map, 0 outside the RoI": (
            lambda values, roi, n: gradient(values, roi, n)[roi[1] : roi[3], roi[0] : roi[2]]
        ),
        "how often a cell is the maximum, not its value": (
            lambda values, roi, n: gradient(values, roi, n) * values
        ),
        "the maximum of each bin, not of the whole RoI": (
            lambda values, roi, n: gradient(values, roi, 1)
        ),
        "rows are y, columns are x": (
            lambda values, roi, n: gradient(values, tuple(roi[k] for k in (1, 0, 3, 2)), n)
        ),
    }
    return check_answer(answer, gradient, cases, mistakes)


def roi_loss(answer: Callable[[np.ndarray, np.ndarray, int, np.ndarray], float]) -> Outcome:
    """Notebook 05: probabilities (K + 1,), deltas (K, 4), label, targets (4,) -> its loss.

    Label 0 is background; class 1 is the first row of deltas.
    """
    probabilities = np.array([0.2, 0.5, 0.3])
    targets = np.array([0.1, -0.4, 0.0, 2.0])
    deltas = np.array([[0.3, 0.0, -0.2, -0.5], [0.1, -0.6, 0.5, 1.5]])
    cases = [(probabilities, deltas, label, targets) for label in (1, 2, 0)]
    cases.append((np.array([0.05, 0.9, 0.05]), deltas * 3 + [1, 0, 0, 0], 1, targets))

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

    def whole_square(errors: np.ndarray) -> np.ndarray:
        return np.where(np.abs(errors) < 1, errors**2, np.abs(errors) - 0.5)

    def signed(errors: np.ndarray) -> np.ndarray:
        return np.where(errors < 1, errors**2 / 2, errors - 0.5)

    def all_rows(
        probabilities: np.ndarray, deltas: np.ndarray, label: int, targets: np.ndarray
    ) -> float:
        box_loss = smooth_l1(deltas - targets).sum() if label else 0.0
        return -np.log(probabilities[label]) + box_loss

    mistakes = {
        "background has no box loss": lambda *case: loss(*case, background=True),
        "x² / 2 only below 1, a line beyond": lambda *case: loss(
            *case, box_loss=lambda x: x**2 / 2
        ),
        "x² / 2 below 1, not x²; a line beyond": lambda *case: loss(*case, box_loss=np.square),
        "x² / 2 below 1: half of the square": lambda *case: loss(*case, box_loss=whole_square),
        "|x| below 1, not x: take np.abs of the errors first": (
            lambda *case: loss(*case, box_loss=signed)
        ),
        "background has a class loss, too": (
            lambda p, d, k, t: reference(p, d, k, t) if k else 0.0
        ),
        "only the deltas of the RoI's own class count, not all rows": all_rows,
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
