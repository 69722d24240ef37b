"""The index of a report: every notebook with its state and metrics, and the stage comparison."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shopee_od.errors import InputError
from shopee_od.io import project_root
from shopee_od.reports import pages
from shopee_od.reports.entry import Entry
from shopee_od.reports.metrics import build_stage_comparison, read_reference, select_headlines


def write_index(
    path: Path,
    entries: Sequence[Entry],
    metrics: Mapping[str, Mapping[str, Any]],
    provenance: Mapping[str, Any],
) -> None:
    """Writes the index of a report.

    Args:
        path: the HTML file, in the report's folder.
        entries: of all notebooks, in order.
        metrics: notebook -> metric -> value.
        provenance: the content of provenance.json.
    """
    parameters = provenance["parameters"]
    reference: dict[str, dict] = {}
    comparison = None
    try:
        reference = read_reference(
            project_root() / "results", parameters["dataset"], parameters["profile"]
        )
        comparison = build_stage_comparison(path.parent / "work")
    except InputError as e:
        print(e, file=sys.stderr)
    pages.write_template(
        path,
        "index.html",
        report=path.parent.name,
        entries=entries,
        metrics=metrics,
        headlines=select_headlines(metrics),
        reference=reference,
        comparison=comparison,
        provenance=provenance,
        files={file.name for file in path.parent.iterdir()},
    )
