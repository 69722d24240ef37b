"""Plots of training: loss functions, gradients, losses and accuracy by step, validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, GRAY, ORANGE
from shopee_od.ops.losses import smooth_l1

WIDTH = 9.0  # inches
SMOOTHING_STEPS = 25  # training steps that a smooth line is the mean of

MODEL_GARDEN_CURVES = {
    "rpn_score_loss": "RPN: objectness loss",
    "rpn_box_loss": "RPN: box loss",
    "frcnn_cls_loss": "second stage: class loss",
    "frcnn_box_loss": "second stage: box loss",
    "roi_accuracy": "RoI accuracy",
}
"""Four losses and the RoI accuracy: columns of Model Garden's history and their titles."""

FAST_RCNN_CURVES = {
    "class_loss": "class loss",
    "box_loss": "box loss",
    "accuracy": "RoI accuracy",
}


def plot_box_losses() -> Figure:
    """Smooth L1 and the squared loss, and their slopes."""
    x = np.linspace(-4, 4, 401)
    squared = (ORANGE, "L2: x² / 2")
    smooth = (BLUE, "smooth L1")
    panels = {
        "loss": {squared: x**2 / 2, smooth: smooth_l1(x)},
        "slope": {squared: x, smooth: np.clip(x, -1, 1)},
    }
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        for (color, name), values in curves.items():
            axes.plot(x, values, color=color, linewidth=2, label=name)
        axes.set_title(title, size=10)
        axes.set(xlabel="delta − target")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def plot_gradient_norms(norms: Mapping[str, float]) -> Figure:
    """The norm of the gradient in each part of the network.

    Args:
        norms: by part, from the image upwards; 0 is frozen.
    """
    figure = Figure(figsize=(7, 0.9 + 0.24 * len(norms)), layout="constrained")
    axes = figure.subplots()
    values = list(norms.values())
    axes.barh(list(norms), values, color=[BLUE if value else GRAY for value in values])
    for k, value in enumerate(values):
        axes.text(value, k, f" {value:.2f}" if value else " frozen", va="center", size=8)
    axes.set(xlabel="norm of the gradient")
    axes.margins(x=0.12)
    axes.grid(axis="x", alpha=0.3)
    return figure


def plot_fast_rcnn_training(history: pd.DataFrame) -> Figure:
    """Losses and RoI accuracy of Fast R-CNN by training step, with a moving average.

    Args:
        history: one row per step: class_loss, box_loss, accuracy.
    """
    mean = history.rolling(SMOOTHING_STEPS, min_periods=1, center=True).mean()
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    for axes, (column, title) in zip(figure.subplots(1, 3), FAST_RCNN_CURVES.items(), strict=True):
        axes.plot(history[column], color=BLUE, alpha=0.25, linewidth=0.8)
        axes.plot(mean[column], color=BLUE, linewidth=1.8)
        top = 1.02 if column == "accuracy" else history[column].quantile(0.99)
        axes.set(xlabel="step", ylim=(0, top))
        axes.set_title(title, size=10)
        axes.grid(alpha=0.3)
    return figure


def plot_training_curves(history: pd.DataFrame) -> Figure:
    """Model Garden's four losses, its RoI accuracy and the learning rate by training step.

    Args:
        history: its rows of kind "train" become lines, those of kind "val" dots.
    """
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, (column, title) in zip(panels, MODEL_GARDEN_CURVES.items(), strict=False):
        _plot_train_and_val(axes, history, column)
        axes.set(title=title, ylim=(0, 1.02) if column == "roi_accuracy" else (0, None))
    train = history[history.kind == "train"]
    panels[-1].plot(train.step, train.learning_rate, color=GRAY)
    panels[-1].set(title="learning rate", ylim=(0, None))
    panels[0].legend(frameon=False, fontsize=8)
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
