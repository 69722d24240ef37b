"""`detect_photos`: each photo is accounted for; results of an interrupted run are kept."""

import csv
import json
import os
from typing import ClassVar

import numpy as np
import pytest
from matplotlib import cbook
from PIL import Image

from shopee_od.detect import COLUMNS, NO_GARMENT, detect_photos
from shopee_od.drawing import boxes
from shopee_od.errors import InputError
from shopee_od.structures import Detections


class BrightSpot:
    """Detects the bright part of a photo; at photo `breaks_at` it is interrupted."""

    classes, types, name = ("dress", "skirt"), ("full", "lower"), "bright-spot"
    threshold, category_threshold = 0.5, 0.0

    def __init__(self, breaks_at=None):
        self.breaks_at = breaks_at

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for n, image in enumerate(images):
            if n == self.breaks_at:
                raise KeyboardInterrupt
            ys, xs = np.nonzero(image.mean(2) > 200)
            if not len(ys):
                yield Detections.empty()
                continue
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            half = [box[0], box[1], box[2], (box[1] + box[3]) / 2]
            yield Detections([box, box, half], [0.9, 0.6, 0.4], [1, 0, 0]).above(score_threshold)


def photo(path, box=None, size=(80, 60)):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    if box:
        pixels[box[1] : box[3], box[0] : box[2]] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    photo(root / "a.png", (10, 20, 40, 50))
    photo(root / "a.jpg", (16, 16, 48, 40))
    photo(root / "deeper" / "dark.png")
    (root / "empty.jpg").touch()
    (root / "broken.jpg").write_bytes((root / "a.jpg").read_bytes()[:300])
    (root / "notes.txt").write_text("not a photo")
    return root


def read_csv(out):
    with (out / "tags.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_and_drawn_photos_are_written(folder, tmp_path):
    out = tmp_path / "out"
    result = detect_photos(BrightSpot(), [folder], out, progress=False)
    rows = read_csv(out)
    assert tuple(rows[0]) == COLUMNS
    by_file = {row["file"]: row for row in rows}
    row = by_file[str(folder / "a.png")]
    assert [float(row[c]) for c in ("x1", "y1", "x2", "y2")] == [10, 20, 40, 50]
    tag = (row["category"], row["type"], float(row["score"]), row["model"])
    assert tag == ("skirt", "lower", 0.9, "bright-spot")
    dark = str(folder / "deeper" / "dark.png")
    assert by_file[dark]["category"] == NO_GARMENT
    assert json.loads((out / "tags.json").read_text())["photos"][dark] == []
    assert {p.relative_to(out).as_posix() for p in result.drawn_files} == {
        "a.jpg",
        "a-2.jpg",
        "deeper/dark.jpg",
    }
    assert all(Image.open(p).format == "JPEG" for p in result.drawn_files)


def test_unreadable_photos_are_listed_and_do_not_stop_the_run(folder, tmp_path):
    result = detect_photos(
        BrightSpot(), [folder, tmp_path / "absent.jpg"], tmp_path / "out", progress=False
    )
    assert {f.rsplit("/", 1)[1] for f in result.failed} == {"empty.jpg", "broken.jpg", "absent.jpg"}
    assert all(name in reason for name, reason in result.failed.items())
    assert len(result.rows) == 3
    assert json.loads((tmp_path / "out" / "tags.json").read_text())["failed"] == result.failed


def test_an_interrupted_run_keeps_its_tags(folder, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        detect_photos(BrightSpot(breaks_at=2), [folder], tmp_path / "out", progress=False)
    assert len({row["file"] for row in read_csv(tmp_path / "out")}) == 2


def test_a_run_without_results_keeps_the_tags_of_an_earlier_run(folder, tmp_path):
    detect_photos(BrightSpot(), [folder], tmp_path / "out", progress=False)
    before = read_csv(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        detect_photos(BrightSpot(breaks_at=0), [folder / "a.png"], tmp_path / "out", progress=False)
    assert read_csv(tmp_path / "out") == before


def test_the_output_cannot_be_a_file(folder, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="out is a file; name a folder"):
        detect_photos(BrightSpot(), [folder], tmp_path / "out", progress=False)


def test_the_threshold_is_the_detectors_or_the_callers(folder, tmp_path):
    own = detect_photos(BrightSpot(), [folder / "a.png"], tmp_path / "own", progress=False)
    low = detect_photos(
        BrightSpot(), [folder / "a.png"], tmp_path / "low", threshold=0.1, progress=False
    )
    assert [len(r) for r in own.rows.values()] == [1]
    assert [r["category"] for r in next(iter(low.rows.values()))] == ["skirt", "dress"]


def test_a_garment_has_one_tag_and_a_part_of_it_its_own(folder, tmp_path):
    result = detect_photos(
        BrightSpot(), [folder / "a.png"], tmp_path / "out", threshold=0.1, progress=False
    )
    (rows,) = result.rows.values()
    # The dress of score 0.6 has the box of the skirt.
    assert [(r["category"], r["y2"]) for r in rows] == [("skirt", 50), ("dress", 35)]


class UncertainSpot:
    """Detects garments of each type in every photo, with higher garment than class scores."""

    classes, types = ("top", "skirt", "dress", "bikini"), ("upper", "lower", "full", "")
    threshold, category_threshold, name = 0.5, 0.4, "uncertain-spot"

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for _ in images:
            corners = [[10 * k, 0, 10 * k + 8, 40] for k in (0, 0, 1, 2, 3, 4, 5)]
            scores = [0.3, 0.35, 0.39, 0.2, 0.1, 0.4, 0.45]
            garment_scores = [0.9, 0.8, 0.7, 0.95, 0.6, 0.5, 0.49]
            yield Detections(corners, scores, [0, 1, 1, 2, 3, 2, 2], garment_scores).above(
                score_threshold
            )


def test_below_the_category_threshold_a_tag_is_the_type(folder, tmp_path, monkeypatch):
    texts = []
    monkeypatch.setattr(
        boxes, "draw_tag", lambda canvas, box, text, *rest: texts.append(text) or box
    )
    out = tmp_path / "out"
    detect_photos(UncertainSpot(), [folder / "a.png"], out, progress=False)
    rows = read_csv(out)
    assert [(row["category"], row["type"], row["score"]) for row in rows] == [
        ("full-body garment", "full", "0.95"),
        # A top has the higher score of a garment, a skirt of the same place that of its class.
        ("lower garment", "lower", "0.9"),
        ("lower garment", "lower", "0.7"),
        ("garment", "", "0.6"),
        ("dress", "full", "0.5"),
    ]
    (in_json,) = json.loads((out / "tags.json").read_text())["photos"].values()
    assert [row["category"] for row in in_json] == [row["category"] for row in rows]
    assert sorted(texts) == sorted(f"{row['category']} {float(row['score']):.2f}" for row in rows)


def test_the_threshold_is_of_the_garment_score(folder, tmp_path):
    """Whichever the scores of the classes are; a threshold below that of `detect` too."""
    for threshold, count in ((0.92, 1), (0.49, 6), (0.01, 6)):
        result = detect_photos(
            UncertainSpot(), [folder / "a.png"], tmp_path / "out", threshold, progress=False
        )
        (rows,) = result.rows.values()
        assert len(rows) == count


def test_the_detector_is_asked_for_low_class_scores(folder, tmp_path):
    class Recording(UncertainSpot):
        asked: ClassVar[list[float]] = []

        def detect(self, images, score_threshold=0.05, max_detections=100):
            self.asked.append(score_threshold)
            return super().detect(images, score_threshold, max_detections)

    for threshold in (0.001, 0.9, None):
        detect_photos(Recording(), [folder / "a.png"], tmp_path / "out", threshold, progress=False)
    assert Recording.asked == [0.001, 0.01, 0.01]


def test_a_photo_given_twice_counts_once_and_drawn_photos_are_not_read(folder, tmp_path):
    out = folder / "tagged"
    first = detect_photos(BrightSpot(), [folder, folder / "a.png"], out, progress=False)
    again = detect_photos(BrightSpot(), [folder], out, progress=False)
    assert list(first.rows) == list(again.rows)
    assert len(list(out.rglob("*.jpg"))) == 3


def test_odd_file_names_lose_no_tags(tmp_path):
    root = tmp_path / "photos"
    long = photo(root / ("裙" * 82 + ".jpg"), (10, 10, 40, 40))
    (root / os.fsdecode(b"caf\xe9.jpg")).write_bytes(long.read_bytes())
    photo(root / "A.jpg"), photo(root / "a.png")
    result = detect_photos(BrightSpot(), [root], tmp_path / "out", progress=False)
    assert len(result.rows) == 4 and not result.failed
    assert {row["file"] for row in read_csv(tmp_path / "out")} == set(result.rows)
    assert len({str(p).casefold() for p in result.drawn_files}) == 4


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(InputError, match="no photos found"):
        detect_photos(BrightSpot(), [tmp_path], tmp_path / "out", progress=False)


def test_boxes_are_in_pixels_of_the_upright_photo(tmp_path):
    file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    portrait = Image.open(file).resize((60, 80))
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held sideways
    white = Image.new("RGB", portrait.size)
    white.paste((255, 255, 255), (0, 0, 20, 10))
    white.save(tmp_path / "side.png", exif=exif)
    result = detect_photos(BrightSpot(), [tmp_path / "side.png"], tmp_path / "out", progress=False)
    (rows,) = result.rows.values()
    assert [rows[0][c] for c in ("x1", "y1", "x2", "y2")] == [70, 0, 80, 20]
