"""Accuracy and minutes of `make reports` as Markdown, from results/shopsim_laptop.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.card_tables import format_accuracy
from tools.markdown import commit, format_markdown, machine, number, source

Results = Mapping[str, Any]
"""What tools/collect_results.py writes."""

NAME = "shopsim_laptop"
TITLE = "ShopSim, test: synthetic images"


def format_report(results: Results) -> str:
    """Accuracy and cost of the detector that notebook 07 trains."""
    training = results["metrics"]["07_train"]
    seconds = results["metrics"]["08_evaluate"]["seconds_per_photo"]
    return (
        f"{format_accuracy({TITLE: read_metrics(results)})}\n\n"
        f"It was trained for {training['steps']:,} steps on {training['train_photos']:,} images, "
        f"in {training['minutes']:.1f} minutes (initial weights: {training['start_weights']}; seed "
        f"{results['parameters']['seed']}). It takes {seconds:.3f} s/image ({machine(results)}). "
        f"One run: {source(NAME)}, commit {commit(results)}."
    )


def read_metrics(results: Results) -> Mapping[str, Any]:
    """Metrics on the test split: those with intervals, or where absent those of notebook 08."""
    if "evaluation" in results:
        return results["evaluation"]["metrics"]
    recorded = results["metrics"]["08_evaluate"]
    agnostic = {"AP50": recorded["agnostic_AP50"], "AP": None, "boxes": recorded["boxes"]}
    return recorded | {"agnostic": agnostic, "intervals": {}}


def format_minutes(results: Results) -> str:
    """Minutes and memory per notebook, and of all."""
    seconds = results["seconds"].values()
    memory = results["peak_memory"].values()
    known_memory = [x for x in memory if x is not None]
    rows = [
        [
            "minutes",
            *(number(x and x / 60, ".1f") for x in seconds),
            f"{sum(x or 0 for x in seconds) / 60:.0f}",
        ],
        [
            "memory, GB",
            *(number(x and x / 1e9, ".1f") for x in memory),
            f"{max(known_memory, default=0) / 1e9:.1f}",
        ],
    ]
    table = format_markdown(("notebook", *(name[:2] for name in results["seconds"]), "all"), rows)
    return f"{table}\n\nOne run of `{results['command']}` ({machine(results)}): {source(NAME)}."
