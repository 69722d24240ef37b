"""The stage comparison: every stage trained and evaluated on the same images, accuracy and cost.

`python -m tools.compare_stages` measures all stages with several seeds and stores them; a notebook
shows these and adds what its own run measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shopee_od.course.context import NotebookContext
from shopee_od.course.stage_slots import STAGE_SLOTS
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector
from shopee_od.evaluation.average_precision import AT_50, MAX_DETECTIONS, compute_recall
from shopee_od.evaluation.grouping import match_class_agnostic
from shopee_od.evaluation.prediction import predict
from shopee_od.evaluation.scoring import score
from shopee_od.io import project_root, read_if_present, read_json, write_json

TRAIN_IMAGES = 200
VAL_IMAGES = 60
TEST_IMAGES = 100
FOLDER = "stages"  # below the output folder
STORED_FILE = "results/stage_comparison.json"  # below the project's root
BRIDGE_NAMES = {
    "roi_align_svms": "RoIAlign and SVMs (bridging)",
    "roi_align_softmax": "RoIAlign and softmax, backbone frozen (bridging)",
}
STAGES = {key: BRIDGE_NAMES.get(key, slots.title) for key, slots in STAGE_SLOTS.items()}
"""The stages in the order of the course, and what each is called in the table."""
BRIDGES = tuple(key for key, slots in STAGE_SLOTS.items() if slots.is_bridge)
"""Stages of no paper: each changes one part where a paper changed several."""

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
METRICS = ("AP50", "AP", "agnostic_AP50", "recall")
"""Those of them that have intervals where they are stored."""
DIFFERENCE = "AP50 compared to the stage before"


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
    before = detector.cost
    detections = predict(detector, test)
    cost = detector.cost.since(before)
    test = test.take(detections)
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
        "regions": round(cost.regions / cost.images),
        "cnn_passes": round(cost.cnn_passes / cost.images),
        "seconds": cost.seconds_per_image,
        "training_minutes": detector.metadata.get("minutes"),
        "parameters": detector.num_parameters,
        "peak_memory": cost.peak_memory,
        "train_photos": detector.metadata.get("photos"),
        "weights": detector.metadata.get("weights"),
        "test_photos": len(test),
        "split_fingerprint": _fingerprint(context),
    }
    write_json(context.output / FOLDER / f"{stage}.json", result)
    return result


def load_results(context: NotebookContext) -> pd.DataFrame:
    """The stored comparison of this data set, and after each stage the result of this run.

    Stages after the last one of this run, which later notebooks teach, are left out. It prints
    where nothing is stored, and where this run has other images.

    Args:
        context: whose output folder has the results of this run.
    Returns:
        One row per result, columns as of `load_run_results`, and where there is a stored comparison
        is_this_run: bool; is_bridge: bool, NaN for this run;
        AP50_low, AP50_high and so on: 95% intervals; NaN for this run;
        difference: in words, of AP50 to the stage before.
    """
    own = load_run_results(context)
    stored = read_stored(context.dataset)
    if not stored:
        print(f"{STORED_FILE} has no {context.dataset}; `make stage-comparison` measures it")
        return own
    if len(own) and not _has_same_images(own, stored["data"]):
        print("this run has other training or test images than the stored comparison")
    rows = [_flatten_stage(stage, row) for stage, row in stored["stages"].items()]
    rows += [
        {**row, "stage": stage, "name": f"{row['name']}, this run", "is_this_run": True}
        for stage, row in zip(own.index, own.to_dict("records"), strict=True)
    ]
    order = {stage: number for number, stage in enumerate(STAGES)}
    last = order[own.index[-1]] if len(own) else len(order)
    rows = [row for row in rows if order[row["stage"]] <= last]
    rows.sort(key=lambda row: order[row["stage"]])
    return pd.DataFrame(rows).set_index("stage")


def load_run_results(context: NotebookContext) -> pd.DataFrame:
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


def read_stored(dataset: str) -> dict[str, Any]:
    """The stored comparison of a data set: its `data` and `stages`; {} where there is none."""
    stored = read_if_present(project_root() / STORED_FILE)
    datasets = stored.get("datasets", {}) if isinstance(stored, dict) else {}
    return datasets.get(dataset, {})


def comparison_table(results: pd.DataFrame) -> pd.DataFrame:
    """Results for readers: rounded, with their intervals, memory in GB, headings with their units.

    Args:
        results: of `load_results` or `read_results`.
    """
    table = results.assign(
        peak_memory=results.peak_memory / 1e9, parameters=results.parameters / 1e6
    ).set_index("name")
    shown = table.loc[:, list(COLUMNS)].rename(columns=COLUMNS).round(3)
    if "difference" in table:
        for metric in METRICS:
            bounds = table[[metric, f"{metric}_low", f"{metric}_high"]].astype(float)
            shown[COLUMNS[metric]] = [_format_estimate(*row) for row in bounds.to_numpy()]
        shown.insert(1, DIFFERENCE, table.difference.fillna("").to_list())
    return shown


def describe_steps(stored: Mapping[str, Any]) -> pd.DataFrame:
    """What each change bought, in words that the intervals allow.

    Args:
        stored: of `read_stored`.
    Returns:
        One row per stage that is compared to another one: compared to, changed, AP50,
        class-agnostic AP50, s/image of both.
    """
    stages = stored.get("stages", {})
    rows = []
    for row in stages.values():
        if row["compared_to"] is None:
            continue
        base = stages[row["compared_to"]]
        rows.append(
            {
                "stage": row["name"],
                "compared to": base["name"],
                "changed": row["changed"],
                "AP50": describe_difference(row["difference"]["AP50"]),
                "class-agnostic AP50": describe_difference(row["difference"]["agnostic_AP50"]),
                "s/image": f"{base['seconds']:.2g} → {row['seconds']:.2g}",
            }
        )
    return pd.DataFrame(rows).set_index("stage") if rows else pd.DataFrame()


def describe_difference(difference: Mapping[str, float]) -> str:
    """A difference in accuracy, and what its interval allows to say of it.

    Args:
        difference: value, low and high: the 95% interval.

    >>> describe_difference({"value": 0.12, "low": 0.05, "high": 0.19})
    '+0.12 (0.05 to 0.19): more accurate'
    >>> describe_difference({"value": -0.01, "low": -0.06, "high": 0.04})
    'no measurable difference: −0.01 (−0.06 to 0.04)'
    """
    value, low, high = (difference[name] for name in ("value", "low", "high"))
    sign = "+" if round(value, 2) > 0 else ""
    text = f"{sign}{_format_signed(value)} ({_format_signed(low)} to {_format_signed(high)})"
    if low > 0:
        return f"{text}: more accurate"
    if high < 0:
        return f"{text}: less accurate"
    return f"no measurable difference: {text}"


def stage_metrics(stage: str, result: dict[str, Any]) -> dict[str, Any]:
    """A result under names for `record`: `rcnn_AP50` and so on, without its texts."""
    return {
        f"{stage}_{name}": value for name, value in result.items() if not isinstance(value, str)
    }


def _fingerprint(context: NotebookContext) -> str:
    """What tells these images from others."""
    train, _, test = comparison_splits(context)
    return f"{train.fingerprint()[:16]} {test.fingerprint()[:16]}"


def _has_same_images(own: pd.DataFrame, data: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all results of this run are of the stored comparison's images."""
    stored = " ".join(data[split]["fingerprint"][:16] for split in ("train", "test"))
    return bool((own.split_fingerprint == stored).all())


def _flatten_stage(stage: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row with a column for each number, as `record_result` names them."""
    metrics = {name: row[name]["value"] for name in METRICS}
    bounds = {f"{name}_{end}": row[name][end] for name in METRICS for end in ("low", "high")}
    difference = row["difference"]
    words = "" if difference is None else describe_difference(difference["AP50"])
    flat = {**row, **metrics, **bounds, "difference": words}
    return flat | {"stage": stage, "is_this_run": False}


def _format_estimate(value: float, low: float, high: float) -> str:
    """A metric with its interval, where it has one."""
    if np.isnan(value):
        return "–"
    return f"{value:.2f}" if np.isnan(low) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _format_signed(value: float) -> str:
    """Two digits, with a minus sign as in print, and no −0.00."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
