"""The stage comparison: accuracy against seconds per image, of this course and of the papers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from shopee_od.course.colors import BLUE, ORANGE

PAPERS = pd.DataFrame(
    [
        ("R-CNN", 47.0, 66.0),
        ("SPP-net", 2.3, 63.1),
        ("Fast R-CNN", 0.32, 66.9),
        ("Faster R-CNN", 0.198, 69.9),
    ],
    columns=["name", "seconds", "mAP"],
)
"""VGG16 trained and evaluated on VOC 2007; seconds on the GPUs of their time, without proposals
except for the last.

Source: Girshick, "Fast R-CNN", ICCV 2015, tables 1 and 4; Ren et al., "Faster R-CNN", NeurIPS
2015, tables 3 and 5.
"""


def plot_stage_comparison(results: pd.DataFrame) -> Figure:
    """AP50 against seconds per image for each stage; next to it the papers' figures.

    Args:
        results: of `course.stage_comparison.load_results`, one row per stage.
    """
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    ours, papers = figure.subplots(1, 2, width_ratios=[3, 2])
    curves = (
        ("agnostic_AP50", "class-agnostic", ORANGE),
        ("AP50", "mean over classes", BLUE),
    )
    for column, label, color in curves:
        ours.plot(results.seconds, results[column].astype(float), "o", color=color, label=label)
    for number, row in enumerate(results.to_dict("records"), 1):  # names would overlap
        x = row["seconds"]
        high = row["agnostic_AP50"]
        ours.vlines(x, row["AP50"], high, color="#bbbbbb", linewidth=1, zorder=0)
        _label_point(ours, x, high, f"{number}")
        ours.plot([], [], linestyle="", marker=f"${number}$", color="black", label=row["name"])
    ours.set(ylim=(0, 1.1), ylabel="AP50", title="this course, all stages on the same images")
    figure.legend(frameon=False, loc="outside lower left", ncols=3, fontsize=8)
    papers.plot(PAPERS.seconds, PAPERS.mAP, "s", color="#777777")
    for name, seconds, mean_ap in PAPERS.itertuples(index=False):
        _label_point(papers, seconds, mean_ap, name)
    papers.set(ylim=(60, 72), ylabel="mAP, %", title="the papers, VOC 2007")
    for axes in (ours, papers):
        axes.set(xscale="log", xlabel="s/image, log scale")
        axes.margins(x=0.2)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    return figure


def _label_point(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(
        text, (x, y), (0, 5), textcoords="offset points", ha="center", va="bottom", size=8
    )
