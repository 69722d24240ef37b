"""What the stage comparison writes under results/: every row with its intervals and its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from shopee_od.detectors.postprocessing import describe_postprocessing
from tools.compare_stages import THREADS, Comparison
from tools.provenance import describe_dataset, describe_origin
from tools.resampled_metrics import DIFFERENCE_LIMITS, METRICS, average_over_seeds

COMMAND = "python -m tools.compare_stages FOLDER --data DATA --out results/stage_comparison.json"
DIFFERENCES = ("AP50", "AP", "agnostic_AP50", "agnostic_AP")
"""The metrics whose difference to another row is given."""

Metrics = Mapping[str, np.ndarray]
"""METRICS of a row by name, each float64 (seeds, 1 + resamples)."""


def describe_comparison(comparison: Comparison) -> dict[str, Any]:
    """The content of results/stage_comparison.json; nothing may be missing."""
    origin = describe_origin(COMMAND, {})
    del origin["data"]
    return origin | {
        "threads": THREADS,
        "seeds": list(comparison.seeds),
        "resamples": comparison.resamples,
        "postprocessing": describe_postprocessing(),
        "datasets": {
            name: {
                "data": {part: describe_dataset(data) for part, data in vars(splits).items()},
                "stages": describe_stages(comparison, name),
            }
            for name, splits in comparison.splits.items()
        },
    }


def describe_stages(comparison: Comparison, dataset: str) -> dict[str, Any]:
    """The rows of a data set, by key."""
    metrics: dict[str, Metrics] = {}
    stages = {}
    for stage, row in comparison.rows.items():
        cells = [comparison.make_cell(dataset, stage, seed) for seed in comparison.seeds]
        results = [cell.read_result() or {} for cell in cells]
        metrics[stage] = {
            name: np.stack([result["metrics"][name] for result in results]) for name in METRICS
        }
        cost = comparison.read_cost(dataset, stage) or {}
        stages[stage] = {
            "name": row.name,
            "compared_to": row.compared_to or None,
            "changed": row.changed,
            "is_bridge": row.is_bridge,
            **describe_accuracy(metrics[stage], metrics.get(row.compared_to)),
            **describe_cost(cost),
            **describe_cells(results),
        }
    return stages


def describe_accuracy(metrics: Metrics, base: Metrics | None) -> dict[str, Any]:
    """METRICS with intervals, and their differences to the row that it is compared to.

    Args:
        metrics: of the row.
        base: of the other row; None where there is none.
    """
    accuracy: dict[str, Any] = {
        name: _round_all(average_over_seeds(values))
        | {"seeds": [round(float(value), 4) for value in values[:, 0]]}
        for name, values in metrics.items()
    }
    accuracy["difference"] = None
    if base is not None:
        accuracy["difference"] = {
            name: _round_all(
                average_over_seeds(metrics[name] - base[name], limits=DIFFERENCE_LIMITS)
            )
            for name in DIFFERENCES
        }
    return accuracy


def describe_cells(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over the trainings of a row, and what they have in common."""
    first = results[0]
    minutes = [result["training_minutes"] for result in results]
    return {
        "regions": round(mean(result["regions"] for result in results)),
        "cnn_passes": round(mean(result["cnn_passes"] for result in results)),
        "training_minutes": None if None in minutes else round(mean(minutes), 2),
        "parameters": first["parameters"],
        "trained": first["trained"],
        "commits": sorted({str(result["commit"]) for result in results}),
    }


def describe_cost(cost: Mapping[str, Any]) -> dict[str, Any]:
    """What `benchmarks.cost.measure_cost` measured, rounded."""
    by_step = cost["seconds_by_step"]
    load = cost["load_before"]
    return {
        "seconds": round(cost["seconds"], 4),
        "seconds_by_step": None if by_step is None else _round_all(by_step),
        "peak_memory": cost["peak_memory"],
        "load_before": None if load is None else round(load, 2),
    }


def _round_all(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
