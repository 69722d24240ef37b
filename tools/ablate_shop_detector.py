"""What each part of the shipped detector's recipe buys: one training each, on validation images.

python -m tools.ablate_shop_detector FOLDER --data DATA --out results/ablation.json

1. Trains the rows of ROWS, in FOLDER, that are not yet trained; one that was stopped resumes.
2. Evaluates every row that is trained on the same validation images: photos of CCP and Clothing,
   and collages, sheets and close-ups made of them. No test split is read.
3. Writes AP of each, and its difference to the row that it is compared to, with an interval.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import shopee_od
from shopee_od.datasets import open_dataset
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import join_datasets
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.detector import Detector
from shopee_od.evaluation import predict
from shopee_od.evaluation.bootstrap import compute_basic_interval
from shopee_od.io import write_json
from tools.provenance import describe_origin
from tools.resampled_metrics import compute_metrics

COMMAND = "python -m tools.ablate_shop_detector FOLDER --data DATA --starts STARTS"
SEED = 0
STEPS = 2000
COMMON = (
    "deterministic=false",
    "report_every=50",
    "source_balance=0.5",
    f"steps={STEPS}",
    f"validate_every={STEPS}",
)
PAGES = ("augmentation.collages=0.25", "augmentation.sheets=0.1", "augmentation.banners=0.3")
CLOSE_UPS = ("augmentation.close_ups=0.3", "augmentation.turns=0.1", "augmentation.artifacts=0.3")
ANCHORS = ("anchor_size=5", "anchor_scales=3", "anchor_ratios=0.3,0.6,1,1.8")
JOINT = ("ccp", "clothing")
ALL = (*JOINT, "ccp-cutouts", "clothing-cutouts")


@dataclass(frozen=True)
class Row:
    """One training.

    Args:
        datasets: what it is trained on.
        settings: of the laptop profile.
        compared_to: the row from which it differs in one respect; "" for the first.
        what: that respect, in words.
    """

    datasets: Sequence[str]
    settings: Sequence[str]
    compared_to: str
    what: str


def make_rows(starts: Path) -> dict[str, Row]:
    """The trainings, by name.

    Args:
        starts: the folder of backbone weights that tools/convert_*.py write.
    """
    augmented = (*PAGES, *CLOSE_UPS, *ANCHORS)
    coco = f"weights={starts / 'efficientnet_lite0_coco.npz'}"
    lite2 = ("backbone=efficientnet-lite2", f"weights={starts / 'efficientnet_lite2.npz'}")
    return {
        "ccp": Row(["ccp"], (), "", "street photos alone"),
        "clothing": Row(JOINT, (), "ccp", "laid garments, and photos without garments, added"),
        "pages": Row(JOINT, PAGES, "clothing", "collages, sheets and banners added"),
        "close_ups": Row(
            JOINT, (*PAGES, *CLOSE_UPS), "pages", "close-ups, turns and artifacts added"
        ),
        "anchors": Row(JOINT, augmented, "close_ups", "anchors fitted to these images"),
        "cutouts": Row(ALL, augmented, "anchors", "garments cut out on white added"),
        "coco": Row(JOINT, (*augmented, coco), "anchors", "backbone trained on COCO"),
        "lite2": Row(JOINT, (*augmented, *lite2), "anchors", "EfficientNet-Lite2"),
        "wide": Row(JOINT, (*augmented, "fpn_filters=160"), "anchors", "wider neck and head"),
        "large": Row(JOINT, (*augmented, "input_size=448"), "anchors", "canvases of 448² pixels"),
    }


def train(row: Row, run: Path, data: Path) -> None:
    """Trains a row, or continues it, by the command line."""
    if (run / "detector" / "detector.json").is_file():
        return
    command = [sys.executable, "-m", "shopee_od.cli", "train", "--categories", "--run", str(run)]
    for dataset in row.datasets:
        command += ["--dataset", dataset, "--data-dir", str(data / dataset)]
    for setting in (*COMMON, *row.settings):
        command += ["--set", setting]
    run.parent.mkdir(parents=True, exist_ok=True)
    with run.with_suffix(".log").open("ab") as log:
        subprocess.run([*command, "--seed", str(SEED)], check=True, stdout=log, stderr=log)


def make_validation_sets(data: Path, folder: Path) -> dict[str, Dataset]:
    """Validation photos of both data sets, and what `render` makes of them."""
    from shopee_od.detectors.model_garden.augment.render import KINDS, render

    taxonomy = read_taxonomy()
    joint = join_datasets([open_dataset(name, data / name) for name in JOINT], taxonomy)
    photos = joint.split("val")
    sets = {
        name: photos.take(photos.images.image_id[photos.images.dataset == name]).sample(200, SEED)
        for name in JOINT
    }
    both = photos.take([*sets["ccp"].images.image_id, *sets["clothing"].images.image_id])
    for kind in ("collages", "sheets", "close_ups"):
        sets[kind] = render(both, KINDS[kind], 120, folder / kind, seed=SEED)
    return sets


SCORES = ("agnostic_AP", "agnostic_AP50", "AP")
Scores = dict[str, np.ndarray]
"""SCORES (AP is the mean over categories), each float64 (sets, 1 + resamples), that of all images
first."""


def compute_scores(detector: Detector, sets: dict[str, Dataset], resamples: int) -> Scores:
    """AP of one detector on all validation sets, for the images and for resamples of them."""
    metrics = [
        compute_metrics(predict(detector, dataset), dataset, detector.classes, resamples, SEED)
        for dataset in sets.values()
    ]
    return {name: np.array([m[name] for m in metrics]) for name in SCORES}


def describe(scores: Scores, base: Scores | None, sets: Sequence[str]) -> dict[str, Any]:
    """The figures of a row for the JSON file."""
    result: dict[str, Any] = {
        name: {set_name: round(float(v[0]), 4) for set_name, v in zip(sets, values, strict=True)}
        | {"mean": round(float(values[:, 0].mean()), 4)}
        for name, values in scores.items()
    }
    if base:
        result["gain"] = {
            name: _difference(values.mean(axis=0) - base[name].mean(axis=0))
            for name, values in scores.items()
        }
    return result


def _difference(values: np.ndarray) -> dict[str, Any]:
    """The difference of means on the images (first) and in resamples -> value, 95% interval."""
    value = float(values[0])
    interval = compute_basic_interval(value, [values[1:]], limits=(-1.0, 1.0)) or []
    return {"value": round(value, 4), "interval": [round(limit, 4) for limit in interval]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="has ccp/, clothing/, …")
    parser.add_argument("--starts", type=Path, required=True, help="converted backbone weights")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="*", help="train these; default all")
    parser.add_argument("--resamples", type=int, default=500)
    options = parser.parse_args()
    rows = make_rows(options.starts)
    for name in options.rows if options.rows is not None else rows:
        train(rows[name], options.folder / name, options.data)
    sets = make_validation_sets(options.data, options.folder / "validation")
    scores: dict[str, Scores] = {}
    results = {}
    for name, row in rows.items():
        directory = options.folder / name / "detector"
        if not directory.is_dir():
            continue
        detector = shopee_od.load(directory)
        scores[name] = compute_scores(detector, sets, options.resamples)
        results[name] = asdict(row) | {
            "settings": [s.replace(str(options.starts), "STARTS") for s in row.settings],
            "trained": dict(detector.metadata),
            **describe(scores[name], scores.get(row.compared_to), list(sets)),
        }
        write_json(
            options.out,
            describe_origin(COMMAND, sets)
            | {
                "common": COMMON,
                "seed": SEED,
                "images": {name: len(dataset) for name, dataset in sets.items()},
                "resamples": options.resamples,
                "rows": results,
            },
        )
        print(name, results[name]["agnostic_AP50"], results[name].get("gain"))


if __name__ == "__main__":
    main()
