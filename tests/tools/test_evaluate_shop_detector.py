"""The figures of the shipped detector, on a folder of shop photos that are made here."""

import json

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets import open_dataset
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.evaluation import evaluate
from shopee_od.structures import Cost, Detections
from tools import evaluate_shop_detector
from tools.evaluate_shop_detector import Evaluator, average_groups, main

DRESS, TEE, BIKINI, OTHER = "Dress", "T_Shirt", "Swimwear", "Other"
TYPES = {DRESS: "full", TEE: "upper", BIKINI: "full", OTHER: "upper"}
BOX = (20, 10, 80, 90)
PHOTOS = [*[[DRESS]] * 12, [TEE], [TEE], [BIKINI], [DRESS, BIKINI], ["ignored"], [], []]
"""The garments of each photo. The last two are size charts."""
CHARTS = (17, 18)
THRESHOLD = 0.5


def place(number):
    """The box of a photo's first or second garment, x1, y1, x2, y2."""
    x1, y1, x2, y2 = BOX
    return (x1 + 100 * number, y1, x2 + 100 * number, y2)


class FakeDetector:
    """Knows the photos by their shade.

    Args:
        missed: the photos in which it finds nothing.
        false: those in which it finds a dress that is not there.
    """

    classes = ("t-shirt", "dress")
    types = ("upper", "full")
    threshold = THRESHOLD
    category_threshold = 0.0
    name = "fake"
    num_parameters = 1
    metadata = {"dataset": "ccp+clothing"}  # noqa: RUF012

    def __init__(self, missed=(), false=()):
        self.missed = missed
        self.false = false
        self.cost = Cost()

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            yield self.find(int(image[0, 0, 0]))

    def find(self, photo):
        rows = []
        if photo not in self.missed:
            rows = [
                (*place(k), 0.9, self.classes.index("t-shirt" if name == TEE else "dress"))
                for k, name in enumerate(PHOTOS[photo])
                if name in (DRESS, TEE)
            ]
        rows += [(0, 0, 15, 15, 0.8, 1)] if photo in self.false else []
        boxes = np.array(rows).reshape(-1, 6)
        return Detections(boxes[:, :4], boxes[:, 4], boxes[:, 5])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """annotations.json with `ignore` and `clothes_type`, and images/."""
    root = tmp_path_factory.mktemp("shop")
    (root / "images").mkdir()
    categories = [{"id": k, "name": name} for k, name in enumerate(TYPES)]
    images = []
    annotations = []
    for photo, garments in enumerate(PHOTOS):
        pixels = np.full((100, 200, 3), photo, np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{photo}.png")
        images.append({"id": photo, "file_name": f"{photo}.png"})
        for k, name in enumerate(garments):
            x1, y1, x2, y2 = place(k)
            garment = OTHER if name == "ignored" else name
            annotations.append(
                {
                    "image_id": photo,
                    "category_id": list(TYPES).index(garment),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "clothes_type": TYPES[garment],
                    "ignore": int(name == "ignored"),
                }
            )
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def photos(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return open_dataset("coco", folder)


def make_evaluator(detector, baseline=None):
    return Evaluator(detector, baseline, read_taxonomy(), bootstrap=200)


@pytest.fixture
def result(photos):
    detector = FakeDetector(missed=[0], false=[CHARTS[0]])
    baseline = FakeDetector(missed=range(6))
    return make_evaluator(detector, baseline).evaluate_shop_photos(photos)


def test_underwear_and_swimwear_count_in_one_of_two_evaluations(result):
    assert result["all"]["agnostic"]["boxes"] == 17
    assert result["supported"]["agnostic"]["boxes"] == 15
    assert result["all"]["agnostic"]["AP50"] < result["supported"]["agnostic"]["AP50"] < 1
    assert result["all"]["per_type"]["full"]["boxes"] == 15
    assert result["all"]["shop"]["gaps"]["Swimwear"] == {"boxes": 2, "found": 0.0}


def test_recall_is_over_the_photos_that_have_other_garments(result):
    """Photo 0 of 15 is missed; photo 14 shows swimwear only."""
    assert result["supported"]["photos_with_a_hit"] == pytest.approx(14 / 15)
    assert result["all"]["photos_with_a_hit"] == pytest.approx(14 / 16)


def test_false_alarms_are_counted_in_the_photos_without_boxes(result):
    for metrics in (result["all"], result["supported"]):
        assert metrics["false_alarms"] == {"photos": 2, "false_alarms": 1, "per_photo": 0.5}


def test_groups_of_few_boxes_do_not_count_in_the_mean(result):
    names = result["all"]["shop"]["per_name"]
    assert names["Tops"]["boxes"] == 2 and names["Dresses"]["boxes"] == 13
    assert result["groups"] == {
        "AP50": pytest.approx(names["Dresses"]["AP50"]),
        "names": ["Dresses"],
        "min_boxes": 10,
    }
    assert average_groups({"Tops": names["Tops"]})["AP50"] is None


def test_the_gain_is_paired(result):
    gain = result["supported"]["gain"]
    assert gain["AP50"] == pytest.approx(result["supported"]["agnostic"]["AP50"])
    assert gain["gain"] == pytest.approx(gain["AP50"] - gain["baseline_AP50"])
    assert 0 < gain["interval"][0] < gain["gain"] < gain["interval"][1]


def test_a_split_is_evaluated_as_by_the_command_line(photos):
    detector = FakeDetector(missed=[3])
    result = make_evaluator(detector).evaluate_split(photos)
    metrics = evaluate(detector, photos, bootstrap=200, taxonomy=read_taxonomy(), progress=False)
    for name in ("AP", "AP50", "agnostic", "per_class", "intervals", "shop"):
        assert result[name] == metrics[name], name
    assert result["gain"] is None and result["left_out"] == 0


@pytest.mark.parametrize("with_shop_photos", [False, True])
def test_the_file_tells_what_was_measured_and_no_path(
    folder, photos, tmp_path, monkeypatch, with_shop_photos
):
    for directory in ("model", "baseline"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "network.tflite").write_bytes(b"weights")
    detectors = {"model": FakeDetector(), "baseline": FakeDetector(missed=[0])}
    monkeypatch.setattr(evaluate_shop_detector, "open_dataset", lambda name, root: photos)
    monkeypatch.setattr(
        evaluate_shop_detector, "measure_cost", lambda model, files: {"files": len(files)}
    )
    monkeypatch.setattr(
        evaluate_shop_detector.shopee_od, "load", lambda folder: detectors[folder.name]
    )
    monkeypatch.setattr("tools.provenance.read_info", lambda folder: FakeDetector())
    out = tmp_path / "out.json"
    arguments = ["--data", str(folder), "--out", str(out), "--bootstrap", "20"]
    for name in detectors:
        arguments += [f"--{name}", str(tmp_path / name)]
    main(arguments + ["--shopee", str(folder)] * with_shop_photos)
    text = out.read_text()
    content = json.loads(text)
    assert str(tmp_path) not in text and str(folder) not in text
    option = " --shopee SHOPEE" * with_shop_photos
    assert content["command"] == (
        f"python -m tools.evaluate_shop_detector --data DATA --baseline BASELINE{option}"
    )
    tests = ["ccp", "clothing", *["shopee"] * with_shop_photos]
    assert list(content["data"]) == tests and set(tests) <= content.keys()
    assert content["data"]["ccp"]["photos"] == 4 and content["cost"]["files"] == 4
    assert len(content["model"]["files"]["network.tflite"]["sha256"]) == 64
    assert content["git"].keys() == {"commit", "dirty"}
