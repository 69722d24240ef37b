"""Block diagrams: one detector as four slots, and the slots of all stages side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch

from shopee_od.course.context import NotebookContext
from shopee_od.course.slot_shapes import (
    ARROWS,
    compute_shapes,
    describe_shapes,
    measure_shapes,
)
from shopee_od.course.stage_slots import (
    IMAGENET,
    RULE,
    SLOTS,
    STAGE_SLOTS,
    TRAINED,
    SlotContent,
)
from shopee_od.detector import Detector

WIDTH = 9.0  # inches, as are the other lengths
BOX_WIDTH = 1.72
BOX_HEIGHT = 1.5
GAP = (WIDTH - 4 * BOX_WIDTH) / 5
SHAPE_HEIGHT = 0.64
LEGEND_HEIGHT = 0.34
TITLE_HEIGHT = 0.32
NAME_WIDTH = 1.8
ROW_HEIGHT = 0.56
MARGIN = 0.04

COLORS = {
    TRAINED: ("#FBE3B0", "#B87700"),
    IMAGENET: ("#D3EEE2", "#00794F"),
    RULE: ("#D6E6F4", "#0072B2"),
}
"""Fill and edge of a part, by where its numbers come from."""
PALE = {
    TRAINED: ("#FEF8EB", "#E8CF9F"),
    IMAGENET: ("#F2FAF6", "#A9D3C2"),
    RULE: ("#F3F8FC", "#AECDE4"),
}
INK = "#222222"
SOFT_INK = "#555555"
PALE_INK = "#777777"


def plot_slots(
    stage: str, context: NotebookContext | None = None, detector: Detector | None = None
) -> Figure:
    """The four slots of a stage, and the shapes of the arrays that pass from one to the next.

    The slots that the stage changes are lit, the others pale.

    Args:
        stage: a key of `stage_slots.STAGE_SLOTS`.
        context: for the shapes of the example image, as far as they are known before training;
            without it they are symbols.
        detector: trained, of this stage: all shapes are then those of the example image.
    """
    if context is None:
        shapes = describe_shapes(stage)
    elif detector is None:
        shapes = compute_shapes(stage, context)
    else:
        shapes = measure_shapes(stage, context, detector)
    slots = STAGE_SLOTS[stage]
    bottom = SHAPE_HEIGHT + LEGEND_HEIGHT
    figure, axes = _make_axes(bottom + BOX_HEIGHT + TITLE_HEIGHT)
    top = bottom + BOX_HEIGHT + TITLE_HEIGHT
    axes.text(GAP / 2, top - 0.04, slots.title, size=11, weight="bold", color=INK, va="top")
    for k, (slot, content) in enumerate(zip(SLOTS, slots.contents, strict=True)):
        left = GAP + k * (BOX_WIDTH + GAP)
        _draw_slot(axes, left, bottom, slot, content, shapes.get(slot, ""), slot in slots.lit)
    if slots.shares_map:
        x = GAP + BOX_WIDTH
        y = bottom + 0.78 * BOX_HEIGHT
        _draw_arrow(axes, x + GAP - 0.05, x + 0.05, y)
        axes.text(x + GAP / 2, y + 0.05, "map", size=7.5, color=SOFT_INK, ha="center")
    for k, arrow in enumerate(ARROWS):
        x = k * (BOX_WIDTH + GAP)
        _draw_arrow(axes, x + 0.05, x + GAP - 0.05, bottom + BOX_HEIGHT / 2)
        _draw_shape(axes, k, bottom, arrow, shapes[arrow])
    note = "pale: as in the stage before" if set(slots.lit) != set(SLOTS) else ""
    _draw_legend(axes, [content.origin for content in slots.contents], note)
    return figure


def plot_stage_slots(current: str = "", bridges: bool = False) -> Figure:
    """All stages: one row per stage, one column per slot.

    Color shows where the numbers of a part come from, the small text how often it runs, and a bold
    edge what differs from the row above.

    Args:
        current: the key of a stage whose name is set in bold.
        bridges: whether the two stages between SPP-net and Fast R-CNN that change one slot each,
            and are no paper's, have rows.
    """
    rows = {key: slots for key, slots in STAGE_SLOTS.items() if bridges or not slots.is_bridge}
    height = LEGEND_HEIGHT + ROW_HEIGHT * len(rows) + TITLE_HEIGHT
    figure, axes = _make_axes(height)
    cell_width = (WIDTH - NAME_WIDTH - MARGIN) / len(SLOTS)
    lefts = [NAME_WIDTH + k * cell_width + MARGIN for k in range(len(SLOTS))]
    for slot, left in zip(SLOTS, lefts, strict=True):
        x = left + cell_width / 2 - MARGIN
        axes.text(x, height - 0.08, slot, ha="center", va="top", size=9, color=SOFT_INK)
    for row, (key, slots) in enumerate(rows.items()):
        bottom = height - TITLE_HEIGHT - (row + 1) * ROW_HEIGHT
        weight = "bold" if key == current else "normal"
        title = textwrap.fill(slots.title, 20)
        y = bottom + ROW_HEIGHT / 2
        axes.text(0.08, y, title, va="center", size=9, weight=weight, color=INK)
        changed = slots.changed if bridges else slots.lit
        for slot, content, left in zip(SLOTS, slots.contents, lefts, strict=True):
            is_changed = row > 0 and slot in changed
            size = (cell_width - 2 * MARGIN, ROW_HEIGHT - 2 * MARGIN)
            colors = COLORS[content.origin]
            _draw_box(axes, (left, bottom + MARGIN), size, colors, 2.2 if is_changed else 0.5)
            x = left + size[0] / 2
            name = textwrap.fill(content.name, 27)
            style: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.05}
            axes.text(x, y + 0.075, name, size=7.5, color=INK, **style)
            runs = content.runs.replace("CNN once", "CNN").replace("\n", " ")
            axes.text(x, bottom + 0.115, runs, size=6.5, color=SOFT_INK, **style)
    _draw_legend(axes, COLORS, "bold edge: differs from the row above")
    return figure


def _make_axes(height: float) -> tuple[Figure, Axes]:
    """A white figure of WIDTH × height whose data coordinates are inches."""
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def _draw_slot(
    axes: Axes,
    left: float,
    bottom: float,
    slot: str,
    content: SlotContent,
    inside: str,
    is_lit: bool,
) -> None:
    """A box with the slot's name, what fills it, what it computes and how often it runs."""
    colors = (COLORS if is_lit else PALE)[content.origin]
    ink, soft_ink = (INK, SOFT_INK) if is_lit else (PALE_INK, PALE_INK)
    _draw_box(axes, (left, bottom), (BOX_WIDTH, BOX_HEIGHT), colors, 2.2 if is_lit else 1.0)
    x = left + BOX_WIDTH / 2
    top = bottom + BOX_HEIGHT
    style: dict[str, Any] = {"ha": "center", "linespacing": 1.15}
    axes.text(x, top - 0.08, slot, size=8, color=soft_ink, va="top", **style)
    name = textwrap.fill(content.name, 18)
    weight = "bold" if is_lit else "normal"
    axes.text(x, top - 0.28, name, size=9.5, weight=weight, color=ink, va="top", **style)
    y = bottom + 0.26 + 0.12 * content.runs.count("\n")
    axes.text(x, y, inside, size=7.5, color=ink, va="bottom", **style)
    axes.text(x, bottom + 0.07, content.runs, size=7, color=soft_ink, va="bottom", **style)


def _draw_box(
    axes: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    colors: tuple[str, str],
    linewidth: float,
) -> None:
    fill, edge = colors
    style = "round,pad=0,rounding_size=0.06"
    patch = FancyBboxPatch(
        corner, *size, boxstyle=style, facecolor=fill, edgecolor=edge, linewidth=linewidth
    )
    axes.add_patch(patch)


def _draw_arrow(axes: Axes, start: float, end: float, y: float) -> None:
    """A horizontal arrow."""
    style: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": INK,
        "linewidth": 1.4,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.annotate("", (end, y), (start, y), arrowprops=style)


def _draw_shape(axes: Axes, number: int, bottom: float, name: str, shape: str) -> None:
    """What an arrow passes on, below its gap; the first and the last text stay in the figure."""
    x = number * (BOX_WIDTH + GAP) + GAP / 2
    axes.plot([x, x], [bottom + BOX_HEIGHT / 2 - 0.1, bottom - 0.06], ":", color=PALE_INK, lw=0.9)
    alignment = {0: "left", len(ARROWS) - 1: "right"}.get(number, "center")
    x = {0: 0.06, len(ARROWS) - 1: WIDTH - 0.06}.get(number, x)
    axes.text(x, bottom - 0.1, name, size=8, color=SOFT_INK, ha=alignment, va="top")
    style: dict[str, Any] = {
        "size": 8.5,
        "color": INK,
        "ha": alignment,
        "va": "top",
        "linespacing": 1.15,
    }
    axes.text(x, bottom - 0.26, shape, **style)


def _draw_legend(axes: Axes, origins: Iterable[str], note: str) -> None:
    """The colors of these origins, and a note in words."""
    present = set(origins)
    patches = [
        Patch(facecolor=fill, edgecolor=edge, label=origin)
        for origin, (fill, edge) in COLORS.items()
        if origin in present
    ]
    if note:
        patches.append(Patch(facecolor="none", edgecolor="none", label=note))
    style: dict[str, Any] = {"frameon": False, "fontsize": 8, "handlelength": 1.4, "borderpad": 0}
    axes.legend(handles=patches, loc="lower center", ncols=len(patches), **style)
