"""Where the time of an image goes."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from shopee_od.course.colors import BLUE, GRAY, GREEN, ORANGE, PURPLE

WIDTH = 9.0  # inches


def plot_seconds(seconds: Mapping[str, Mapping[str, float]]) -> Figure:
    """Seconds per image as stacked bars.

    Args:
        seconds: by detector, the seconds of each of its steps, in order.
    """
    steps = list(dict.fromkeys(step for parts in seconds.values() for step in parts))
    colors = dict(zip(steps, (GRAY, ORANGE, BLUE, GREEN, PURPLE), strict=False))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.5 * len(seconds)), layout="constrained")
    axes = figure.subplots()
    for row, parts in enumerate(seconds.values()):
        start = 0.0
        for step, duration in parts.items():
            axes.barh(row, duration, left=start, color=colors[step], height=0.6, label=step)
            start += duration
        axes.text(start, row, f" {start:.2f} s", va="center")
    axes.set_yticks(range(len(seconds)), list(seconds))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(xlabel="s/image")
    handles, labels = axes.get_legend_handles_labels()
    by_step = dict(zip(labels, handles, strict=True))
    place = {"frameon": False, "loc": "outside lower center", "ncols": len(by_step)}
    figure.legend(by_step.values(), by_step.keys(), **place)
    return figure
