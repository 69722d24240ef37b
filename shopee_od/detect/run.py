"""Photos in, drawn photos and tables of tags out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.photos import read_photo
from shopee_od.detect.photos import format_path, plan_output_files
from shopee_od.detect.tag_files import Row, make_rows, name_garments, write_tags
from shopee_od.detector import Detector
from shopee_od.drawing import draw_detections
from shopee_od.errors import InputError
from shopee_od.io import atomic_file
from shopee_od.structures import Detections

JPEG_QUALITY = 90
MIN_CLASS_SCORE = 0.01
"""Lower class scores are left out, as in evaluation. A garment's score may be high where that of
each class is low."""


@dataclass
class DetectResult:
    """What `detect_photos` did.

    Args:
        rows: by photo, in order: one row per garment, with the keys in `tag_files.COLUMNS`.
        drawn_files: the drawn photos.
        failed: the error message of each photo that could not be read or drawn.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    drawn_files: list[Path] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def detect_photos(
    detector: Detector,
    paths: Iterable[str | Path],
    out: str | Path,
    threshold: float | None = None,
    progress: bool = True,
) -> DetectResult:
    """Detects garments in photos; writes drawn photos, tags.csv and tags.json.

    A photo that cannot be read does not stop the run: its error message is part of the result. When
    a run is interrupted, the drawn photos and the tags up to then are kept.

    Args:
        detector: any Detector.
        paths: photos, or folders of photos.
        out: the folder for the results.
        threshold: the lowest garment score; None: the detector's operating threshold.
        progress: whether to show a progress bar.
    Returns:
        Rows by photo, boxes in pixels of the upright photo, x2 and y2 exclusive.
    Raises:
        InputError: `out` is a file, or there are no photos.
    """
    out = Path(out)
    output_files = plan_output_files(paths, out)
    threshold = detector.threshold if threshold is None else threshold
    result = DetectResult()
    pending: deque[tuple[Path, np.ndarray]] = deque()  # photos that the detector works on

    def read_photos() -> Iterator[np.ndarray]:
        for photo in tqdm(output_files, "detect", unit="photo", disable=not progress):
            try:
                image = read_photo(photo)
            except InputError as e:
                result.failed[format_path(photo)] = str(e)
                continue
            pending.append((photo, image))
            yield image

    try:
        score_threshold = min(threshold, MIN_CLASS_SCORE)
        for detections in detector.detect(read_photos(), score_threshold=score_threshold):
            photo, image = pending.popleft()
            name = format_path(photo)
            detections = detections.select_garments(threshold)
            result.rows[name] = make_rows(name, detections, detector)
            try:
                _save_drawing(output_files[photo], image, detections, detector)
                result.drawn_files.append(output_files[photo])
            except OSError as e:
                result.failed[name] = f"{name}: tagged, but the drawn photo was not written: {e}"
    finally:
        if result.rows or result.failed:
            write_tags(result.rows, result.failed, out)
    return result


def _save_drawing(
    file: Path, image: np.ndarray, detections: Detections, detector: Detector
) -> None:
    garments = zip(name_garments(detections, detector), detections.garment_scores, strict=True)
    tags = [f"{name} {score:.2f}" for name, score in garments]
    picture = draw_detections(image, detections, detector.classes, tags=tags)
    with atomic_file(file) as part:
        picture.save(part, "JPEG", quality=JPEG_QUALITY)
