"""The command line as a user runs it: what it prints, writes and refuses, and its exit status."""

import csv
import json
import subprocess
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from shopee_od import cli
from shopee_od.cli import app
from shopee_od.datasets.download import DownloadResult
from shopee_od.errors import InputError

METRIC_KEYS = {
    "AP",
    "AP50",
    "AP75",
    "AR100",
    "agnostic",
    "per_type",
    "per_class",
    "photos",
    "photos_with_a_hit",
}


def run(*arguments) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refuse(*arguments) -> str:
    """The sentence with which the command refuses its arguments."""
    with pytest.raises(InputError) as error:
        CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(scope="module")
def model(smoke_run, tmp_path_factory):
    directory = tmp_path_factory.mktemp("model") / "detector"
    smoke_run.detector.save(directory)
    return directory


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from typer.testing import CliRunner; from shopee_od.cli import app;"
        "assert CliRunner().invoke(app, ['train', '--help']).exit_code == 0;"
        "heavy = ('tensorflow', 'pandas', 'PIL', 'matplotlib', 'scipy');"
        "print([m for m in heavy if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_data_list_imports_no_tensorflow():
    code = (
        "import sys; from typer.testing import CliRunner; from shopee_od.cli import app;"
        "assert CliRunner().invoke(app, ['data', 'list']).exit_code == 0;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "shopee_od.cli", "train", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--detector" in result.stdout


def test_bad_input_is_one_sentence_and_status_2(capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["shopee-od", "data", "check", "--dataset", "ccp", "--data-dir", "/nowhere"]
    )
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("shopee-od: /nowhere: no ccp data set here")
    assert message.count("\n") == 1


def test_data_download_names_the_photos_it_leaves_out(tmp_path, monkeypatch):
    result = DownloadResult(4838, ("images/a.jpg: its shape is 4×3, not 3×4", "images/b.jpg: …"))
    monkeypatch.setattr("shopee_od.datasets.download.download", lambda *_: result)
    output = run("data", "download", "clothing", "--data-dir", tmp_path)
    assert "2 photos left out:\nimages/a.jpg: its shape" in output
    assert f"4,838 files downloaded into {tmp_path}" in output


@pytest.mark.slow
def test_data_list_show_check_and_convert(cuts, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path))
    (tmp_path / "coco").symlink_to(cuts)
    listed = run("data", "list")
    assert f"at {tmp_path / 'coco'}" in listed and f"not at {tmp_path / 'ccp'}" in listed
    checked = run("data", "check", "--dataset", "coco")
    assert "8 photos (5 train, 3 val)" in checked and "jacket (upper)" in checked
    assert "1 × box sticks out of its photo: clipped" in checked
    assert "data-set check of the 5 training photos, profile laptop:" in checked
    assert "WARN  classes" in checked
    assert (
        run("data", "check", "--dataset", "coco", "--decode") == checked
    )  # and no photo is broken
    more = run("data", "check", "--dataset", "coco", "--duplicates", "--set", "anchor_size=40",
               "--set", "anchor_ratios=4", "--pictures", tmp_path / "far.png")  # fmt: skip
    assert (
        "pictures are there more than once" in more and "boxes without an anchor drawn into" in more
    )
    assert Image.open(tmp_path / "far.png").width > 200
    run("data", "show", "--dataset", "coco", "--photos", 3, "--out", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 300
    assert "name a .jpg or .png file" in refuse(
        "data", "show", "--dataset", "coco", "--out", tmp_path / "sheet"
    )
    converted = run(
        "data", "convert", "--dataset", "coco", "--out", tmp_path / "records", "--shard-photos", 2
    )
    assert (
        converted.startswith("5 photos in")
        and len(list((tmp_path / "records" / "train").glob("*.tfrecord"))) == 3
    )


@pytest.mark.slow
def test_evaluate_writes_the_documented_keys(model, cuts, tmp_path):
    source = ("--dataset", "coco", "--data-dir", cuts, "--split", "val")
    target = ("--json", tmp_path / "m.json", "--bootstrap", 50)
    output = run("evaluate", "--model", model, *source, *target)
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert set(metrics) >= METRIC_KEYS | {"seconds_per_photo", "intervals", "trained"}
    assert set(metrics["agnostic"]) >= {"AP", "AP50"}
    assert set(metrics["per_type"]) == {"upper", "lower", "full"}
    assert metrics["photos"] == 3 and metrics["seconds_per_photo"] > 0
    assert metrics["trained"]["photos"] == 5 and "trained on coco (5 photos" in output


@pytest.mark.slow
def test_detect_continues_after_a_bad_photo_and_names_it(model, cuts, tmp_path):
    (tmp_path / "bad.jpg").touch()
    result = CliRunner().invoke(
        app,
        [
            "detect",
            str(cuts / "images"),
            str(tmp_path / "bad.jpg"),
            "--model",
            str(model),
            "--out",
            str(tmp_path / "o"),
        ],
    )
    assert result.exit_code == 1
    assert "1 photos could not be read" in result.output and "bad.jpg" in result.output
    with (tmp_path / "o" / "tags.csv").open() as file:
        assert {row["file"] for row in csv.DictReader(file)} == {
            str(p) for p in (cuts / "images").iterdir()
        }


@pytest.mark.slow
def test_wrong_options_are_refuse(model, cuts, tmp_path):
    coco = ("--dataset", "coco", "--data-dir", cuts)
    assert "--run" in refuse("train", *coco)
    assert "not known" in refuse("train", *coco, "--run", tmp_path, "--profile", "huge")
    assert "no setting 'hue'" in refuse("train", *coco, "--run", tmp_path, "--set", "hue=red")
    assert "is a number" in refuse("train", *coco, "--run", tmp_path, "--set", "steps=many")
    assert "values with commas" in refuse(
        "train", *coco, "--run", tmp_path, "--set", "anchor_ratios=wide"
    )
    assert "name a .jpg or .png" in refuse("data", "check", *coco, "--pictures", tmp_path / "sheet")
    assert "level 'shelf'" in refuse(
        "evaluate", "--model", model, *coco, "--taxonomy-level", "shelf"
    )
    assert "multiple of 32" in refuse("train", *coco, "--run", tmp_path, "--set", "input_size=100")
    assert "no photos in split 'test'" in refuse("evaluate", "--model", model, *coco)
    assert "detector.json" in refuse("detect", cuts, "--model", tmp_path)
    assert "scale" in refuse("train", *coco, "--run", tmp_path, "--set", "scale=1")
    assert "this is a file" in refuse("train", *coco, "--run", cuts / "annotations.json")
    assert "this is a folder" in refuse("evaluate", "--model", model, *coco, "--json", tmp_path)
    for command in (("train", *coco), ("data", "make", "shopsim")):
        result = CliRunner().invoke(app, [*map(str, command), "--seed", "-1"])
        assert result.exit_code == 2
        assert "greater than or equal to 0" in " ".join(result.output.split())
    assert "no data set 'cpp'" in refuse("data", "check", "--dataset", "cpp")


def test_the_taxonomy_is_shown_and_a_wrong_one_refused(tmp_path):
    assert "ccp: top" in run("data", "taxonomy") and "Swimwear" in run("data", "taxonomy")
    (tmp_path / "mine.yaml").write_text("shop: {upper: {Tops: []}}")
    assert "list its categories" in refuse("data", "taxonomy", "--taxonomy", tmp_path / "mine.yaml")


@pytest.mark.slow
def test_another_data_sets_classes_are_evaluated_by_the_taxonomys_groups(model, cuts, tmp_path):
    """The detector's data set and this one are both `coco`; a taxonomy has the classes of both."""
    labels = json.loads((cuts / "annotations.json").read_text())
    names = [category["name"] for category in labels["categories"]]
    for category in labels["categories"]:
        category["name"] = f"new {category['name']}"
    other = tmp_path / "other"
    other.mkdir()
    (other / "images").symlink_to(cuts / "images")
    (other / "annotations.json").write_text(json.dumps(labels))
    places = "".join(f"    {name}: Things\n    new {name}: Things\n" for name in names)
    (tmp_path / "mine.yaml").write_text(
        f"shop: {{upper: {{All: [Things]}}}}\nclasses:\n  coco:\n{places}"
    )
    command = ("evaluate", "--model", model, "--dataset", "coco", "--data-dir", other)
    command += ("--split", "val", "--bootstrap", 0)
    taxonomy = ("--taxonomy", tmp_path / "mine.yaml")
    output = run(*command, *taxonomy, "--json", tmp_path / "m.json")
    assert "taxonomy group" in output and "All" in output
    assert json.loads((tmp_path / "m.json").read_text())["shop"]["per_name"]["All"]["boxes"] > 0
    output = run(*command, "--json", tmp_path / "without.json")
    assert "class-agnostic" in output
    assert json.loads((tmp_path / "without.json").read_text())["shop"] is None


@pytest.mark.slow
def test_dry_run_prints_configuration_memory_and_hours():
    output = run(
        "train",
        "--dataset",
        "deepfashion",
        "--profile",
        "deepfashion",
        "--dry-run",
        "--images-per-second",
        "100",
    )
    assert '"model_id": 50' in output and "gs://" not in output
    assert "parameters: 43." in output and "memory, estimated:" in output
    assert "0.67 hours" in output  # per epoch: 239,557 photos at 100 images/s


@pytest.mark.slow
def test_a_users_ten_photos_are_trained_on_and_then_detected_with(cuts, tmp_path):
    """Ten labeled photos without splits, as a labeling tool exports them, at smoke sizes."""
    mine = tmp_path / "mine"
    (mine / "images").mkdir(parents=True)
    labels = json.loads((cuts / "annotations.json").read_text())
    images, annotations = [], []
    for n in range(10):
        photo = labels["images"][n % 8]
        (mine / "images" / f"photo {n}.jpg").write_bytes(
            (cuts / "images" / photo["file_name"]).read_bytes()
        )
        images.append({"id": n, "file_name": f"photo {n}.jpg"})
        annotations += [a | {"id": len(annotations), "image_id": n} for a in labels["annotations"]
                        if a["image_id"] == photo["id"]]  # fmt: skip
    content = {"images": images, "annotations": annotations, "categories": labels["categories"]}
    (mine / "annotations.json").write_text(json.dumps(content))
    run_dir, coco = tmp_path / "run", ("--dataset", "coco", "--data-dir", mine)

    output = run("train", *coco, "--profile", "smoke", "--run", run_dir)
    assert "operating threshold" in output
    run(
        "evaluate",
        "--model",
        run_dir / "detector",
        *coco,
        "--json",
        tmp_path / "m.json",
        "--bootstrap",
        10,
    )
    assert (
        json.loads((tmp_path / "m.json").read_text())["photos"] == 2
    )  # of ten photos, two are the test split
    run(
        "detect",
        mine / "images",
        "--model",
        run_dir / "detector",
        "--out",
        tmp_path / "tagged",
        "--threshold",
        0,
    )
    with (tmp_path / "tagged" / "tags.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {str(p) for p in (mine / "images").iterdir()}
    assert {row["category"] for row in rows} <= {"cap", "jacket", "no garment"}
    assert len(list((tmp_path / "tagged").glob("*.jpg"))) == 10
