"""The stage comparison: every stage trained and evaluated on the same images, accuracy and cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from shopee_od.course.context import NotebookContext
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector
from shopee_od.evaluation.average_precision import AT_50, MAX_DETECTIONS, compute_recall
from shopee_od.evaluation.grouping import match_class_agnostic
from shopee_od.evaluation.prediction import predict
from shopee_od.evaluation.scoring import score
from shopee_od.io import read_json, write_json

TRAIN_IMAGES = 200
VAL_IMAGES = 60
TEST_IMAGES = 100
FOLDER = "stages"  # below the output folder
STAGES = {
    "hog_svm": "Sliding windows: HOG and SVM",
    "cnn_each_window": "Sliding windows: a CNN on each",
    "cnn_once": "Sliding windows: the CNN once",
    "rcnn": "R-CNN",
    "spp_net": "SPP-net",
    "fast_rcnn": "Fast R-CNN",
    "faster_rcnn": "Faster R-CNN",
}
"""The stages in the order of the course, and what each is called in the table."""

COLUMNS = {
    "AP50": "AP50",
    "AP": "AP",
    "agnostic_AP50": "class-agnostic AP50",
    "recall": "recall",
    "regions": "regions",
    "cnn_passes": "CNN passes",
    "seconds": "s/image",
    "training_minutes": "training, min",
    "parameters": "parameters, M",
    "peak_memory": "memory, GB",
}
"""What of a result the table shows, and under which heading."""


def comparison_splits(context: NotebookContext) -> tuple[Dataset, Dataset | None, Dataset]:
    """The images that every stage is trained on, chooses its threshold by, and is evaluated on.

    Returns:
        train, val and test; val is None where the data set has no such split.
    """
    has_val = (context.data.images.split == "val").any()
    val = context.split("val", VAL_IMAGES) if has_val else None
    return context.split("train", TRAIN_IMAGES), val, context.split("test", TEST_IMAGES)


def record_result(context: NotebookContext, stage: str, detector: Detector) -> dict[str, Any]:
    """Evaluates a trained detector on the comparison's test images and saves its result.

    Args:
        context: whose output folder takes the result.
        stage: one of STAGES.
        detector: any trained `Detector`.
    Returns:
        AP50 and AP, means over classes; agnostic_AP50 and recall, all garments as one class, where
        recall is the share of boxes that any of 100 detections matches at IoU 0.5; regions,
        cnn_passes and seconds, per image of this pass; peak_memory, bytes, of the whole process;
        split_fingerprint, which tells other images to train or evaluate on.
    Raises:
        KeyError: STAGES has no such stage.
    """
    name = STAGES[stage]
    test = comparison_splits(context)[2]
    before = replace(detector.cost)
    detections = predict(detector, test)
    after = detector.cost
    test = test.take(detections)
    num_images = after.images - before.images
    scores = score(
        detections, test, detector.classes, detector.types, detector.threshold, bootstrap=0
    )
    matches = match_class_agnostic(detections, test)
    result = {
        "name": name,
        "AP50": scores["AP50"],
        "AP": scores["AP"],
        "agnostic_AP50": scores["agnostic"]["AP50"],
        "recall": float(compute_recall(matches, MAX_DETECTIONS)[AT_50]),
        "regions": round((after.regions - before.regions) / num_images),
        "cnn_passes": round((after.cnn_passes - before.cnn_passes) / num_images),
        "seconds": (after.seconds - before.seconds) / num_images,
        "training_minutes": detector.metadata.get("minutes"),
        "parameters": detector.num_parameters,
        "peak_memory": after.peak_memory,
        "train_photos": detector.metadata.get("photos"),
        "weights": detector.metadata.get("weights"),
        "test_photos": len(test),
        "split_fingerprint": _fingerprint(context),
    }
    write_json(context.output / FOLDER / f"{stage}.json", result)
    return result


def load_results(context: NotebookContext) -> pd.DataFrame:
    """The results of this output folder, one row per stage, in the order of the course.

    Results on other images, which another seed or data set selects, are left out and named.
    """
    results = read_results(context.output)
    if not len(results):
        return results
    if "split_fingerprint" in results:
        comparable = results.split_fingerprint == _fingerprint(context)
    else:
        comparable = pd.Series(False, results.index)
    if not comparable.all():
        names = ", ".join(results.name[~comparable])
        print(f"left out, evaluated on other images: {names}")
    return results.loc[comparable]


def read_results(output: Path) -> pd.DataFrame:
    """All results in an output folder, a report's for example, whichever images they are of."""
    files = {stage: output / FOLDER / f"{stage}.json" for stage in STAGES}
    results = {stage: read_json(file) for stage, file in files.items() if file.is_file()}
    return pd.DataFrame.from_dict(results, orient="index")


def comparison_table(results: pd.DataFrame) -> pd.DataFrame:
    """Results for readers: rounded, memory in GB, headings with their units."""
    table = results.assign(
        peak_memory=results.peak_memory / 1e9, parameters=results.parameters / 1e6
    ).set_index("name")
    return table.loc[:, list(COLUMNS)].rename(columns=COLUMNS).round(3)


def stage_metrics(stage: str, result: dict[str, Any]) -> dict[str, Any]:
    """A result under names for `record`: `rcnn_AP50` and so on, without its texts."""
    return {
        f"{stage}_{name}": value for name, value in result.items() if not isinstance(value, str)
    }


def _fingerprint(context: NotebookContext) -> str:
    """What tells these images from others."""
    train, _, test = comparison_splits(context)
    return f"{train.fingerprint()[:16]} {test.fingerprint()[:16]}"
