"""The command line, run as a person would: what it prints, writes, refuses, and with which status."""

import csv
import json
import subprocess
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from shopee_od import cli
from shopee_od.cli import app
from shopee_od.types import InputError

FIGURES = {"AP", "AP50", "AP75", "AR100", "agnostic", "per_type", "per_class", "photos", "photos_with_a_hit"}


def run(*arguments) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments) -> str:
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
        "print([m for m in ('tensorflow', 'pandas', 'PIL', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_bad_input_is_one_sentence_and_status_2(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["shopee-od", "data", "check", "--dataset", "ccp", "--data-dir", "/nowhere"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("shopee-od: /nowhere: no ccp data set here") and said.count("\n") == 1


def test_data_list_show_check_and_convert(cuts, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path))
    (tmp_path / "coco").symlink_to(cuts)
    listed = run("data", "list")
    assert f"at {tmp_path / 'coco'}" in listed and f"not at {tmp_path / 'ccp'}" in listed
    checked = run("data", "check", "--dataset", "coco")
    assert "8 photos (5 train, 3 val)" in checked and "jacket (upper)" in checked
    assert "1 × box sticks out of its photo: clipped" in checked
    assert (
        "before training with profile laptop, of the 5 photos to learn from:" in checked and "LOOK  classes" in checked
    )
    assert run("data", "check", "--dataset", "coco", "--decode") == checked  # and no photo is broken
    more = run("data", "check", "--dataset", "coco", "--duplicates", "--set", "anchor_size=40",
               "--set", "anchor_ratios=4", "--pictures", tmp_path / "far.png")  # fmt: skip
    assert "pictures are there more than once" in more and "boxes without an anchor drawn into" in more
    assert Image.open(tmp_path / "far.png").width > 200
    run("data", "show", "--dataset", "coco", "--photos", 3, "--out", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 300
    assert "name a .jpg or .png file" in refused("data", "show", "--dataset", "coco", "--out", tmp_path / "sheet")
    converted = run("data", "convert", "--dataset", "coco", "--out", tmp_path / "records", "--shard-photos", 2)
    assert converted.startswith("5 photos in") and len(list((tmp_path / "records" / "train").glob("*.tfrecord"))) == 3


def test_evaluate_writes_what_it_promises(model, cuts, tmp_path):
    said = run("evaluate", "--model", model, "--dataset", "coco", "--data-dir", cuts, "--split", "val",
               "--json", tmp_path / "m.json", "--bootstrap", 50)  # fmt: skip
    figures = json.loads((tmp_path / "m.json").read_text())
    assert set(figures) >= FIGURES | {"seconds_per_photo", "intervals", "trained"}
    assert set(figures["agnostic"]) >= {"AP", "AP50"} and set(figures["per_type"]) == {"upper", "lower", "full"}
    assert figures["photos"] == 3 and figures["seconds_per_photo"] > 0
    assert figures["trained"]["photos"] == 5 and "trained on coco (5 photos" in said


def test_detect_goes_on_after_a_bad_photo_and_says_so(model, cuts, tmp_path):
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
        assert {row["file"] for row in csv.DictReader(file)} == {str(p) for p in (cuts / "images").iterdir()}


def test_wrong_options_are_refused(model, cuts, tmp_path):
    coco = ("--dataset", "coco", "--data-dir", cuts)
    assert "--run" in refused("train", *coco)
    assert "not known" in refused("train", *coco, "--run", tmp_path, "--profile", "huge")
    assert "not a size" in refused("train", *coco, "--run", tmp_path, "--set", "hue=red")
    assert "is a number" in refused("train", *coco, "--run", tmp_path, "--set", "steps=many")
    assert "numbers with commas" in refused("train", *coco, "--run", tmp_path, "--set", "anchor_ratios=wide")
    assert "name a .jpg or .png" in refused("data", "check", *coco, "--pictures", tmp_path / "sheet")
    assert "level 'shelf'" in refused("evaluate", "--model", model, *coco, "--shop", "shelf")
    assert "multiple of 32" in refused("train", *coco, "--run", tmp_path, "--set", "input_size=100")
    assert "no photos in split 'test'" in refused("evaluate", "--model", model, *coco)
    assert "detector.json" in refused("detect", cuts, "--model", tmp_path)
    assert "scale" in refused("train", *coco, "--run", tmp_path, "--set", "scale=1")
    assert "this is a file" in refused("train", *coco, "--run", cuts / "annotations.json")
    assert "this is a folder" in refused("evaluate", "--model", model, *coco, "--json", tmp_path)
    for command in (("train", *coco), ("data", "make", "shopsim")):
        refusal = CliRunner().invoke(app, [*map(str, command), "--seed", "-1"])
        assert refusal.exit_code == 2 and "greater than or equal to 0" in " ".join(refusal.output.split())
    assert "no data set 'cpp'" in refused("data", "check", "--dataset", "cpp")


def test_the_taxonomy_is_shown_and_a_wrong_one_refused(tmp_path):
    assert "ccp: top" in run("data", "taxonomy") and "Swimwear" in run("data", "taxonomy")
    (tmp_path / "mine.yaml").write_text("shop: {upper: {Tops: []}}")
    assert "list its categories" in refused("data", "taxonomy", "--taxonomy", tmp_path / "mine.yaml")


def test_another_data_sets_classes_are_judged_by_the_shops_groups(model, cuts, tmp_path):
    """The detector's data set and this one are both `coco`, with other classes; a taxonomy knows them all."""
    theirs = json.loads((cuts / "annotations.json").read_text())
    names = [category["name"] for category in theirs["categories"]]
    for category in theirs["categories"]:
        category["name"] = f"new {category['name']}"
    other = tmp_path / "other"
    other.mkdir()
    (other / "images").symlink_to(cuts / "images")
    (other / "annotations.json").write_text(json.dumps(theirs))
    places = "".join(f"    {name}: Things\n    new {name}: Things\n" for name in names)
    (tmp_path / "mine.yaml").write_text(f"shop: {{upper: {{All: [Things]}}}}\nclasses:\n  coco:\n{places}")
    said = run("evaluate", "--model", model, "--dataset", "coco", "--data-dir", other, "--split", "val",
               "--bootstrap", 0, "--taxonomy", tmp_path / "mine.yaml", "--json", tmp_path / "m.json")  # fmt: skip
    assert "shop's group" in said and "All" in said
    assert json.loads((tmp_path / "m.json").read_text())["shop"]["per_name"]["All"]["boxes"] > 0
    said = run("evaluate", "--model", model, "--dataset", "coco", "--data-dir", other, "--split", "val",
               "--bootstrap", 0, "--json", tmp_path / "without.json")  # fmt: skip
    assert "any garment" in said
    assert json.loads((tmp_path / "without.json").read_text())["shop"] is None


def test_dry_run_says_what_it_would_take():
    said = run(
        "train", "--dataset", "deepfashion", "--profile", "deepfashion", "--dry-run", "--images-per-second", "100"
    )
    assert '"model_id": 50' in said and "gs://" not in said
    assert "parameters: 43." in said and "memory, estimated:" in said
    assert "0.67 hours an epoch" in said  # 239,557 photos / 100 a second


def test_a_users_ten_photos_are_trained_on_and_then_detected_with(cuts, tmp_path):
    """Ten labelled photos without splits, as a labelling tool exports them; smoke sizes: nothing is learnt."""
    mine = tmp_path / "mine"
    (mine / "images").mkdir(parents=True)
    theirs = json.loads((cuts / "annotations.json").read_text())
    images, annotations = [], []
    for n in range(10):
        photo = theirs["images"][n % 8]
        (mine / "images" / f"photo {n}.jpg").write_bytes((cuts / "images" / photo["file_name"]).read_bytes())
        images.append({"id": n, "file_name": f"photo {n}.jpg"})
        annotations += [a | {"id": len(annotations), "image_id": n} for a in theirs["annotations"]
                        if a["image_id"] == photo["id"]]  # fmt: skip
    content = {"images": images, "annotations": annotations, "categories": theirs["categories"]}
    (mine / "annotations.json").write_text(json.dumps(content))
    run_dir, coco = tmp_path / "run", ("--dataset", "coco", "--data-dir", mine)

    said = run("train", *coco, "--profile", "smoke", "--run", run_dir)
    assert "operating threshold" in said
    run("evaluate", "--model", run_dir / "detector", *coco, "--json", tmp_path / "m.json", "--bootstrap", 10)
    assert json.loads((tmp_path / "m.json").read_text())["photos"] == 2  # of ten photos, two are the test split
    run("detect", mine / "images", "--model", run_dir / "detector", "--out", tmp_path / "tagged", "--threshold", 0)
    with (tmp_path / "tagged" / "tags.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["file"] for row in rows} == {str(p) for p in (mine / "images").iterdir()}
    assert {row["category"] for row in rows} <= {"cap", "jacket", "no garment"}
    assert len(list((tmp_path / "tagged").glob("*.jpg"))) == 10
