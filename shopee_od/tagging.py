"""Photos in, tagged photos out: what `shopee-od detect` does."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.photos import photo_files, read_photo
from shopee_od.draw import draw_detections
from shopee_od.ops.nms import nms
from shopee_od.paths import whole_file, write_json
from shopee_od.types import Detections, Detector, InputError

COLUMNS = ("file", "x1", "y1", "x2", "y2", "category", "type", "score", "model")
NO_GARMENT = "no garment"
SAME_GARMENT = 0.7
"""Boxes of two classes that overlap more than this (IoU) are one garment; the likelier class names it."""


@dataclass
class Tagged:
    """What came of it: rows for each photo by file, in order; the drawn photos; the photos that could not be read."""

    rows: dict[str, list[dict]] = field(default_factory=dict)
    drawn: list[Path] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def tag(
    detector: Detector, paths: Iterable[str | Path], out: Path, threshold: float | None = None, progress: bool = True
) -> Tagged:
    """Photos or folders of photos -> drawn photos, tags.csv and tags.json in `out`.

    threshold: the lowest score shown; the detector's operating threshold where None.
    A photo that cannot be read is listed and passed over. What was made when a run is broken off stays, tags included.
    Boxes are in pixels of the upright photo, x2 and y2 exclusive. Raises InputError where there are no photos.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{_name(out)} is a file; name a folder for the photos and tags")
    places = _places(paths, out)
    if not places:
        named = ", ".join(map(_name, paths))
        raise InputError(
            f"{named}: no photos there (those in {_name(out)} do not count); name photos or folders of them"
        )
    threshold = detector.threshold if threshold is None else threshold
    tagged = Tagged()
    found: list[tuple[str, np.ndarray]] = []  # the photo that the detector is at, since it takes them one by one

    def photos() -> Iterator[np.ndarray]:
        for file in tqdm(places, "tag", unit="photo", disable=not progress):
            try:
                image = read_photo(file)
            except InputError as e:
                tagged.failed[_name(file)] = str(e)
                continue
            found.append((file, image))
            yield image

    try:
        for detections in detector.detect(photos(), score_threshold=threshold):
            file, image = found.pop(0)
            detections = one_tag_a_garment(detections)
            tagged.rows[_name(file)] = rows(_name(file), detections, detector)
            try:
                with whole_file(places[file]) as part:
                    draw_detections(image, detections, detector.classes).save(part, "JPEG", quality=90)
                tagged.drawn.append(places[file])
            except OSError as e:
                tagged.failed[_name(file)] = f"{_name(file)}: tagged, but not drawn: {e}"
    finally:
        if tagged.rows or tagged.failed:
            write_tags(tagged, out)
    return tagged


def one_tag_a_garment(detections: Detections) -> Detections:
    """Without boxes that name the garment of a better one again."""
    kept = nms(detections.boxes, detections.scores, SAME_GARMENT)
    return Detections(detections.boxes[kept], detections.scores[kept], detections.labels[kept])


def rows(file: str, detections: Detections, detector: Detector) -> list[dict]:
    """One photo's detections -> rows of COLUMNS; none where there is no garment."""
    return [
        dict(
            zip(
                COLUMNS,
                (
                    file,
                    *(round(float(v), 1) for v in box),
                    detector.classes[label],
                    detector.types[label],
                    round(float(score), 4),
                    detector.name,
                ),
                strict=True,
            )
        )
        for box, score, label in zip(detections.boxes, detections.scores, detections.labels, strict=True)
    ]


def write_tags(tagged: Tagged, out: Path) -> None:
    """tags.csv, where a photo without a garment has a row that says so, and tags.json, where it has an empty list."""
    with whole_file(out / "tags.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for name, found in tagged.rows.items():
            writer.writerows(found or [{"file": name, "category": NO_GARMENT}])
    write_json(out / "tags.json", {"photos": tagged.rows, "failed": tagged.failed})


def _name(file: Path) -> str:
    """A file's path as text that can be written; bytes that are no UTF-8 become �."""
    return os.fsencode(file).decode("utf-8", "replace")


def _places(paths: Iterable[str | Path], out: Path) -> dict[Path, Path]:
    """Each photo -> where it is drawn: below `out` as below the folder that was named, never twice the same."""
    places, taken = {}, set()
    for path in map(Path, paths):
        for file in photo_files([path]):
            if file in places or out.resolve() in file.resolve().parents:
                continue  # named twice, or drawn by an earlier run into a folder that is read now
            inside = file.relative_to(path) if path.is_dir() else Path(file.name)
            place, n = out / inside.with_suffix(".jpg"), 1
            while str(place).casefold() in taken:  # some file systems take A.jpg and a.jpg for one
                n += 1
                place = out / inside.with_name(f"{inside.stem}-{n}.jpg")
            taken.add(str(place).casefold())
            places[file] = place
    return places
