import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.datasets import open_dataset
from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE
from shopee_od.datasets.photos import read_photo
from shopee_od.errors import InputError
from shopee_od.io import read_json
from shopee_od.shopsim import MANIFEST, dataset, make_shopsim
from shopee_od.shopsim.dataset import generate_items, mask_to_box, render_item

PHOTOS, SEED = 40, 5


@pytest.fixture(scope="module")
def shopsim(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "shopsim"
    assert make_shopsim(root, PHOTOS, SEED)
    return root


def list_files(root):
    return sorted((f.relative_to(root), f.stat().st_mtime_ns) for f in root.rglob("*"))


def test_the_deepfashion_reader_reads_it_without_a_problem(shopsim, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    opened = open_dataset("shopsim", shopsim)
    assert opened.name == "shopsim" and opened.classes == CLASSES
    assert len(opened) == len(opened.boxes) == PHOTOS
    assert "no problems" in str(opened.problems)
    assert opened.images[["width", "height"]].max(axis=None) == 300
    assert set(opened.images.source) == {"shop", "consumer"}
    assert set(opened.boxes.type) == {"upper", "lower", "full"}


def test_the_files_have_deepfashions_format(shopsim):
    count, names, *rows = (shopsim / BOX_FILE).read_text().splitlines()
    assert int(count) == len(rows) == PHOTOS
    assert names == "image_name clothes_type source_type x_1 y_1 x_2 y_2"
    first = rows[0].split()
    assert first[0] == "img/TOPS/Blouse/id_00000001/shop_01.jpg"
    assert first[1:3] == ["1", "1"] and "  " in rows[0]
    count, names, *pairs = (shopsim / SPLIT_FILE).read_text().splitlines()
    assert int(count) == len(pairs)
    assert names == "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    photos = {row.split()[0] for row in rows}
    for customer, sold, item, split in map(str.split, pairs):
        assert {customer, sold} <= photos
        assert f"/{item}/comsumer_" in customer and f"/{item}/shop_" in sold
        assert split in ("train", "val", "test")
    assert photos == {str(f.relative_to(shopsim / "Img")) for f in (shopsim / "Img").rglob("*.jpg")}


def test_an_items_photos_are_in_one_split_and_each_split_has_each_class():
    items = list(generate_items(200, SEED))
    assert sum(1 + item.consumers for item in items) == 200
    assert min(item.consumers for item in items) >= 1
    assert {(item.class_name, item.split) for item in items} == {
        (c, s) for c in CLASSES for s in ("train", "val", "test")
    }
    splits = [item.split for item in generate_items(5000, 0)]
    shares = np.array([splits.count(split) for split in ("train", "val", "test")])
    assert np.allclose(shares / shares.sum(), (0.7, 0.1, 0.2), atol=0.02)


@pytest.mark.parametrize("photos", [32, 33, 34, 35, 160])
def test_the_number_of_photos_is_exact(photos):
    items = list(generate_items(photos, SEED))
    assert sum(1 + item.consumers for item in items) == photos
    assert len({item.number for item in items}) == len(items)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(shopsim, tmp_path):
    again = tmp_path / "again"
    make_shopsim(again, PHOTOS, SEED)
    assert read_json(again / MANIFEST) == read_json(shopsim / MANIFEST)
    first = next(generate_items(PHOTOS, SEED))
    photos = [next(render_item(first, seed))[2] for seed in (SEED, SEED, SEED + 1)]
    assert np.array_equal(photos[0], photos[1])
    assert photos[0].shape != photos[2].shape or not np.array_equal(photos[0], photos[2])


def test_an_existing_data_set_is_not_rendered_again(shopsim, monkeypatch):
    before = list_files(shopsim)
    monkeypatch.setattr(dataset, "_render_dataset", lambda *_: pytest.fail("it renders"))
    assert not make_shopsim(shopsim, PHOTOS, SEED) and list_files(shopsim) == before


def test_other_files_and_another_shopsim_are_refused_and_not_changed(shopsim, tmp_path):
    before = list_files(shopsim)
    with pytest.raises(
        InputError, match=r"another ShopSim \(40 photos, seed 5.*not 40 photos, seed 6"
    ):
        make_shopsim(shopsim, PHOTOS, SEED + 1)
    assert list_files(shopsim) == before
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="files that are not ShopSim's"):
        make_shopsim(tmp_path, PHOTOS, SEED)
    with pytest.raises(InputError, match="at least 32"):
        make_shopsim(tmp_path / "new", 31, SEED)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_run_leaves_nothing_and_the_rest_of_a_killed_one_is_removed(
    shopsim, tmp_path, monkeypatch
):
    (tmp_path / ".shopsim.k1lled").mkdir()
    (tmp_path / ".shopsim.k1lled" / "half.jpg").write_bytes(b"\xff\xd8")

    def interrupted(root, *_):
        shutil.copytree(shopsim / "Anno", root / "Anno")
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset, "_render_dataset", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_shopsim(tmp_path / "shopsim", PHOTOS, SEED)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(
        dataset,
        "_render_dataset",
        lambda root, *_: shutil.copytree(shopsim, root, dirs_exist_ok=True),
    )
    assert make_shopsim(tmp_path / "shopsim", PHOTOS, SEED)
    assert [f.name for f in tmp_path.iterdir()] == ["shopsim"]


def test_the_box_is_exact():
    mask = np.zeros((6, 9), bool)
    mask[2:5, 3] = True
    mask[3, 3:8] = True
    assert mask_to_box(mask) == (3, 2, 8, 5)


def test_the_boxes_on_disk_are_inside_their_photos(shopsim):
    for row in (shopsim / BOX_FILE).read_text().splitlines()[2:]:
        name, _, _, *corners = row.split()
        x1, y1, x2, y2 = map(int, corners)
        height, width = read_photo(shopsim / "Img" / name).shape[:2]
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height and max(height, width) == 300


def test_the_command_makes_it_once_and_refuses_other_data_sets(shopsim):
    command = ["data", "make", "shopsim", "--data-dir", str(shopsim)]
    command += ["--photos", str(PHOTOS), "--seed", str(SEED)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and f"40 photos, seed 5, already in {shopsim}" in done.stdout
    refused = CliRunner().invoke(app, ["data", "make", "ccp"])
    assert isinstance(refused.exception, InputError) and "only shopsim" in str(refused.exception)


def test_the_error_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(InputError, match="make it: shopee-od data make shopsim"):
        open_dataset("shopsim", tmp_path)
