"""Plots of training: loss functions, gradients, losses and accuracy by step, validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, GRAY, ORANGE
from shopee_od.ops.losses import smooth_l1

WIDTH = 9.0  # inches
SMOOTHING_STEPS = 25  # training steps that a smooth line is the mean of

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
        norms: by part, from the image upwards; 0 is frozen. The axis is logarithmic.
    """
    figure = Figure(figsize=(7, 0.9 + 0.24 * len(norms)), layout="constrained")
    axes = figure.subplots()
    values = list(norms.values())
    positive = [value for value in values if value] or [1.0]
    start = min(positive) / 2
    axes.barh(list(norms), [max(value - start, 0) for value in values], left=start, color=BLUE)
    for k, value in enumerate(values):
        text, color = (f" {value:.2f}", "black") if value else (" frozen", GRAY)
        axes.text(value or start, k, text, va="center", size=8, color=color)
    axes.set(xscale="log", xlim=(start, 2 * max(positive)), xlabel="norm of the gradient (log)")
    axes.grid(axis="x", alpha=0.3)
    return figure


def plot_fast_rcnn_training(history: pd.DataFrame, background_share: float | None = None) -> Figure:
    """Losses and RoI accuracy of Fast R-CNN by training step, with a moving average.

    Args:
        history: one row per step: class_loss, box_loss, accuracy.
        background_share: of the sampled RoIs; a dashed line marks the accuracy of a network that
            predicts background for all of them.
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
    if background_share is not None:
        style = {"color": ORANGE, "linestyle": "--", "linewidth": 1.5}
        axes.axhline(background_share, label="background for every RoI", **style)
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure
