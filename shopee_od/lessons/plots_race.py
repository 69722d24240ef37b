"""The race as a picture: accuracy against seconds a photo, ours and the papers'."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from shopee_od.lessons.colours import BLUE, ORANGE

PAPERS = pd.DataFrame(
    [("R-CNN", 47.0, 66.0), ("SPP-net", 2.3, 63.1), ("Fast R-CNN", 0.32, 66.9), ("Faster R-CNN", 0.198, 69.9)],
    columns=["name", "seconds", "mAP"],
)
"""VGG16 learnt on and judged on VOC 2007, seconds on the GPUs of their day, without proposals but for the last.

Girshick, "Fast R-CNN", ICCV 2015, tables 1 and 4; Ren et al., "Faster R-CNN", NeurIPS 2015, tables 3 and 5.
"""


def race(rows: pd.DataFrame) -> Figure:
    """Rows of `race.rows` -> AP50 over all garments and over classes against seconds a photo; beside it the papers'."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    for column, label, colour in (("agnostic_AP50", "any garment", ORANGE), ("AP50", "mean over classes", BLUE)):
        left.plot(rows.seconds, rows[column].astype(float), "o", color=colour, label=label)
    for number, row in enumerate(rows.itertuples(), 1):  # names would cover one another
        left.vlines(row.seconds, row.AP50, row.agnostic_AP50, color="#bbbbbb", linewidth=1, zorder=0)
        _name(left, row.seconds, row.agnostic_AP50, f"{number}")
        left.plot([], [], linestyle="", marker=f"${number}$", color="black", label=row.name)
    left.set(ylim=(0, 1.1), ylabel="AP50", title="here, same photos for all")
    figure.legend(frameon=False, loc="outside lower left", ncols=3, fontsize=8)
    right.plot(PAPERS.seconds, PAPERS.mAP, "s", color="#777777")
    for row in PAPERS.itertuples():
        _name(right, row.seconds, row.mAP, row.name)
    right.set(ylim=(60, 72), ylabel="mAP, %", title="the papers, VOC 2007")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="seconds a photo, log scale")
        axes.margins(x=0.2)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    return figure


def _name(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), (0, 5), textcoords="offset points", ha="center", va="bottom", size=8)
