"""Metrics from executed notebooks, the stage comparison, and reference values of earlier runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from shopee_od.course.metrics import MIME
from shopee_od.course.plots.stage_comparison import plot_stage_comparison
from shopee_od.course.stage_comparison import comparison_table, read_results
from shopee_od.io import read_json

HEADLINES = {
    "AP50": "AP50",
    "AP": "AP",
    "agnostic_AP50": "class-agnostic AP50",
    "photos_with_a_hit": "photos with at least one garment found",
    "seconds_per_photo": "s/image",
}
"""Metrics for the top of a report, where a notebook recorded them, and their names there."""


def collect_metrics(notebook: NotebookNode) -> dict[str, Any]:
    """What `course.metrics.record` showed in an executed notebook.

    Returns:
        name -> number, text or None; of a name that was recorded twice, the last value.
    """
    metrics = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            recorded = data.get(MIME)
            if not isinstance(recorded, dict):
                continue
            for name in _recorded_order(recorded, data.get("text/plain", "")):
                value = recorded[name]
                if value is None or isinstance(value, bool | int | float | str):
                    metrics[str(name)] = value
    return metrics


def select_headlines(metrics: Mapping[str, Mapping]) -> list[tuple[str, Any, str]]:
    """The metrics in HEADLINES that were recorded.

    Args:
        metrics: notebook -> metric -> value.
    Returns:
        (heading, value, the notebook that recorded it last), in the order of HEADLINES.
    """
    rows = []
    for name, heading in HEADLINES.items():
        notebooks = [notebook for notebook, row in metrics.items() if row.get(name) is not None]
        if notebooks:
            rows.append((heading, metrics[notebooks[-1]][name], notebooks[-1]))
    return rows


def build_stage_comparison(work: Path) -> dict[str, Any] | None:
    """The stage comparison from the results that notebooks wrote into a report's `work` folder.

    Returns:
        columns and rows of its table, its plot as a data URI (`picture`), and the numbers of
        training and test images; None before the first result.
    Raises:
        InputError: a result is not JSON.
    """
    results = read_results(work)
    if not len(results):
        return None
    picture = io.BytesIO()
    plot_stage_comparison(results).savefig(picture, dpi=120)
    table = comparison_table(results)
    values = table.to_numpy(object)
    return {
        "columns": list(table),
        "rows": [(name, row.tolist()) for name, row in zip(table.index, values, strict=True)],
        "picture": "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode(),
        "train": sorted(set(results.train_photos.dropna().astype(int))),
        "test": sorted(set(results.test_photos)),
    }


def read_reference(folder: Path, dataset: str, profile: str) -> dict[str, dict]:
    """Metrics of an earlier run with this data set and profile: `DATASET_PROFILE.json`.

    Args:
        folder: `results/` of the checkout.
        dataset, profile: of the run.
    Returns:
        notebook -> metric -> value; {} where there is no such file.
    Raises:
        InputError: the file exists and is not JSON.
    """
    path = Path(folder) / f"{dataset}_{profile}.json"
    content = read_json(path) if path.is_file() else {}
    metrics = content.get("metrics") if isinstance(content, dict) else None
    if not isinstance(metrics, dict):
        return {}
    return {notebook: row for notebook, row in metrics.items() if isinstance(row, dict)}


def _recorded_order(recorded: Mapping, text: str) -> list:
    """The names in the order in which they were recorded.

    A notebook's file holds them in alphabetical order; the output's text has one per line.
    """
    order = [line.split(" ")[0] for line in text.splitlines()]
    return sorted(recorded, key=lambda name: order.index(name) if name in order else 0)
