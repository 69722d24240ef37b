"""The stages of the course on the same images: accuracy with intervals, and cost.

    python -m tools.compare_stages FOLDER --data DATA --out results/stage_comparison.json

1. Trains every row of ROWS on ShopSim and on CCP with three seeds, and evaluates it on the same
   test images. Each training has a process of its own.
2. Measures what detecting costs, in a process of its own, with fixed threads and without the cache.
   This counts on an idle machine only; the load before it is recorded.
3. Writes the file when all is done: intervals over images and seeds, differences between rows.

What is in FOLDER is not computed again: a stopped command continues with the first missing part.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost import measure_cost
from benchmarks.measure import run_in_new_process
from shopee_od.course.context import open_shopsim
from shopee_od.datasets import open_dataset
from shopee_od.io import data_root, project_root, read_if_present, write_json
from tools.compare_stages_cell import SAMPLE_SEED, Cell, Splits, run_cell
from tools.compare_stages_rows import ROWS, Row

SEEDS = (0, 1, 2)
RESAMPLES = 1000
THREADS = 2
COST_IMAGES = 20
TEST_IMAGES = {"shopsim": 100, "ccp": 169}
"""The data sets, and how many test images of each; CCP has no more."""
COST_FILE = "cost.json"


@dataclass(frozen=True, eq=False)
class Comparison:
    """All cells of the comparison.

    Args:
        folder: of the results.
        splits: the images of each data set, by its name.
        rows: the stages, in order.
        seeds: of training.
        resamples: of the test images.
        cost_images: how many test images cost is measured on.
    """

    folder: Path
    splits: Mapping[str, Splits]
    rows: Mapping[str, Row]
    seeds: Sequence[int] = SEEDS
    resamples: int = RESAMPLES
    cost_images: int = COST_IMAGES

    def make_cell(self, dataset: str, stage: str, seed: int) -> Cell:
        """One training."""
        folder = self.folder / dataset
        splits = self.splits[dataset]
        return Cell(stage, self.rows[stage], dataset, splits, seed, folder, self.resamples)

    def list_cells(
        self, datasets: Iterable[str], stages: Iterable[str], seeds: Iterable[int]
    ) -> list[Cell]:
        """The trainings of these, in the order in which they run.

        A row that shares another one's training comes after that one, which is among them.
        """
        stages = set(stages)
        needed = stages | {self.rows[stage].weights_of for stage in stages}
        ordered = sorted(needed & self.rows.keys(), key=list(self.rows).index)
        ordered.sort(key=lambda stage: bool(self.rows[stage].weights_of))
        return [
            self.make_cell(dataset, stage, seed)
            for seed in seeds
            for dataset in datasets
            for stage in ordered
        ]

    def run(self, datasets: Sequence[str], stages: Sequence[str], seeds: Sequence[int]) -> None:
        """Computes what is missing of these: trainings first, then costs."""
        cells = [
            cell for cell in self.list_cells(datasets, stages, seeds) if cell.read_result() is None
        ]
        costs = [
            (dataset, stage)
            for dataset in datasets
            for stage in stages
            if self.read_cost(dataset, stage) is None
        ]
        progress = Progress(len(cells) + len(costs))
        commit = read_commit()
        for cell in cells:
            run_in_new_process(run_cell, cell, commit)
            progress.report(f"{cell.dataset}, {cell.row.name}, seed {cell.seed}")
        for dataset, stage in costs:
            is_measured = self.measure_cost(dataset, stage)
            what = "cost" if is_measured else f"no cost, seed {self.seeds[0]} is not trained"
            progress.report(f"{dataset}, {self.rows[stage].name}, {what}")

    def measure_cost(self, dataset: str, stage: str) -> bool:
        """Measures what a stage costs; False where its first seed is not trained."""
        cell = self.make_cell(dataset, stage, self.seeds[0])
        if cell.read_result() is None:
            return False
        files = self._list_cost_files(dataset)
        cost = measure_cost(cell.row.load, cell.detector_directory, files, THREADS)
        write_json(self._cost_file(dataset, stage), {"key": self._cost_key(cell), **cost})
        return True

    def read_cost(self, dataset: str, stage: str) -> dict[str, Any] | None:
        """What `measure_cost` measured; None where it has not."""
        cost = read_if_present(self._cost_file(dataset, stage))
        key = self._cost_key(self.make_cell(dataset, stage, self.seeds[0]))
        return cost if isinstance(cost, dict) and cost.get("key") == key else None

    def iterate_missing(self) -> Iterator[str]:
        """What is not computed yet, in words."""
        for dataset in self.splits:
            for stage, row in self.rows.items():
                for seed in self.seeds:
                    if self.make_cell(dataset, stage, seed).read_result() is None:
                        yield f"{dataset}, {row.name}, seed {seed}"
                if self.read_cost(dataset, stage) is None:
                    yield f"{dataset}, {row.name}, cost"

    def _cost_file(self, dataset: str, stage: str) -> Path:
        return self.folder / dataset / stage / COST_FILE

    def _list_cost_files(self, dataset: str) -> list[str]:
        test = self.splits[dataset].test
        return test.sample(self.cost_images, SAMPLE_SEED).images.path.tolist()

    def _cost_key(self, cell: Cell) -> dict[str, Any]:
        images = [Path(file).name for file in self._list_cost_files(cell.dataset)]
        return {"training": cell.training_key(), "images": images, "threads": THREADS}


class Progress:
    """A line for each part that is done, with what is left.

    Args:
        parts: how many there are.
    """

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self.done = 0
        self.last = time.monotonic()
        print(f"{parts} parts to compute", flush=True)

    def report(self, part: str) -> None:
        """Another part is done."""
        self.done += 1
        now = time.monotonic()
        minutes = (now - self.last) / 60
        self.last = now
        left = self.parts - self.done
        print(f"{part}: {minutes:.1f} minutes; {self.done} done, {left} left", flush=True)


def read_commit() -> str | None:
    """Of the code; None outside a checkout."""
    # Not at the top: the measured processes import this module, but need no matplotlib.
    from shopee_od.reports.fingerprints import git_state

    return git_state(project_root())["commit"]


def open_splits(data: Path) -> dict[str, Splits]:
    """The images of both data sets; ShopSim is rendered where it is missing."""
    return {
        "shopsim": Splits.sample(open_shopsim(data / "shopsim"), TEST_IMAGES["shopsim"]),
        "ccp": Splits.sample(open_dataset("ccp", data / "ccp"), TEST_IMAGES["ccp"]),
    }


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of trained detectors and results so far")
    parser.add_argument("--data", type=Path, default=data_root(), help="has shopsim/ and ccp/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dataset", nargs="+", choices=TEST_IMAGES, default=list(TEST_IMAGES))
    parser.add_argument("--stage", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", nargs="+", type=int, choices=SEEDS, default=list(SEEDS))
    options = parser.parse_args(arguments)
    # TensorFlow's start-up messages; its errors are exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    comparison = Comparison(options.folder, open_splits(options.data), ROWS)
    comparison.run(options.dataset, options.stage, options.seeds)
    missing = list(comparison.iterate_missing())
    if missing:
        print(f"{options.out} is not written: {len(missing)} parts are missing, as {missing[0]}")
        return
    from tools.compare_stages_results import describe_comparison

    write_json(options.out, describe_comparison(comparison))
    print(f"{options.out} is written")


if __name__ == "__main__":
    main()
