"""The race: every stage learns from the same photos and is judged on the same ones, accuracy beside cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.coco import AT_50, MAX_DETECTIONS, recall
from shopee_od.evaluation.scoring import predict, score
from shopee_od.evaluation.views import agnostic
from shopee_od.lessons.setting import Setting
from shopee_od.paths import read_json, write_json
from shopee_od.types import Detector

TRAIN, VAL, TEST = 200, 60, 100  # photos
FOLDER = "race"  # below the output folder
STAGES = {
    "hog_svm": "Sliding windows: HOG and SVM",
    "cnn_each_window": "Sliding windows: a CNN on each",
    "cnn_once": "Sliding windows: the CNN once",
    "rcnn": "R-CNN",
    "spp_net": "SPP-net",
    "fast_rcnn": "Fast R-CNN",
    "faster_rcnn": "Faster R-CNN",
}
"""The ladder, from the bottom: the name of a row, and what it is called."""


def photos(setting: Setting) -> tuple[Dataset, Dataset | None, Dataset]:
    """Photos to learn from, to choose a threshold by (None where there is no such split), and to be judged on."""
    has_val = (setting.data.images.split == "val").any()
    val = setting.split("val", VAL) if has_val else None
    return setting.split("train", TRAIN), val, setting.split("test", TEST)


def enter(setting: Setting, stage: str, detector: Detector) -> dict[str, float | int | str | None]:
    """Runs a trained detector over the race's test photos -> its row, which is also kept in the output folder.

    AP50, AP: means over classes. agnostic_AP50, recall: all garments taken as one class; recall is the share of boxes
    found at IoU 0.5 by any of 100 detections. regions, cnn_passes, seconds: a photo, counted while it ran.
    peak_memory: bytes, of the whole process up to here. given: fingerprints of the photos to learn from and to be
    judged on. Raises KeyError on a stage that is not one of STAGES.
    """
    name, test, given = STAGES[stage], photos(setting)[2], _given(setting)
    before = replace(detector.cost)
    found = predict(detector, test)
    after, test = detector.cost, test.take(found)
    figures = score(found, test, detector.classes, detector.types, detector.threshold, bootstrap=0)
    run = after.photos - before.photos
    row = {
        "name": name,
        "AP50": figures["AP50"],
        "AP": figures["AP"],
        "agnostic_AP50": figures["agnostic"]["AP50"],
        "recall": float(recall(agnostic(found, test, detector.classes), MAX_DETECTIONS)[AT_50]),
        "regions": round((after.regions - before.regions) / run),
        "cnn_passes": round((after.cnn_passes - before.cnn_passes) / run),
        "seconds": (after.seconds - before.seconds) / run,
        "training_minutes": detector.trained.get("minutes"),
        "parameters": detector.parameters,
        "peak_memory": after.peak_memory,
        "train_photos": detector.trained.get("photos"),
        "weights": detector.trained.get("weights"),
        "test_photos": len(test),
        "given": given,
    }
    write_json(setting.output / FOLDER / f"{stage}.json", row)
    return row


def rows(setting: Setting) -> pd.DataFrame:
    """What has been entered in this output folder, a row a stage, from the bottom of the ladder.

    Rows of other photos, as another seed draws them, are left out, and said so.
    """
    found = entered(setting.output)
    if not len(found):
        return found
    same = found.given == _given(setting) if "given" in found else pd.Series(False, found.index)
    if not same.all():
        print(f"left out, since they ran on other photos: {', '.join(found.name[~same])}")
    return found[same]


def entered(output: Path) -> pd.DataFrame:
    """The same of any output folder, a report's for one."""
    there = {stage: output / FOLDER / f"{stage}.json" for stage in STAGES}
    return pd.DataFrame.from_dict({s: read_json(f) for s, f in there.items() if f.is_file()}, orient="index")


def _given(setting: Setting) -> str:
    """What tells these photos from others."""
    train, _, test = photos(setting)
    return f"{train.fingerprint()[:16]} {test.fingerprint()[:16]}"


def metrics(stage: str, row: dict) -> dict[str, float | int | None]:
    """A row's figures under names for `record`: `rcnn_AP50` and so on."""
    return {f"{stage}_{name}": value for name, value in row.items() if not isinstance(value, str)}


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Rows as they are read: rounded, memory in GB, named columns."""
    shown = found.assign(peak_memory=found.peak_memory / 1e9, parameters=found.parameters / 1e6).set_index("name")
    columns = {
        "AP50": "AP50",
        "AP": "AP",
        "agnostic_AP50": "any garment, AP50",
        "recall": "recall",
        "regions": "regions",
        "cnn_passes": "CNN passes",
        "seconds": "s a photo",
        "training_minutes": "training, min",
        "parameters": "parameters, M",
        "peak_memory": "memory, GB",
    }
    return shown[list(columns)].rename(columns=columns).round(3)
