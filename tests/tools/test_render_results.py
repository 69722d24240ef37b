"""README.md, the model card and the pictures have the figures of results/, and no others."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shopee_od.errors import InputError
from shopee_od.io import hash_file, read_json
from shopee_od.models import SHIPPED
from tools.model_card import CARD
from tools.pictures import render_accuracy
from tools.render_results import (
    BLOCK,
    describe_source,
    main,
    read_results,
    render_blocks,
    render_documents,
    replace_blocks,
)

ROOT = Path(__file__).resolve().parents[2]
RESULTS = sorted((ROOT / "results").glob("*.json"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`]*`", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(
    r"(?<![\d.])[01]\.\d\d+(?![\d.])|\d ?s/image|(?!95 ?%)\b\d[\d.]* ?%"
    r"|\d (minutes?|min|hours?|seconds?|s|ms)\b|\b(an?|half an?|of an) (minute|hour|second)\b"
)
"""A score of two digits or more, a share, a time; 95% is that of the intervals."""
PROSE = ("README.md", "reports/README.md", "tools/known_failures.md")


@pytest.fixture(scope="module")
def blocks():
    return render_blocks(read_results(ROOT / "results"))


@pytest.fixture
def checkout(tmp_path):
    """A copy of README.md, results/, docs/ and the shipped detector's card."""
    for name in ("results", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("api"))
    shutil.copy(ROOT / "README.md", tmp_path)
    for name in ("detector.json", CARD):
        shutil.copy(SHIPPED / name, tmp_path)
    return tmp_path


def test_readme_and_card_are_those_of_the_results():
    documents = render_documents(ROOT, SHIPPED)
    for file in (ROOT / "README.md", SHIPPED / CARD):
        assert file.read_text(encoding="utf-8") == documents[file].decode(), "run: make results"


def test_a_changed_digit_of_readme_is_noticed(blocks):
    assert replace_blocks(README, blocks) == README
    positions = [
        block.start() + match.start()
        for block in BLOCK.finditer(README)
        for match in re.finditer(r"\d", block[0])
    ]
    assert len(positions) > 300
    for i in positions:
        digit = str((int(README[i]) + 1) % 10)
        changed = f"{README[:i]}{digit}{README[i + 1 :]}"
        assert replace_blocks(changed, blocks) != changed


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("<!-- results: report -->", ""),
        lambda text: text.replace("<!-- results: report -->", "<!-- results: reports -->"),
        lambda text: text + "\n<!-- results: report -->\n<!-- end -->\n",
    ],
)
def test_readme_needs_each_block_once(blocks, change):
    with pytest.raises(InputError, match=r"README\.md: needs the blocks files, report, "):
        replace_blocks(change(README), blocks)


def test_the_command_writes_the_documents(checkout):
    readme = checkout / "README.md"
    readme.write_text(README.replace("0.", "1."), encoding="utf-8")
    (checkout / CARD).unlink()
    (checkout / "docs" / "results.png").unlink()
    main(["--root", str(checkout), "--model", str(checkout)])
    rendered = readme.read_text(encoding="utf-8")
    assert [m[0] for m in BLOCK.finditer(rendered)] == [m[0] for m in BLOCK.finditer(README)]
    assert (checkout / CARD).read_bytes() == (SHIPPED / CARD).read_bytes()
    assert Image.open(checkout / "docs" / "results.png").width > 500


def test_results_must_be_known_and_complete(checkout):
    folder = checkout / "results"
    (folder / "mine.json").write_text("{}")
    with pytest.raises(InputError, match=r"mine\.json: describe it in FILES"):
        read_results(folder)
    (folder / "mine.json").unlink()
    (folder / "shop_detector.json").unlink()
    with pytest.raises(InputError, match=r"shop_detector\.json: there is no such file"):
        read_results(folder)


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.stem)
def test_results_tell_what_they_were_measured_with(file):
    results = read_json(file)
    assert results["command"].split()[0] in ("python", "shopee-od")
    assert re.fullmatch("[0-9a-f]{40}", results["git"]["commit"])
    assert results["versions"]["python"] and results["versions"]["numpy"]
    assert results["machine"]["cpu"] and results["machine"]["cores"] >= 1
    assert re.search(r'"(fingerprint|data)": "[0-9a-f]{64}"', json.dumps(results))
    assert re.search(r'"(measured|updated)": "\d{4}-', json.dumps(results))
    assert not re.search(r'"/\w', json.dumps(results)), "a path of a machine"


def test_readme_names_every_results_file_and_no_other():
    named = set(re.findall(r"results/(\w+\.json)", README))
    assert named == {file.name for file in RESULTS}


@pytest.mark.parametrize("name", PROSE)
def test_no_measured_figure_is_outside_of_the_blocks(name):
    text = BLOCK.sub("", (ROOT / name).read_text(encoding="utf-8"))
    figures = [match[0] for match in FIGURE.finditer(CODE.sub("", text))]
    assert not figures, "render them from a file under results/, or delete them"


@pytest.mark.parametrize(
    "text",
    ["AP50 of 0.47", "0.07 s/image", "7 % of it", "11 min", "2 to 3 minutes", "half an hour"],
)
def test_a_figure_is_recognized(text):
    assert FIGURE.search(text)


@pytest.mark.parametrize(
    "text", ["95% intervals", "version 0.1.0", "IoU 0.5", "Python 3.11", "5 GB of disk"]
)
def test_what_is_not_measured_is_no_figure(text):
    assert not FIGURE.search(text)


@pytest.fixture
def shop_results():
    """Those of the shipped detector, and of photos of a shop that share no class with it."""
    results = read_json(ROOT / "results" / "shop_detector.json")
    shop = json.loads(json.dumps(results["clothing"])) | {"AP": None, "AP50": None}
    shop["intervals"] |= {"AP": None, "AP50": None}
    groups = {"AP50": 0.5, "min_boxes": 10, "names": list(shop["shop"]["per_name"])}
    results["shopee"] = {"all": shop, "supported": shop, "groups": groups}
    return results


def test_the_picture_of_the_results_is_current():
    with Image.open(ROOT / "docs" / "results.png") as picture:
        source = describe_source(ROOT / "results" / "shop_detector.json")
        assert picture.text == {"Source": source}, "run: make results"


def test_the_picture_is_deterministic_and_has_a_panel_for_each_data_set(shop_results):
    three = render_accuracy(shop_results, "note")
    assert render_accuracy(shop_results, "note") == three
    del shop_results["shopee"]
    two = render_accuracy(shop_results, "note")
    widths = [Image.open(io.BytesIO(picture)).width for picture in (two, three)]
    assert widths[1] - widths[0] == pytest.approx(440, abs=2)
    shop_results["ccp"]["per_class"]["coat"]["AP50"] = 0.9
    changed = np.asarray(Image.open(io.BytesIO(render_accuracy(shop_results, "note"))))
    assert (changed != np.asarray(Image.open(io.BytesIO(two)))).any()


def test_photos_of_a_shop_and_a_baseline_are_shown_where_they_were_evaluated(shop_results):
    summary = render_blocks(
        read_results(ROOT / "results") | {"shop_detector": shop_results},
    )["shop_detector"]
    assert "Shopee photos, all garments | 790, 728 | – | – | 0.999" in summary


def test_the_picture_of_tagged_images_is_the_one_that_was_recorded():
    results = read_json(ROOT / "results" / "shopsim_laptop.json")
    picture = results.get("evaluation", {}).get("picture")
    if picture is None:
        pytest.skip("results/shopsim_laptop.json is older than the record of the picture")
    assert hash_file(ROOT / "docs" / picture["name"]) == picture["sha256"]
