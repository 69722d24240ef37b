"""Figures of notebook 07: the five figures while it learns, the learning rate, and AP on the validation photos."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from shopee_od.lessons.colours import BLUE, ORANGE

FIVE = {
    "rpn_score_loss": "RPN: garment or not",
    "rpn_box_loss": "RPN: deltas",
    "frcnn_cls_loss": "second stage: class",
    "frcnn_box_loss": "second stage: deltas",
    "roi_accuracy": "RoIs with the right class",
}
"""The five figures by their column in the history, and what they are called in a plot."""


def five_figures(history: pd.DataFrame) -> Figure:
    """The history's rows -> a panel for each of the five figures: a line for training, dots for validation."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for axes, (column, title) in zip(panels, FIVE.items(), strict=False):
        _lines(axes, history, column)
        axes.set(title=title, ylim=(0, 1.02) if column == "roi_accuracy" else (0, None))
    rows = history[history.kind == "train"]
    panels[-1].plot(rows.step, rows.learning_rate, color="#777777")
    panels[-1].set(title="learning rate", ylim=(0, None))
    panels[0].legend(frameon=False, fontsize=8)
    for axes in panels[3:]:
        axes.set_xlabel("step")
    return figure


def validation(history: pd.DataFrame, chosen: int) -> Figure:
    """The history's rows, the step whose checkpoint was taken -> AP and AP50 of each validation."""
    rows = history[history.kind == "val"]
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(rows.step, rows.AP50, "o-", color=ORANGE, label="AP50")
    axes.plot(rows.step, rows.AP, "o-", color=BLUE, label="AP")
    axes.axvline(chosen, color="black", linestyle="--", linewidth=1, label=f"taken: step {chosen}")
    axes.set(xlabel="step", ylim=(0, 1.02), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _lines(axes, history: pd.DataFrame, column: str) -> None:
    train, val = (history[history.kind == kind] for kind in ("train", "val"))
    axes.plot(train.step, train[column], color=BLUE, linewidth=1.2, label="training")
    if column in val:
        axes.plot(val.step, val[column], "o", color=ORANGE, markersize=5, label="validation")
    axes.grid(alpha=0.3)
