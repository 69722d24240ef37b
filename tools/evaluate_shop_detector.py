"""Measures the shipped detector: accuracy on each test split, and what detecting costs.

    python -m tools.evaluate_shop_detector --data DATA --baseline RUN/detector \
        --out results/shop_detector.json

DATA holds ccp/ and clothing/; the baseline is a detector that was trained on CCP alone. With
--shopee FOLDER, a folder of annotated shop photos as COCO JSON, it is evaluated on these too.
Costs count on an idle machine only. Nothing is chosen by these figures.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import shopee_od
from benchmarks.detect import MAX_PHOTOS, measure_cost
from shopee_od.datasets import open_dataset
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import Taxonomy, read_taxonomy
from shopee_od.detector import Detector
from shopee_od.evaluation import format_table
from shopee_od.evaluation.gain import compute_gain
from shopee_od.evaluation.grouping import match_class_agnostic
from shopee_od.evaluation.prediction import Predictions, compute_predictions
from shopee_od.evaluation.scoring import score_predictions
from shopee_od.evaluation.thresholds import count_false_alarms
from shopee_od.io import write_json
from shopee_od.models import SHIPPED
from tools.provenance import describe_detector, describe_origin

SOURCES = ("ccp", "clothing")
SHOP_PHOTOS = "shopee"
SEED = 0
"""Of the resamples."""
MIN_BOXES = 10
"""A group with fewer boxes does not count in the mean over groups."""


@dataclass(frozen=True, eq=False)
class Evaluator:
    """Evaluates a detector, and how much better it is than another one.

    Args:
        detector: the one that is evaluated.
        baseline: the other one, or None.
        taxonomy: maps the classes of both to those of the data sets.
        bootstrap: resamples for the intervals.
    """

    detector: Detector
    baseline: Detector | None
    taxonomy: Taxonomy
    bootstrap: int = 1000

    def evaluate_split(self, dataset: Dataset) -> dict[str, Any]:
        """Metrics on a test split.

        Returns:
            What `evaluation.evaluate` returns, where left_out is the number of images that cannot
            be read, and
            false_alarms: what `count_false_alarms` returns;
            gain: what `compute_gain` returns, class-agnostic; None without baseline.
        """
        return self._describe(dataset, *self._predict(dataset))

    def evaluate_shop_photos(self, dataset: Dataset) -> dict[str, Any]:
        """Metrics on annotated photos of shops.

        Returns:
            all: what `evaluate_split` returns; supported: the same, with underwear and swimwear to
            be ignored; groups: what `average_groups` returns.
        """
        predictions = self._predict(dataset)
        supported = self._describe(ignore_unsupported(dataset, self.taxonomy), *predictions)
        on_all = self._describe(dataset, *predictions)
        groups = average_groups(on_all["shop"]["per_name"])
        return {"all": on_all, "supported": supported, "groups": groups}

    def _predict(self, dataset: Dataset) -> tuple[Predictions, Predictions | None]:
        """Of the detector, and of the baseline."""
        baseline = compute_predictions(self.baseline, dataset) if self.baseline else None
        return compute_predictions(self.detector, dataset), baseline

    def _describe(
        self, dataset: Dataset, predictions: Predictions, baseline: Predictions | None
    ) -> dict[str, Any]:
        metrics = score_predictions(
            predictions, dataset, self.detector, self.bootstrap, SEED, self.taxonomy
        )
        print(f"on {dataset.name}:\n\n{format_table(metrics)}")
        images = dataset.take(predictions.detections)
        gain = None
        if baseline:
            matches = match_class_agnostic(predictions.detections, images)
            baseline_matches = match_class_agnostic(baseline.detections, images)
            gain = compute_gain(matches, baseline_matches, self.bootstrap, SEED)
        return metrics | {
            "left_out": len(predictions.unreadable),
            "false_alarms": count_false_alarms(
                predictions.detections, images, self.detector.threshold
            ),
            "gain": gain,
        }


def ignore_unsupported(dataset: Dataset, taxonomy: Taxonomy) -> Dataset:
    """The data set with boxes of the taxonomy's unsupported groups to be ignored."""
    groups = taxonomy.map_boxes(dataset, "group")
    unsupported = np.isin(groups, taxonomy.unsupported_groups)
    return replace(dataset, boxes=dataset.boxes.assign(ignore=dataset.boxes.ignore | unsupported))


def average_groups(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The mean AP50 over the groups of `evaluate_cross_dataset` that have MIN_BOXES boxes."""
    names = [
        name for name, row in rows.items() if row["boxes"] >= MIN_BOXES and row["AP50"] is not None
    ]
    mean = float(np.mean([rows[name]["AP50"] for name in names])) if names else None
    return {"AP50": mean, "names": names, "min_boxes": MIN_BOXES}


def main(arguments: list[str] | None = None) -> None:
    """The command: writes the file under results/."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="has ccp/ and clothing/")
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--baseline", type=Path, help="a detector trained on CCP alone")
    parser.add_argument("--shopee", type=Path, help="annotated photos of shops, COCO JSON")
    parser.add_argument("--bootstrap", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    sets = {name: open_dataset(name, options.data / name).split("test") for name in SOURCES}
    if options.shopee:
        sets[SHOP_PHOTOS] = open_dataset("coco", options.shopee)
    evaluator = Evaluator(
        shopee_od.load(options.model),
        shopee_od.load(options.baseline) if options.baseline else None,
        read_taxonomy(),
        options.bootstrap,
    )
    load = os.getloadavg()[0]
    cost = measure_cost(options.model, sets["ccp"].images.path[:MAX_PHOTOS].tolist())
    command = "python -m tools.evaluate_shop_detector --data DATA"
    for name in ("baseline", "shopee"):
        command += f" --{name} {name.upper()}" if getattr(options, name) else ""
    results = describe_origin(command, sets) | {
        "model": describe_detector(options.model),
        "baseline": describe_detector(options.baseline) if options.baseline else None,
        "cost": cost | {"load_before": round(load, 2)},
    }
    for name, dataset in sets.items():
        is_shop = name == SHOP_PHOTOS
        evaluate = evaluator.evaluate_shop_photos if is_shop else evaluator.evaluate_split
        results[name] = evaluate(dataset)
    write_json(options.out, results)


if __name__ == "__main__":
    main()
