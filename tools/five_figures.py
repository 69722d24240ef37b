"""Measures the losses and the RoI accuracy of trained weights on the training and the test split.

    python -m tools.five_figures RUN --data DATA --dataset ccp --dataset clothing \
        --out results/five_figures.json

RUN is the folder of a run or of a saved Faster R-CNN; the data sets are those that it was trained
on, below DATA. shopee_od/course/earlier_losses.py has the values of an earlier project, and tells
which of them can be compared.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from shopee_od.cli.options import open_as_one
from shopee_od.course.earlier_losses import EARLIER_VALUES
from shopee_od.detectors.model_garden.losses import TrainedWeights, measure_losses
from shopee_od.io import write_json
from tools.provenance import describe_origin

SEED = 0
"""Of the images, the anchors and the RoIs that are sampled."""


def main(arguments: list[str] | None = None) -> None:
    """The command: writes the file under results/."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a run, or of a saved Faster R-CNN")
    parser.add_argument("--data", type=Path, required=True, help="has a folder for each data set")
    parser.add_argument("--dataset", action="append", required=True, help="may be repeated")
    parser.add_argument("--categories", action="store_true", help="as of `shopee-od train`")
    parser.add_argument("--photos", type=int, default=1000, help="of each split, at most")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    folders = [options.data / name for name in options.dataset]
    data = open_as_one(options.dataset, folders, None, options.categories)
    splits = {name: data.split(name).sample(options.photos, SEED) for name in ("train", "test")}
    weights = TrainedWeights.open(options.run)
    datasets = " ".join(f"--dataset {name}" for name in options.dataset)
    command = f"python -m tools.five_figures RUN --data DATA {datasets}"
    command += " --categories" * options.categories + f" --photos {options.photos}"
    write_json(
        options.out,
        describe_origin(command, splits)
        | {
            "trained_on": weights.dataset,
            "classes": len(weights.classes),
            "seed": SEED,
            "losses": {name: measure_losses(weights, d, SEED) for name, d in splits.items()},
            "earlier": {name: asdict(value) for name, value in EARLIER_VALUES.items()},
        },
    )


if __name__ == "__main__":
    main()
