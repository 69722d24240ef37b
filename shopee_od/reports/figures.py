"""Metrics out of executed notebooks, and the figures that a run of the same kind gave before."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from nbformat import NotebookNode

from shopee_od.lessons import plots_race
from shopee_od.lessons import race as stages
from shopee_od.lessons.metrics import MIME
from shopee_od.paths import read_json

HEADLINES = (
    ("AP50", "AP50"),
    ("AP", "AP"),
    ("agnostic_AP50", "any garment, AP50"),
    ("photos_with_a_hit", "photos with a hit"),
    ("seconds_per_photo", "seconds a photo"),
)
"""Metrics that stand at the top of a report where a notebook recorded them, and what they are called there."""


def harvest(notebook: NotebookNode) -> dict:
    """What `lessons.metrics.record` showed in an executed notebook: name -> number, text or None; the last counts."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            shown = output.get("data", {})
            metrics = shown.get(MIME)
            if isinstance(metrics, dict):
                # A notebook's file holds names in alphabetical order; the text beside has them as they were recorded.
                order = [line.split(" ")[0] for line in shown.get("text/plain", "").splitlines()]
                metrics = dict(
                    sorted(metrics.items(), key=lambda item: order.index(item[0]) if item[0] in order else 0)
                )
                found |= {str(k): v for k, v in metrics.items() if v is None or isinstance(v, bool | int | float | str)}
    return found


def headlines(metrics: dict[str, dict]) -> list[tuple[str, object, str]]:
    """(what it is called, value, the notebook that recorded it last) of each of HEADLINES that is there."""
    shown = []
    for name, says in HEADLINES:
        holders = [notebook for notebook, found in metrics.items() if found.get(name) is not None]
        if holders:
            shown.append((says, metrics[holders[-1]][name], holders[-1]))
    return shown


def race(work: Path) -> dict | None:
    """The race's rows that notebooks left in a report's `work`: its table, its picture as a data URI, how it was run.

    None before the first. Raises InputError where a row is there and is no JSON.
    """
    rows = stages.entered(work)
    if not len(rows):
        return None
    picture = io.BytesIO()
    plots_race.race(rows).savefig(picture, dpi=120)
    shown = stages.table(rows)
    return {
        "columns": list(shown),
        "rows": [(name, values.tolist()) for name, values in zip(shown.index, shown.to_numpy(object), strict=True)],
        "picture": "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode(),
        "train": sorted(set(rows.train_photos.dropna().astype(int))),
        "test": sorted(set(rows.test_photos)),
    }


def reference(path: Path, dataset: str, profile: str) -> dict[str, dict]:
    """Notebook -> metric -> figure of an earlier run on this data set in this profile; {} where there is none.

    Raises InputError where the file is there and is no JSON.
    """
    held = read_json(path) if Path(path).is_file() else {}
    runs = held.get(f"{dataset}/{profile}") if isinstance(held, dict) else None
    return {k: v for k, v in runs.items() if isinstance(v, dict)} if isinstance(runs, dict) else {}
