"""Plots of what a detector gets wrong: confusion, types of error, recall by size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from shopee_od.course.colors import BLUE, DARK_GRAY
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.drawing import Layer, class_color, draw_layers, make_contact_sheet

WIDTH = 7.0  # inches
NORMAL_95 = 1.96
"""Of a normal distribution, 95% is within this many standard deviations of the mean."""


def plot_confusion(matrix: pd.DataFrame) -> Figure:
    """A confusion matrix: counts, colored by the share of their row.

    Args:
        matrix: one row per true class and one for background, columns the detector's classes.
    """
    size = len(matrix)
    figure = Figure(figsize=(WIDTH, min(7.0, 1.9 + 0.42 * size)), layout="constrained")
    axes = figure.subplots()
    counts = matrix.to_numpy()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in zip(*np.nonzero(counts), strict=True):
        color = "white" if share[i, j] > 0.5 else "black"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", size=8, color=color)
    axes.axhline(size - 1.5, color="black", linewidth=1)
    axes.axvline(size - 1.5, color="black", linewidth=1)
    axes.set(xlabel="predicted", ylabel="ground truth")
    axes.set_xticks(range(size), matrix.columns, rotation=45, ha="right", size=8)
    axes.set_yticks(range(size), matrix.index, size=8)
    return figure


def plot_error_costs(costs: pd.DataFrame) -> Figure:
    """How often each type of error occurs, next to what AP50 would gain without it.

    Args:
        costs: by type; columns count and gain.
    """
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    counts, gains = figure.subplots(1, 2, sharey=True)
    y = np.arange(len(costs))[::-1]
    panels = ((counts, costs["count"], ",.0f"), (gains, costs.gain, "+.3f"))
    for axes, values, form in panels:
        lengths = np.nan_to_num(values)
        axes.barh(y, lengths, color=BLUE)
        for row, value, length in zip(y, values, lengths, strict=True):
            axes.text(max(length, 0), row, f" {value:{form}}", va="center", size=8)
        axes.margins(x=0.25)
        axes.grid(axis="x", alpha=0.3)
    counts.set(yticks=y, yticklabels=costs.index, xlabel="number of errors")
    gains.set(xlabel="AP50 gained if fixed")
    return figure


def draw_errors(errors: pd.DataFrame, dataset: Dataset, classes: Sequence[str]) -> Image.Image:
    """Wrong detections, each alone in its image in the color of its class, with all labels.

    Args:
        errors: rows of `MatchTable.detections`, and error, the type of each.
        dataset: the images and their boxes, dashed green.
        classes: of the match table.
    """
    pictures = []
    captions = []
    for row in errors.itertuples():
        rows = dataset.boxes_of(row.image_id)
        box = np.array([[row.x1, row.y1, row.x2, row.y2]])
        layers = [
            Layer(rows[CORNERS].to_numpy(), "ground_truth"),
            Layer(box, "detection", colors=[class_color(row.category)]),
        ]
        image = read_photo(dataset.take([row.image_id]).images.path[0])
        pictures.append(draw_layers(image, layers))
        labels = ", ".join(dataset.label_names[k] for k in rows.label) or "nothing"
        captions.append(f"{classes[row.category]} {row.score:.2f}: {row.error} (labeled: {labels})")
    return make_contact_sheet(pictures, captions=captions, cell=300)


def plot_recall_by_size(rows: pd.DataFrame) -> Figure:
    """Recall, with its interval, for groups of boxes by the share of the image that they cover.

    Args:
        rows: one per group; columns low, high, boxes and recall.
    """
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    x = np.arange(len(rows))
    axes.bar(x, rows.recall, color=BLUE, width=0.8, alpha=0.5)
    low, high = _wilson_interval(rows.recall.to_numpy(), rows.boxes.to_numpy())
    axes.vlines(x, low, high, color=DARK_GRAY, linewidth=2, label="95% interval (Wilson)")
    for k, boxes in enumerate(rows.boxes):
        text = f"{boxes} box{'es' if boxes != 1 else ''}"
        axes.text(k, 0.03, text, ha="center", va="bottom", size=8)
    names = [
        f"{100 * low:.3g}–{100 * high:.3g}%" for low, high in zip(rows.low, rows.high, strict=True)
    ]
    axes.set_xticks(x, names)
    axes.set(xlabel="share of the image that the box covers", ylim=(0, 1.1))
    axes.set(ylabel="recall at the threshold")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)
    return figure


def _wilson_interval(share: np.ndarray, n: np.ndarray) -> np.ndarray:
    """float (2, K): the 95% interval of each share of n independent trials.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22, 1927.
    """
    z2 = NORMAL_95**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return np.stack([center - half, center + half])
