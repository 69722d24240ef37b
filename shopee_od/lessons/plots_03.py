"""Figures of notebook 03: regions, recall against their number, margins of negatives, IoU before and after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from skimage.color import label2rgb
from skimage.segmentation import mark_boundaries

from shopee_od.lessons.colours import BLUE, ORANGE


def painted(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), int (H, W) regions -> uint8, twice as large: each region in its mean colour, with white rims."""
    mean = label2rgb(labels, image, kind="avg", bg_label=-1)
    rims = mark_boundaries(mean, labels, color=(1, 1, 1), mode="subpixel")  # enlarging overshoots
    return (255 * rims.clip(0, 1)).astype(np.uint8)


def recall_curves(ranks: Mapping[tuple[str, float], np.ndarray], marks: tuple[int, ...] = (100, 300)) -> Figure:
    """By name and IoU, for each box how many regions come before the first that meets it, inf where none does ->
    recall by their number, names in colours, IoUs in line styles.
    """
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    names, overlaps = (list(dict.fromkeys(each)) for each in zip(*ranks, strict=True))
    longest = max(rank[np.isfinite(rank)].max(initial=1) for rank in ranks.values()) + 1
    number = np.unique(np.geomspace(1, max(longest, *marks), 200).astype(int))
    for (name, overlap), rank in ranks.items():
        style = {"color": (BLUE, ORANGE)[names.index(name)], "linestyle": ("-", ":")[overlaps.index(overlap)]}
        axes.plot(number, [(rank < n).mean() for n in number], linewidth=2, label=f"{name}, IoU {overlap}", **style)
    for mark in marks:
        axes.axvline(mark, color="#999999", linewidth=1, linestyle="--")
    axes.set(xscale="log", xlabel="regions a photo, log scale", ylabel="share of boxes met", ylim=(0, 1.02))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def margins(before: np.ndarray, after: np.ndarray, right: np.ndarray) -> Figure:
    """Margins of one class's negatives before and after hard ones were looked for, and of its boxes after."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(min(before.min(), after.min()), max(1.5, before.max(), right.max()), 60)
    axes.hist(before, bins, histtype="step", color=ORANGE, linewidth=1.5, label="negatives, first SVM")
    axes.hist(after, bins, histtype="step", color=BLUE, linewidth=1.5, label="negatives, after")
    axes.hist(right, bins, color="#009E73", alpha=0.6, label="the class's own boxes, after")
    axes.axvspan(-1, 1, color="#999999", alpha=0.15)
    axes.set(yscale="log", xlabel="margin; the street between −1 and 1 in grey", ylabel="regions, log scale")
    figure.legend(frameon=False, loc="outside right upper")
    return figure


def before_and_after(before: np.ndarray, after: np.ndarray) -> Figure:
    """IoU of proposals with their box before and after they were moved -> a dot each, and two histograms."""
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(before, after, "o", color=BLUE, markersize=3, alpha=0.5)
    left.plot([0, 1], [0, 1], color="black", linewidth=1)
    left.set(xlim=(0.45, 1), ylim=(0.2, 1), xlabel="IoU before", ylabel="IoU after")
    bins = np.linspace(0.2, 1, 33)
    right.hist(before, bins, histtype="step", color=ORANGE, linewidth=1.5, label="before")
    right.hist(after, bins, histtype="step", color=BLUE, linewidth=1.5, label="after")
    right.set(xlabel="IoU", ylabel="proposals")
    right.legend(frameon=False, loc="upper left")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure
