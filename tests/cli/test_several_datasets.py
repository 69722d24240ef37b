"""Commands on several data sets: `train`, `evaluate`, `data check` and `data show`."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import shopee_od
from shopee_od import detectors
from shopee_od.cli import app
from shopee_od.cli.options import build_profile
from shopee_od.errors import InputError
from shopee_od.structures import Cost, Detections

TAXONOMY = """
shop:
  upper: {Tops: [top, shirt], Outerwear: [jacket]}
  full: {Dresses: [dress]}
gaps:
  Headwear: [cap]
classes:
  coco: {cap: cap, jacket: jacket, blouse: [top, shirt]}
"""
JOINT = "coco+voc"
XML = """<annotation><object><name>blouse</name><bndbox><xmin>9</xmin><ymin>9</ymin>
<xmax>40</xmax><ymax>30</ymax></bndbox></object></annotation>"""


@pytest.fixture
def sources(cuts, tmp_path, monkeypatch):
    """The options that name eight photos in COCO's format, four in Pascal VOC's, and a taxonomy."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    voc = tmp_path / "voc"
    for folder in ("Annotations", "JPEGImages"):
        (voc / folder).mkdir(parents=True)
    for name in "abcd":
        (voc / "Annotations" / f"{name}.xml").write_text(XML)
        Image.new("RGB", (60, 40)).save(voc / "JPEGImages" / f"{name}.jpg")
    (tmp_path / "mine.yaml").write_text(TAXONOMY)
    options = ["--dataset", "coco", "--dataset", "voc", "--data-dir", str(cuts)]
    return [*options, "--data-dir", str(voc), "--taxonomy", str(tmp_path / "mine.yaml")]


def run(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


class RecordingDetector:
    """Records what `fit` is called with."""

    name = "fake"
    threshold = 0.5

    def fit(self, train, val, run_dir, seed=0):
        self.train = train
        self.val = val

    def save(self, directory):
        pass


@pytest.fixture
def trained(monkeypatch):
    """The detector that `train` creates, and as `config` what it is created with."""
    model = RecordingDetector()

    def create(kind, config):
        model.config = config
        return model

    monkeypatch.setattr(detectors, "create", create)
    return model


def test_several_data_sets_are_trained_on_as_one(sources, trained, tmp_path):
    output = run("train", *sources, "--run", tmp_path / "run")
    assert "data-set check of the 7 training photos" in output
    # Caps are below gaps, and a class since one of the data sets has them.
    assert trained.train.name == JOINT
    assert trained.train.classes == ("top", "shirt", "jacket", "cap")
    assert trained.train.images.dataset.tolist() == [*5 * ["coco"], *2 * ["voc"]]
    assert len(trained.val) == 4
    blouses = trained.train.boxes[trained.train.boxes.image_id > 7]
    assert {trained.train.label_names[label] for label in blouses.label} == {"top or shirt"}
    assert trained.train.counted_mask.all() and (trained.train.boxes.label == 3).any()


def test_a_single_data_set_keeps_its_classes_unless_categories_are_asked_for(
    sources, trained, tmp_path
):
    one = ["train", *sources[:2], *sources[4:6], "--run", tmp_path / "run"]
    run(*one)
    assert trained.train.name == "coco" and trained.train.classes == ("cap", "jacket")
    run(*one, *sources[8:], "--categories")
    assert trained.train.name == "coco+categories"
    assert trained.train.classes == ("jacket", "cap")


def test_a_data_set_without_training_photos_is_named(sources, trained, tmp_path):
    """Joined, the other one's photos would be trained on alone."""
    lists = tmp_path / "voc" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("a\nb\nc\nd\n")
    with pytest.raises(InputError, match=r"voc at .* no photos in split 'train'; it has \['val'\]"):
        run("train", *sources, "--run", tmp_path / "run")
    assert not hasattr(trained, "train")


def test_duplicates_of_a_joint_set_are_found_in_a_relative_data_folder(
    sources, tmp_path, monkeypatch
):
    """The photos of voc are of one color: they are duplicates."""
    (tmp_path / "coco").symlink_to(sources[5])
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("SHOPEE_OD_DATA", tmp_path.name)
    output = run("data", "check", *sources[:4], *sources[8:], "--duplicates")
    assert "cannot be read" not in output
    assert "4 photos" in output.partition("duplicates:")[2]


def test_profiles_have_no_overrides_for_several_data_sets():
    assert build_profile("laptop", ["shopsim"], None).input_size == 256
    assert build_profile("laptop", ["shopsim", "ccp"], None).input_size == 352


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "coco", "--dataset", "coco"), "--dataset coco is given twice"),
        (
            ("--dataset", "coco", "--dataset", "voc", "--data-dir", "x"),
            "--data-dir is given 1 times for 2 data sets; name one folder for each",
        ),
        (("--dataset", "coco", "--dataset", "voc", "--dry-run"), "one data set only"),
        (("--dataset", "coco", "--categories", "--dry-run"), "one data set only"),
        (("--dataset", "coco", "--dataset", "voc", "--taxonomy", "none.yaml"), "none.yaml: not"),
    ],
)
def test_wrong_combinations_are_refused_before_reading(tmp_path, arguments, message):
    command = ["train", *arguments, "--run", str(tmp_path / "run")]
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(app, command, catch_exceptions=False)


class WholeImageDetector:
    """Detects a shirt that fills the image; trained on both data sets."""

    classes = ("top", "shirt", "jacket")
    types = ("upper", "upper", "upper")
    threshold = 0.5
    name = "whole"
    metadata = {"dataset": JOINT, "photos": 7}  # noqa: RUF012
    num_parameters = 0
    cost = Cost()

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            height, width = image.shape[:2]
            yield Detections([[0, 0, width, height]], [0.9], [1])


@pytest.fixture
def loaded(monkeypatch):
    monkeypatch.setattr(shopee_od, "load", lambda _: WholeImageDetector())


def test_sources_are_evaluated_apart_and_together(sources, loaded, tmp_path):
    command = ["evaluate", "--model", "m", *sources, "--split", "val", "--bootstrap", 5]
    output = run(*command, "--json", tmp_path / "m.json")
    result = json.loads((tmp_path / "m.json").read_text())
    assert set(result) == {"sources", "together"} and set(result["sources"]) == {"coco", "voc"}
    for name in ("coco", "voc"):
        single = [
            *sources[8:],
            "--dataset",
            name,
            "--data-dir",
            sources[5 if name == "coco" else 7],
        ]
        run("evaluate", "--model", "m", *single, *command[-4:], "--json", tmp_path / "one.json")
        assert json.loads((tmp_path / "one.json").read_text()) == result["sources"][name]
    together = result["together"]
    assert together.keys() == result["sources"]["voc"].keys()
    assert together["dataset"] == JOINT and together["photos"] == 4
    assert together["agnostic"]["boxes"] == sum(
        source["agnostic"]["boxes"] for source in result["sources"].values()
    )
    assert output.count("whole: trained on coco+voc (7 photos)") == 1
    for name in ("coco", "voc", JOINT):
        assert f"on {name}, val split:" in output


def test_check_and_show_join_them_too(sources, tmp_path):
    checked = run("data", "check", *sources)
    assert f"{JOINT} at" in checked and "8 of coco, 4 of voc" in checked
    assert "top or shirt" in checked
    run("data", "show", *sources, "--photos", 12, "--out", tmp_path / "sheet.png")
    assert np.asarray(Image.open(tmp_path / "sheet.png")).size
    single = run("data", "check", *sources[:2], *sources[4:6], *sources[8:], "--categories")
    assert "coco+categories at" in single and "jacket (upper)" in single
