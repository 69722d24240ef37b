"""The pictures in docs/: AP50 as bars, and images with tags as `shopee-od detect` draws them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from shopee_od.course.colors import BLUE, DARK_GRAY, ORANGE
from shopee_od.datasets.dataset import Dataset
from shopee_od.detect import detect_photos
from shopee_od.detector import Detector
from shopee_od.drawing.contact_sheet import make_contact_sheet
from shopee_od.io import atomic_file

MIN_BOXES = 10
"""Classes with fewer boxes are drawn paler: their AP50 is hardly more than chance."""
IMAGES = 12
SEED = 0
"""Of the images on the sheet."""


class Panel(NamedTuple):
    """What is shown of a data set.

    Args:
        title: of the data set.
        metrics: of the detector on it, as `evaluation.score` returns them.
        rows: class or group -> boxes and AP50.
        mean: of AP50 over these.
    """

    title: str
    metrics: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, Any]]
    mean: float | None


def render_accuracy(results: Mapping[str, Any], note: str) -> bytes:
    """AP50 of the shipped detector by class, one panel per data set, as a PNG file.

    Args:
        results: of tools/evaluate_shop_detector.py.
        note: stored in the file, to tell what it was drawn from.
    """
    panels = list_panels(results)
    figure = Figure(figsize=(1 + 4 * len(panels), 4.8), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        _draw_bars(axes, panel)
        axes.set_title(f"{panel.title}\n{panel.metrics['photos']:,} photos", fontsize=10)
    figure.supxlabel("AP50 (number of boxes); line: 95% interval; pale: few boxes", fontsize=9)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, metadata={"Software": None, "Source": note})
    return file.getvalue()


def draw_tagged_images(detector: Detector, dataset: Dataset, file: Path) -> None:
    """Draws a sheet of images, sampled at random, as `shopee-od detect` tags them; a JPEG file."""
    paths = dataset.sample(IMAGES, SEED).images.path.tolist()
    with tempfile.TemporaryDirectory() as folder:
        drawn_files = detect_photos(detector, paths, folder, progress=False).drawn_files
        sheet = make_contact_sheet([Image.open(drawn) for drawn in drawn_files], 6, cell=300)
    with atomic_file(file) as temporary:
        sheet.save(temporary, "JPEG", quality=85)


def list_panels(results: Mapping[str, Any]) -> list[Panel]:
    """One panel for each data set that was evaluated."""
    titles = {"ccp": "CCP, test: street photos", "clothing": "Clothing, test: laid flat or hung up"}
    panels = [
        Panel(title, results[name], results[name]["per_class"], results[name]["AP50"])
        for name, title in titles.items()
    ]
    if "shopee" in results:
        metrics = results["shopee"]["all"]
        groups = metrics["shop"]["per_name"]
        mean = results["shopee"]["groups"]["AP50"]
        panels.append(Panel("Shopee photos, all garments", metrics, groups, mean))
    return panels


def _draw_bars(axes: Axes, panel: Panel) -> None:
    """Class-agnostic AP50, the mean and each class, highest AP50 first."""
    rows = {name: row for name, row in panel.rows.items() if row["AP50"] is not None}
    agnostic = panel.metrics["agnostic"]
    bars = [(f"class-agnostic ({agnostic['boxes']:,})", agnostic["AP50"], ORANGE, 1.0)]
    if panel.mean is not None:
        bars.append(("mean", panel.mean, DARK_GRAY, 1.0))
    for name in sorted(rows, key=lambda name: -rows[name]["AP50"]):
        alpha = 1.0 if rows[name]["boxes"] >= MIN_BOXES else 0.4
        bars.append((f"{name} ({rows[name]['boxes']:,})", rows[name]["AP50"], BLUE, alpha))
    ends = [value for _, value, _, _ in bars]
    low, high = panel.metrics["intervals"]["agnostic_AP50"]
    axes.plot([low, high], [0, 0], color="black", linewidth=1.5, marker="|")
    ends[0] = max(ends[0], high)
    for y, (_, value, color, alpha) in enumerate(bars):
        axes.barh(y, value, color=color, alpha=alpha)
        axes.text(ends[y] + 0.015, y, f"{value:.2f}", va="center", fontsize=8)
    axes.set_yticks(range(len(bars)), [name for name, *_ in bars], fontsize=9)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set(xlim=(0, 1.12), ylim=(len(bars) - 0.4, -0.6))
    axes.spines[["top", "right"]].set_visible(False)
