"""Cases for the error analysis, and what TIDE's own program (tidecv) says of them.

    python tests/evaluation/tide_reference.py

records its results in tide_recorded.json. tidecv declares opencv-python as a requirement, whose
files overwrite those of opencv-python-headless and which needs libGL; it works without it:

    pip install --no-deps tidecv==1.0.1 appdirs==1.4.4 seaborn==0.13.2
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.error_types import ERROR_TYPES
from shopee_od.structures import Detections

RECORDED = Path(__file__).with_name("tide_recorded.json")
SHORT_NAMES = dict(zip(("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"), ERROR_TYPES, strict=True))
IMAGE_IDS = range(1, 6)

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)
DIFFERENCES: dict[str, dict[str, list]] = {
    "a wrong class and a bad box on one garment": {
        "boxes": [(1, *A, 0), (1, *C, 1)],
        "detections": [(1, *C, 1, 0.95), (1, *A, 1, 0.9), (1, 0, 0, 20, 8, 0, 0.8)],
    },
    "a class without detections": {
        "boxes": [(1, *A, 0), (1, *C, 1)],
        "detections": [(1, *A, 0, 0.9)],
    },
    "a class without boxes": {
        "boxes": [(1, *A, 0)],
        "detections": [(1, *A, 0, 0.9), (1, *C, 1, 0.8)],
    },
    "a detection on an ignore box": {
        "boxes": [(1, *A, 0), (1, *B, 1), (1, *C, 0, 1)],
        "detections": [(1, *A, 0, 0.9), (1, *B, 1, 0.8), (1, *C, 0, 0.7)],
    },
    "IoU 0.5": {
        "boxes": [(1, *A, 0), (1, *B, 1)],
        "detections": [(1, *A, 0, 0.9), (1, *B, 1, 0.8), (1, 0, 0, 20, 10, 0, 0.7)],
    },
    "IoU 0.1": {
        "boxes": [(1, *A, 0), (1, *B, 1)],
        "detections": [(1, *A, 0, 0.9), (1, *B, 1, 0.8), (1, 0, 0, 20, 2, 1, 0.7)],
    },
    "recall 0.7": {
        "boxes": [(i, *box, 0) for i in IMAGE_IDS for box in (A, C)] + [(1, *B, 1)],
        "detections": [(i, *A, 0, 0.9 - i / 100) for i in IMAGE_IDS]
        + [(1, *C, 0, 0.6), (2, *C, 0, 0.5), (1, *B, 1, 0.95)],
    },
}
"""Small cases in which tidecv and this package differ; test_tide.py says how and why."""


def run_tide(dataset: Dataset, detections: dict[int, Detections]) -> dict[str, Any]:
    """Runs tidecv. Ignore and crowd boxes become its ignore regions.

    Returns:
        AP50, and count and gain of each type of error, in [0, 1]; with_both, the number of garments
        on which both a wrong class and a bad box could be fixed.
    """
    from tidecv import Data
    from tidecv.errors.main_errors import BoxError, ClassError
    from tidecv.quantify import TIDE, TIDERun

    gt_boxes = Data("ground truth")
    predictions = Data("predictions")
    for row in dataset.boxes.itertuples():
        box = [float(row.x1), float(row.y1), float(row.x2 - row.x1), float(row.y2 - row.y1)]
        ignored = row.ignore or row.iscrowd
        add = gt_boxes.add_ignore_region if ignored else gt_boxes.add_ground_truth
        add(int(row.image_id), int(row.label), box)
    for image_id, image_detections in detections.items():
        gt_boxes.add_image(image_id, str(image_id))
        boxes = image_detections.boxes.tolist()
        scores = image_detections.scores.tolist()
        labels = image_detections.labels.tolist()
        for (x1, y1, x2, y2), score, label in zip(boxes, scores, labels, strict=True):
            predictions.add_detection(image_id, label, score, [x1, y1, x2 - x1, y2 - y1])
    run = TIDERun(gt_boxes, predictions, 0.5, 0.1, TIDE.BOX, gt_boxes.max_dets)
    wrong_class = {error.gt["_id"] for error in run.error_dict[ClassError] if error.match}
    bad_box = {error.gt["_id"] for error in run.error_dict[BoxError] if error.match}
    gains = run.fix_main_errors()
    return {
        "AP50": run.ap / 100,
        "count": {SHORT_NAMES[error.short_name]: n for error, n in run.count_errors().items()},
        "gain": {SHORT_NAMES[error.short_name]: gain / 100 for error, gain in gains.items()},
        "with_both": len(wrong_class & bad_box),
    }


def make_case(seed: int) -> dict[str, list]:
    """A random case: every type of error, no equal scores, boxes and detections of each class.

    Returns:
        boxes: rows of image_id, x1, y1, x2, y2, label;
        detections: rows of image_id, x1, y1, x2, y2, label, score.
    """
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(2, 5))
    boxes = []
    detections = []
    for image_id in IMAGE_IDS:
        labels = rng.integers(0, num_classes, rng.integers(0, 4)).tolist()
        if image_id == 1:
            labels += range(num_classes)
            detections += [_make_row(1, _make_box(rng), label) for label in range(num_classes)]
        for label in labels:
            box = _make_box(rng)
            boxes.append(_make_row(image_id, box, label))
            for _ in range(rng.integers(0, 4)):
                shifted = box + rng.uniform(-0.4, 0.4, 4) * rng.choice([5, 10, 25])
                wrong = rng.random() < 0.4
                predicted = int(rng.integers(0, num_classes)) if wrong else label
                detections.append(_make_row(image_id, shifted, predicted))
        for _ in range(rng.integers(0, 3)):
            label = int(rng.integers(0, num_classes))
            detections.append(_make_row(image_id, _make_box(rng), label))
    scores = (rng.permutation(len(detections)) + 1) / 256
    return {
        "boxes": boxes,
        "detections": [[*row, score] for row, score in zip(detections, scores, strict=True)],
    }


def build_case(case: dict[str, list]) -> tuple[Dataset, dict[int, Detections]]:
    """A case as a Dataset and Detections; a seventh value in the row of a box is `ignore`."""
    images = [
        {"image_id": i, "path": f"/none/{i}.jpg", "width": 100, "height": 100, "split": "test"}
        for i in IMAGE_IDS
    ]
    columns = ("box_id", "image_id", "x1", "y1", "x2", "y2", "label", "ignore")
    boxes = [
        dict(zip(columns, [k, *row, False][: len(columns)], strict=True))
        for k, row in enumerate(case["boxes"])
    ]
    rows = np.array(case["detections"], float).reshape(-1, 7)
    detections = {}
    for i in IMAGE_IDS:
        in_image = rows[rows[:, 0] == i]
        detections[i] = Detections(in_image[:, 1:5], in_image[:, 6], in_image[:, 5])
    labels = [*(row[5] for row in case["boxes"]), *(row[5] for row in case["detections"])]
    classes = "abcd"[: int(max(labels)) + 1]
    return Dataset.build("case", "/none", classes, images, boxes), detections


def _make_box(rng: np.random.Generator) -> np.ndarray:
    start = rng.uniform(0, 60, 2)
    return np.concatenate([start, start + rng.uniform(24, 50, 2)])


def _make_row(image_id: int, box: np.ndarray, label: int) -> list:
    return [image_id, *np.round(box, 2).tolist(), label]


def main() -> None:
    """Records tidecv's results."""
    named = {f"random {seed}": make_case(seed) for seed in range(12)} | DIFFERENCES
    lines = []
    for name, case in named.items():
        result = case | {"tidecv": run_tide(*build_case(case))}
        lines.append(f"{json.dumps(name)}: {json.dumps(result)}")
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
