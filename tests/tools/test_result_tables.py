"""Tables of the stage comparison and of a report, and how a report is collected."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from shopee_od.detectors.saving import DetectorInfo, write_info
from shopee_od.io import hash_file, read_json, write_json
from shopee_od.structures import Cost, Detections
from tools import collect_results, report_tables, stage_tables

BOX = [10, 5, 40, 60]
PROVENANCE = {
    "command": "python -m tools.compare_stages FOLDER",
    "git": {"commit": "c0ffee" * 7},
    "machine": {"cpu": "a processor", "cores": 2, "nvidia_driver": False},
}


def measured(value):
    return {"value": value, "low": value - 0.05, "high": value + 0.04, "seeds": [value]}


def make_stage(name, compared_to, difference, seconds, is_bridge=False):
    metrics = ("AP50", "AP", "agnostic_AP50", "agnostic_AP")
    return {
        "name": name,
        "compared_to": compared_to,
        "changed": f"what {name} changed",
        "is_bridge": is_bridge,
        **{metric: measured(0.5) for metric in metrics},
        "difference": compared_to and {metric: measured(difference) for metric in metrics},
        "seconds": seconds,
        "peak_memory": 1.234e9,
        "training_minutes": None,
        "parameters": 4_321_000,
        "trained": {"photos": 200, "steps": None if compared_to is None else 1800},
    }


@pytest.fixture
def comparison():
    """results/stage_comparison.json with three stages on one data set."""
    stages = {
        "rcnn": make_stage("R-CNN", None, None, 0.6),
        "roi_align_svms": make_stage(
            "RoIAlign and SVMs (bridging)", "rcnn", 0.01, 0.2, is_bridge=True
        ),
        "fast_rcnn": make_stage("Fast R-CNN", "roi_align_svms", -0.2, 0.4),
    }
    images = {"train": {"photos": 200}, "test": {"photos": 1169}}
    return PROVENANCE | {
        "threads": 2,
        "seeds": [0, 1, 2],
        "resamples": 1000,
        "postprocessing": {"nms_iou": 0.5, "pre_nms_top_k": 5000},
        "datasets": {"ccp": {"data": images, "stages": stages}},
    }


def find_row(text, table, name):
    """The cells of the row of a stage in the table of this number."""
    rows = [row for row in text.split("\n") if row.startswith(f"| {name} ")]
    return [cell.strip() for cell in rows[table].strip("|").split("|")]


def test_the_stage_comparison_has_accuracy_cost_and_differences(comparison):
    text = stage_tables.format_stages({"stage_comparison": comparison})
    assert "seeds 0, 1, 2" in text and "1,000 bootstrap resamples" in text
    assert "NMS at IoU 0.5" in text and "5,000 pairs of region and class" in text
    assert "#### CCP: street photos" in text and "200 train, 1,169 test" in text
    score = "0.500 (0.450 to 0.540)"
    cells = ["0.600", "1.23", "–", "–", "4.32"]
    assert find_row(text, 0, "R-CNN") == ["R-CNN", score, score, *cells]
    assert find_row(text, 0, "Fast R-CNN")[-2] == "1,800"
    bridge = find_row(text, 1, "RoIAlign and SVMs (bridging)")
    assert bridge[1:3] == ["R-CNN", "what RoIAlign and SVMs (bridging) changed"]
    assert bridge[-1] == "0.6 → 0.2" and bridge[3].startswith("no measurable difference: ")
    last = find_row(text, 1, "Fast R-CNN")
    assert last[1] == "RoIAlign and SVMs (bridging)"
    assert last[3] == "−0.20 (−0.25 to −0.16): less accurate"


def test_without_the_stage_comparison_single_runs_are_shown():
    names = ("rcnn", "fast_rcnn")
    stages = {
        name: {
            "name": name,
            "AP50": 0.123,
            "agnostic_AP50": 0.5,
            "seconds": 0.25,
            "train_photos": 199,
            "test_photos": 98,
        }
        for name in names
    }
    run = PROVENANCE | {"parameters": {"seed": 7}, "stages": stages}
    text = stage_tables.format_stages({"shopsim_laptop": run, "ccp_laptop": run})
    assert find_row(text, 0, "fast_rcnn") == ["fast_rcnn", *["0.123", "0.500", "0.250"] * 2]
    assert "199 training images and 98 test images of CCP" in text and "seed 7" in text
    assert "no intervals" in text


class FakeDetector:
    """Finds BOX in every image."""

    classes = ("dress",)
    types = ("full",)
    threshold = 0.5
    category_threshold = 0.0
    name = "fake"
    num_parameters = 1
    metadata = {"dataset": "coco"}  # noqa: RUF012

    def __init__(self):
        self.cost = Cost()

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for _ in images:
            yield Detections([BOX], [0.9], [0])


@pytest.fixture
def report(tmp_path, monkeypatch):
    """The folder of a report on 14 photos, with a detector."""
    data = tmp_path / "data"
    (data / "images").mkdir(parents=True)
    x1, y1, x2, y2 = BOX
    images = [{"id": k, "file_name": f"{k}.png", "split": "test"} for k in range(14)]
    for image in images:
        pixels = np.full((80, 60, 3), 9 * image["id"], np.uint8)
        Image.fromarray(pixels).save(data / "images" / image["file_name"])
    box = {"category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
    content = {
        "images": images,
        "annotations": [box | {"image_id": image["id"]} for image in images],
        "categories": [{"id": 1, "name": "dress", "supercategory": "full"}],
    }
    (data / "annotations.json").write_text(json.dumps(content))
    folder = tmp_path / "report"
    parameters = {"dataset": "coco", "profile": "smoke", "seed": 3, "data_dir": str(data)}
    notebooks = {
        "07_train": {"seconds": 90.0, "peak_memory": 3.21e9},
        "08_evaluate": {"seconds": None, "peak_memory": None},
    }
    machine = PROVENANCE["machine"] | {"environment": {"PATH": "/usr"}}
    about = {"parameters": parameters, "notebooks": notebooks, "sources": "x", "machine": machine}
    write_json(folder / "provenance.json", about | {"git": PROVENANCE["git"], "data": "hash"})
    training = {"train_photos": 1715, "steps": 750, "minutes": 2.66, "start_weights": "ImageNet"}
    recorded = {"AP50": 0.4, "AP": 0.2, "agnostic_AP50": 0.6, "photos_with_a_hit": 0.9}
    recorded |= {"seconds_per_photo": 0.031, "photos": 14, "boxes": 14}
    write_json(folder / "metrics.json", {"07_train": training, "08_evaluate": recorded})
    write_json(folder / "work" / "stages" / "rcnn.json", {"AP50": 0.5})
    directory = folder / collect_results.DETECTOR
    directory.mkdir(parents=True)
    write_info(directory, DetectorInfo("faster_rcnn", "fake", ("dress",), ("full",), 0.5, {}))
    monkeypatch.setattr(
        collect_results, "shopee_od", SimpleNamespace(load=lambda _: FakeDetector())
    )
    return folder


def test_a_report_is_collected_with_intervals_and_a_picture(report, tmp_path):
    out = tmp_path / "results" / "coco_smoke.json"
    picture = tmp_path / "tagged.jpg"
    collect_results.main([str(report), "--out", str(out), "--picture", str(picture)])
    results = read_json(out)
    assert results["command"] == "shopee-od report --dataset coco --profile smoke --seed 3"
    assert results["seconds"] == {"07_train": 90.0, "08_evaluate": None}
    assert results["stages"] == {"rcnn": {"AP50": 0.5}} and results["data"] == "hash"
    evaluation = results["evaluation"]
    assert evaluation["metrics"]["AP50"] == 1 and evaluation["data"]["test"]["photos"] == 14
    assert evaluation["detector"]["name"] == "fake"
    assert evaluation["picture"] == {"name": "tagged.jpg", "sha256": hash_file(picture)}
    assert Image.open(picture).width > 6 * 100
    assert str(tmp_path) not in out.read_text() and "/usr" not in out.read_text()
    text = report_tables.format_report(results)
    assert "| 14, 14 | 1.000 (1.000 to 1.000) |" in text and "seed 3" in text
    assert "1,715 images, in 2.7 minutes" in text and "0.031 s/image (a processor" in text


def test_a_report_without_a_detector_is_not_evaluated(report, tmp_path):
    (report / collect_results.DETECTOR / "detector.json").unlink()
    (report / collect_results.DETECTOR).rmdir()
    collect_results.main([str(report), "--out", str(tmp_path / "out.json")])
    results = read_json(tmp_path / "out.json")
    assert "evaluation" not in results
    assert "| 14, 14 | 0.400 | 0.200 | 0.600 | – | 90% |" in report_tables.format_report(results)


def test_minutes_of_notebooks_that_did_not_run_are_empty(report):
    text = report_tables.format_minutes(collect_results.collect_report(report))
    assert re.search(r"^\| notebook \| 07 \| 08 \| all \|$", text, re.MULTILINE)
    assert re.search(r"^\| minutes \| 1\.5 \| – \| 2 \|$", text, re.MULTILINE)
    assert re.search(r"^\| memory, GB \| 3\.2 \| – \| 3\.2 \|$", text, re.MULTILINE)
