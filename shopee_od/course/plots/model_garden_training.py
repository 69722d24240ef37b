"""Plots of Model Garden's training: losses of boxes, schedules, curves by step, validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from shopee_od.course.colors import BLUE, DARK_GRAY, GRAY, ORANGE
from shopee_od.course.schedules import running_average

WIDTH = 9.0  # inches
HUBER_DELTAS = {1.0: (BLUE, "δ = 1: second stage"), 1 / 9: (ORANGE, "δ = 1/9: RPN")}
NOISE = 0.15  # standard deviation of the simulated weight
MIN_SIMULATED_STEPS = 100
LOG_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)

MODEL_GARDEN_CURVES = {
    "rpn_score_loss": "RPN: objectness loss",
    "rpn_box_loss": "RPN: box loss",
    "frcnn_cls_loss": "second stage: class loss",
    "frcnn_box_loss": "second stage: box loss",
    "roi_accuracy": "RoI accuracy",
}
"""Four losses and the RoI accuracy: columns of Model Garden's history and their titles."""


def plot_huber_losses() -> Figure:
    """The Huber losses of both stages and their slopes, next to the squared error."""
    errors = np.linspace(-1.5, 1.5, 601)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    loss_axes, slope_axes = figure.subplots(1, 2)
    loss_axes.plot(errors, errors**2 / 2, "--", color=GRAY, label="e² / 2")
    slope_axes.plot(errors, errors, "--", color=GRAY)
    for delta, (color, label) in HUBER_DELTAS.items():
        size = np.abs(errors)
        loss = np.where(size <= delta, errors**2 / 2, delta * (size - delta / 2))
        loss_axes.plot(errors, loss, color=color, linewidth=2, label=label)
        slope_axes.plot(errors, np.clip(errors, -delta, delta), color=color, linewidth=2)
    loss_axes.set(title="loss", xlabel="error e of one delta", ylim=(0, 1.05))
    slope_axes.set(title="slope", xlabel="error e of one delta")
    for axes in (loss_axes, slope_axes):
        axes.grid(alpha=0.3)
    loss_axes.legend(frameon=False, fontsize=8, loc="upper center")
    return figure


def plot_schedules(rates: Mapping[int, float], warmup: int, decay: float) -> Figure:
    """The learning rate by step, and the running average of a simulated, noisy weight.

    Args:
        rates: the learning rate by step; the last step is that of the training.
        warmup: steps of the linear increase.
        decay: of the running average.
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    rate_axes, weight_axes = figure.subplots(1, 2)
    rate_axes.plot(list(rates), list(rates.values()), color=BLUE, linewidth=2)
    label = f"end of the warmup: step {warmup}"
    rate_axes.axvline(warmup, color=GRAY, linestyle="--", linewidth=1, label=label)
    rate_axes.set(title="learning rate", xlabel="step", ylim=(0, None))
    rate_axes.legend(frameon=False, fontsize=8)
    steps = np.arange(1, max(*rates, MIN_SIMULATED_STEPS) + 1)
    noise = np.random.default_rng(0).normal(0, NOISE, len(steps))
    weights = 1 - np.exp(-5 * steps / len(steps)) + noise
    weight_axes.plot(steps, weights, color=GRAY, alpha=0.6, linewidth=0.8, label="weight")
    for dynamic, color, name in ((True, BLUE, "average"), (False, ORANGE, "average, d fixed")):
        averages = running_average(weights, decay, dynamic)
        weight_axes.plot(steps, averages, color=color, linewidth=2, label=name)
    weight_axes.set(title=f"a simulated weight, d = {decay:g}", xlabel="step")
    weight_axes.legend(frameon=False, fontsize=8, loc="lower right")
    for axes in (rate_axes, weight_axes):
        axes.grid(alpha=0.3)
    return figure


def plot_training_curves(history: pd.DataFrame, constant_loss: float | None = None) -> Figure:
    """Model Garden's four losses, its RoI accuracy and the learning rate by training step.

    Dashed lines mark what needs no learning: the objectness loss of one probability for all
    anchors, and the least accuracy of a network that predicts background for every RoI.

    Args:
        history: its rows of kind "train" become lines, those of kind "val" dots.
        constant_loss: the objectness loss of the dashed line.
    """
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, (column, title) in zip(panels, MODEL_GARDEN_CURVES.items(), strict=False):
        _plot_train_and_val(axes, history, column)
        if column == "rpn_score_loss":
            axes.set(title=f"{title} (log scale)", yscale="log")
            axes.yaxis.set_major_locator(FixedLocator(LOG_TICKS))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.set(title=title, ylim=(0, 1.02 if column == "roi_accuracy" else None))
    train = history[history.kind == "train"]
    panels[-1].plot(train.step, train.learning_rate, color=GRAY)
    panels[-1].set(title="learning rate", ylim=(0, None))
    panels[0].legend(frameon=False, fontsize=8)
    if constant_loss is not None:
        _mark(panels[0], constant_loss, "one probability for all anchors")
    _mark(panels[4], 0.75, "background for every RoI: 0.75 or more")
    for axes in panels[3:]:
        axes.set_xlabel("step")
    return figure


def plot_validation(history: pd.DataFrame, best_step: int) -> Figure:
    """AP and AP50 of each validation.

    Args:
        history: its rows of kind "val" count.
        best_step: the step of the checkpoint that is kept.
    """
    val = history[history.kind == "val"]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(val.step, val.AP50, "o-", color=ORANGE, label="AP50")
    axes.plot(val.step, val.AP, "o-", color=BLUE, label="AP")
    label = f"best checkpoint: step {best_step}"
    axes.axvline(best_step, color="black", linestyle="--", linewidth=1, label=label)
    axes.set(xlabel="step", ylim=(0, 1.02), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _plot_train_and_val(axes: Axes, history: pd.DataFrame, column: str) -> None:
    train = history[history.kind == "train"]
    val = history[history.kind == "val"]
    axes.plot(train.step, train[column], color=BLUE, linewidth=1.2, label="training")
    axes.plot(val.step, val[column], "o", color=ORANGE, markersize=5, label="validation")
    axes.grid(alpha=0.3)


def _mark(axes: Axes, value: float, label: str) -> None:
    axes.axhline(value, color=DARK_GRAY, linestyle="--", linewidth=1.2, label=label)
    axes.legend(frameon=False, fontsize=7)
