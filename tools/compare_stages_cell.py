"""One cell of the stage comparison: a stage, trained on a data set with a seed, and evaluated."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shopee_od.cache import read_arrays, write_arrays
from shopee_od.config import to_dict
from shopee_od.course.stage_comparison import TRAIN_IMAGES, VAL_IMAGES
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.evaluation import predict
from shopee_od.io import read_if_present, write_json
from tools.compare_stages_rows import Row
from tools.resampled_metrics import METRICS, compute_metrics

SAMPLE_SEED = 0
"""Of the images, and of their resamples: the same for all cells."""
TRAINING_FILE = "training.json"
RESULT_FILE = "result.json"
METRICS_FILE = "metrics.npz"


@dataclass(frozen=True, eq=False)
class Splits:
    """The images that every stage is trained on, chooses its threshold by, and is evaluated on."""

    train: Dataset
    val: Dataset
    test: Dataset

    @classmethod
    def sample(cls, dataset: Dataset, test_images: int) -> Splits:
        """Samples them from the splits of a data set; every training image has a box."""
        return cls(
            dataset.split("train").with_boxes().sample(TRAIN_IMAGES, SAMPLE_SEED),
            dataset.split("val").sample(VAL_IMAGES, SAMPLE_SEED),
            dataset.split("test").sample(test_images, SAMPLE_SEED),
        )

    def fingerprints(self) -> dict[str, str]:
        """By split."""
        return {name: split.fingerprint() for name, split in vars(self).items()}


@dataclass(frozen=True, eq=False)
class Cell:
    """A stage, a data set, a seed.

    Args:
        stage: the row's key.
        row: the stage.
        dataset: the data set's name.
        splits: its images.
        seed: of training.
        folder: of the results of its data set.
        resamples: of the test images, for intervals.
    """

    stage: str
    row: Row
    dataset: str
    splits: Splits
    seed: int
    folder: Path
    resamples: int

    @property
    def directory(self) -> Path:
        """Where its results are."""
        return self.folder / self.stage / f"seed-{self.seed}"

    @property
    def detector_directory(self) -> Path:
        """Of its trained detector."""
        return self.directory / "detector"

    def training_key(self) -> dict[str, Any]:
        """All that its detector depends on."""
        fingerprints = self.splits.fingerprints()
        return {
            "kind": self.row.kind,
            "config": to_dict(self.row.make_config(self.dataset)),
            "seed": self.seed,
            "train": fingerprints["train"],
            "val": fingerprints["val"],
        }

    def result_key(self) -> dict[str, Any]:
        """All that its result depends on."""
        test = self.splits.test.fingerprint()
        return self.training_key() | {"test": test, "resamples": self.resamples}

    def read_result(self) -> dict[str, Any] | None:
        """Its result, `metrics` with the arrays of `compute_metrics`; None where there is none."""
        result: Any = read_if_present(self.directory / RESULT_FILE)
        metrics = read_arrays(self.directory / METRICS_FILE)
        if not isinstance(result, dict) or result.get("key") != self.result_key():
            return None
        if metrics is None or not set(METRICS) <= metrics.keys():
            return None
        return result | {"metrics": metrics}


def run_cell(cell: Cell, commit: str | None = None) -> None:
    """Trains the detector, unless that is done, evaluates it, and writes its result.

    A detector of another config, seed or data is removed. A training that was stopped continues
    where its detector can.

    Args:
        cell: which.
        commit: of the code, for the record.
    """
    detector = _train(cell)
    search = getattr(getattr(detector, "config", None), "search", None)
    if search is not None:
        from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch

        SelectiveSearch(search).prefetch(cell.splits.test.images.path)
    before = detector.cost
    detections = predict(detector, cell.splits.test)
    cost = detector.cost.since(before)
    num_images = len(cell.splits.test)
    if len(detections) != num_images:
        raise InputError(f"{cell.splits.test.root}: test images that cannot be read; repair them")
    metrics = compute_metrics(
        detections, cell.splits.test, detector.classes, cell.resamples, SAMPLE_SEED
    )
    write_arrays(cell.directory / METRICS_FILE, metrics)
    result = {
        "key": cell.result_key(),
        "commit": commit,
        "regions": cost.regions / num_images,
        "cnn_passes": cost.cnn_passes / num_images,
        "training_minutes": detector.metadata.get("minutes"),
        "parameters": detector.num_parameters,
        "trained": _describe_training(detector),
    }
    write_json(cell.directory / RESULT_FILE, result)


def _train(cell: Cell) -> Detector:
    """The trained detector, opened from its folder as a user would."""
    key = cell.training_key()
    if read_if_present(cell.directory / TRAINING_FILE) != key:
        shutil.rmtree(cell.directory, ignore_errors=True)
        write_json(cell.directory / TRAINING_FILE, key)
    if not cell.detector_directory.is_dir():
        run_dir = cell.directory / "run"
        if cell.row.weights_of:
            run_dir = cell.folder / cell.row.weights_of / f"seed-{cell.seed}" / "detector"
            if not run_dir.is_dir():
                raise InputError(f"{run_dir}: train {cell.row.weights_of} first")
        detector = cell.row.create(cell.dataset)
        detector.fit(cell.splits.train, cell.splits.val, run_dir, cell.seed)
        detector.save(cell.detector_directory)
    shutil.rmtree(cell.directory / "run", ignore_errors=True)
    return cell.row.load(cell.detector_directory)


def _describe_training(detector: Any) -> dict[str, Any]:
    """photos, steps and epochs (None where it is not trained in steps), initial weights."""
    metadata = detector.metadata
    steps = metadata.get("steps") or len(getattr(detector, "history", ())) or None
    training = getattr(getattr(detector, "config", None), "training", None)
    epochs = metadata.get("epochs", getattr(training, "epochs", None) if steps else None)
    return {
        "photos": metadata.get("photos"),
        "steps": steps,
        "epochs": epochs,
        "weights": metadata.get("weights"),
    }
