"""Plots of an evaluation: matches, precision-recall curves, AP by IoU threshold, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from shopee_od.course.colors import BLUE, GRAY, ORANGE, PURPLE
from shopee_od.evaluation.curves import PRCurve
from shopee_od.ops.boxes import box_iou

WIDTH = 7.0  # inches
RECALLS = np.linspace(0, 1, 101)
RECALL_LABEL = "recall: share of the boxes found"
PRECISION_LABEL = "precision: share of the\ndetections that are correct"
RIGHT = "#117733"
HIGHLIGHTED = (ORANGE, BLUE, PURPLE)  # the classes with the lowest AP


def plot_matched_boxes(gt_boxes: pd.DataFrame, detections: pd.DataFrame) -> Figure:
    """Detections with rank, score and result over ground-truth boxes, one panel per image.

    Args:
        gt_boxes: by name; columns image, x1, y1, x2, y2.
        detections: highest score first; the same columns, score and correct.
    """
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    images = sorted(gt_boxes.image.unique())
    for axes, image in zip(np.atleast_1d(figure.subplots(1, len(images))), images, strict=True):
        boxes = gt_boxes[gt_boxes.image == image]
        for row in boxes.itertuples():
            _add_box(axes, row, "black", linestyle="--", linewidth=1.5)
            axes.text(row.x1, row.y2 + 0.2, row.Index, va="top", size=12)
        corners = np.zeros((0, 4))
        for rank, row in enumerate(detections.itertuples(), 1):
            if row.image != image:
                continue
            color = RIGHT if row.correct else ORANGE
            _add_box(axes, row, color, linewidth=2.5)
            label = f"{rank}: {row.score:.1f} {'TP' if row.correct else 'FP'}"
            box = np.array([[row.x1, row.y1, row.x2, row.y2]])
            below = 2.4 * (box_iou(box, corners) > 0).sum()  # the labels of others on this garment
            corners = np.concatenate([corners, box])
            x = (row.x1 + row.x2) / 2
            y = row.y1 + min((row.y2 - row.y1) / 2, 2.2) + below
            axes.text(x, y, label, color=color, ha="center", va="center", size=10, weight="bold")
        axes.set(xlim=(-1, boxes.x2.max() + 1), ylim=(boxes.y2.max() + 2, -1), aspect="equal")
        axes.set(title=f"image {image}", xlabel="x, pixels")
        axes.set(xticks=range(0, int(boxes.x2.max()) + 1, 2), yticks=range(0, 9, 2))
    return figure


def plot_pr_curve(curve: PRCurve, name: str) -> Figure:
    """A class's curve: every detection, the interpolated precision, and the area that is AP."""
    figure, axes = _make_figure(3.8)
    envelope = np.nan_to_num(curve.interpolated_precision)
    correct = curve.correct
    axes.fill_between(RECALLS, envelope, color=BLUE, alpha=0.15, label="area: AP")
    axes.step(RECALLS, envelope, where="mid", color=BLUE, label="interpolated precision")
    axes.plot(curve.recall, curve.precision, color="#777777", linewidth=0.8)
    for mask, marker, color, label in (
        (correct, "o", RIGHT, "correct detection"),
        (~correct, "x", ORANGE, "wrong detection"),
    ):
        axes.plot(
            curve.recall[mask],
            curve.precision[mask],
            marker,
            label=label,
            color=color,
            markersize=4,
            clip_on=False,
        )
    title = f"{name}: AP50 {_format_ap(curve.ap)}"
    axes.set(title=title, xlabel=RECALL_LABEL, ylabel=PRECISION_LABEL)
    _finish_unit_axes(axes)
    return figure


def plot_pr_curves(curves: Mapping[str, PRCurve], agnostic: PRCurve) -> Figure:
    """The interpolated curves of all classes in gray, those with the lowest AP in color.

    Args:
        curves: by class.
        agnostic: the class-agnostic curve, drawn in black and dashed.
    """
    figure, axes = _make_figure(4.2)
    with_boxes = {name: curve for name, curve in curves.items() if curve.num_gt}
    names = sorted(with_boxes, key=lambda name: with_boxes[name].ap)
    lowest = names[: len(HIGHLIGHTED)]
    others = names[len(lowest) :]
    for k, name in enumerate(others):
        label = "the other classes" if k == 0 else None
        _plot_envelope(axes, with_boxes[name], label, color=GRAY, alpha=0.6, linewidth=1)
    label = f"class-agnostic: {_format_ap(agnostic.ap)}"
    _plot_envelope(axes, agnostic, label, color="black", linestyle="--", linewidth=2)
    for name, color in zip(lowest, HIGHLIGHTED, strict=False):
        label = f"{name}: {_format_ap(with_boxes[name].ap)}"
        _plot_envelope(axes, with_boxes[name], label, color=color, linewidth=2)
    axes.set(xlabel=RECALL_LABEL, ylabel=PRECISION_LABEL)
    _finish_unit_axes(axes)
    axes.legend(title="AP50", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def plot_by_iou(
    thresholds: Sequence[float], ap: Sequence[float], recall: Sequence[float]
) -> Figure:
    """Precision averaged over recalls, and recall, at each IoU threshold; dashed, their means.

    Args:
        thresholds: (T,) IoU.
        ap: (T,) the mean over the classes.
        recall: (T,) the mean over the classes, with at most 100 detections per image and class.
    """
    figure, axes = _make_figure(3.2)
    for values, color, name, mean in ((recall, ORANGE, "recall", "AR100"), (ap, BLUE, "AP", "AP")):
        axes.plot(thresholds, values, "o-", color=color, label=f"mean {name} of the classes")
        label = f"{mean}, the mean of the ten: {np.mean(values):.3f}"
        axes.axhline(float(np.mean(values)), color=color, linestyle="--", linewidth=1, label=label)
    axes.set(xlabel="IoU threshold for a correct detection", ylim=(0, 1.03), xticks=thresholds)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
    return figure


def plot_resamples(
    resampled: np.ndarray, value: float, interval: Sequence[float], name: str
) -> Figure:
    """How a metric varies between the resamples of a bootstrap, and the interval from it.

    Args:
        resampled: (B,) its value in each resample.
        value: on all images.
        interval: low, high.
        name: of the metric.
    """
    figure, axes = _make_figure(2.8)
    axes.hist(resampled, 30, color=GRAY, label="resamples")
    axes.axvline(value, color="black", linewidth=2, label=f"all images: {value:.3f}")
    label = f"95% interval: {interval[0]:.3f} to {interval[1]:.3f}"
    axes.axvspan(*interval, color=BLUE, alpha=0.15, label=label)
    axes.set(xlabel=name, ylabel="resamples")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
    return figure


def plot_intervals(rows: pd.DataFrame) -> Figure:
    """Metrics as dots with their intervals.

    Args:
        rows: by name; columns value, low and high, NaN where unknown.
    """
    figure, axes = _make_figure(0.9 + 0.28 * len(rows))
    y = np.arange(len(rows))[::-1]
    axes.hlines(y, rows.low, rows.high, color=BLUE, linewidth=3, alpha=0.4)
    axes.plot(rows.value, y, "o", color=BLUE, markersize=5)
    axes.set(xlim=(0, 1), xlabel="value and 95% interval", yticks=y, yticklabels=rows.index)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="x", alpha=0.3)
    return figure


def _make_figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _add_box(axes: Axes, row: Any, color: str, **style: Any) -> None:
    """The box x1, y1, x2, y2 of a row."""
    width = row.x2 - row.x1
    height = row.y2 - row.y1
    axes.add_patch(Rectangle((row.x1, row.y1), width, height, fill=False, edgecolor=color, **style))


def _plot_envelope(axes: Axes, curve: PRCurve, label: str | None, **style: Any) -> None:
    axes.plot(RECALLS, curve.interpolated_precision, label=label, **style)


def _finish_unit_axes(axes: Axes) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _format_ap(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"
