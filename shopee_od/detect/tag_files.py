"""Detections as rows of a table: tags.csv and tags.json."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from shopee_od.detector import Detector
from shopee_od.io import atomic_file, write_json
from shopee_od.structures import Detections

COLUMNS = ("file", "x1", "y1", "x2", "y2", "category", "type", "score", "model")
NO_GARMENT = "no garment"
"""The category of the only row that a photo without detections has in tags.csv."""
TYPE_TAGS = {
    "upper": "upper garment",
    "lower": "lower garment",
    "full": "full-body garment",
    "": "garment",
}
"""The tag of a garment whose class has too low a score, by its type."""

Row = dict[str, str | float]
"""One garment, by the names in COLUMNS."""


def name_garments(detections: Detections, detector: Detector) -> list[str]:
    """The tag of each detection: its class, or its type where the score of the class is too low.

    Args:
        detections: of one photo.
        detector: its `category_threshold` is the lowest score of a class.
    """
    return [
        detector.classes[label]
        if score >= detector.category_threshold
        else TYPE_TAGS[detector.types[label]]
        for score, label in zip(detections.scores, detections.labels, strict=True)
    ]


def make_rows(file: str, detections: Detections, detector: Detector) -> list[Row]:
    """Turns the detections of one photo into rows, one per garment.

    Args:
        file: the photo's path, as it is written to the tables.
        detections: boxes in pixels of the upright photo, x2 and y2 exclusive.
        detector: it gives the names of the classes, their types and its own name.
    Returns:
        Rows with the keys in COLUMNS, the highest score first: coordinates rounded to 0.1 pixels;
        category as `name_garments` gives it; score the garment score, rounded to 4 digits.
    """
    rows = []
    categories = name_garments(detections, detector)
    for i in np.argsort(-detections.garment_scores, kind="stable"):
        coordinates = [round(float(value), 1) for value in detections.boxes[i]]
        garment_type = detector.types[detections.labels[i]]
        score = round(float(detections.garment_scores[i]), 4)
        values = (file, *coordinates, categories[i], garment_type, score, detector.name)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def write_tags(rows: Mapping[str, Sequence[Row]], failed: Mapping[str, str], out: Path) -> None:
    """Writes tags.csv and tags.json, each whole or not at all.

    Args:
        rows: by photo. A photo without rows has one row in tags.csv, with category "no garment",
            and an empty list in tags.json.
        failed: the error message by photo; in tags.json only.
        out: the folder.
    """
    with (
        atomic_file(out / "tags.csv") as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for photo, photo_rows in rows.items():
            writer.writerows(photo_rows or [{"file": photo, "category": NO_GARMENT}])
    write_json(out / "tags.json", {"photos": rows, "failed": failed})
