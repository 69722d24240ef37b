import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.datasets import open_dataset
from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.shopsim import MANIFEST, make_shopsim, shop
from shopee_od.datasets.shopsim.shop import box_of, draw_item, items
from shopee_od.paths import read_json
from shopee_od.types import InputError

PHOTOS, SEED = 40, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "shopsim"
    assert make_shopsim(root, PHOTOS, SEED)
    return root


def listed(root):
    return sorted((f.relative_to(root), f.stat().st_mtime_ns) for f in root.rglob("*"))


def test_the_deepfashion_reader_reads_it_without_a_problem(made, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = open_dataset("shopsim", made)
    assert found.name == "shopsim" and found.classes == CLASSES and len(found) == len(found.boxes) == PHOTOS
    assert "no problems" in str(found.problems)
    assert found.images[["width", "height"]].max(axis=None) == 300
    assert set(found.images.source) == {"shop", "consumer"} and set(found.boxes.type) == {"upper", "lower", "full"}


def test_the_files_have_deepfashions_format(made):
    count, names, *rows = (made / BOX_FILE).read_text().splitlines()
    assert int(count) == len(rows) == PHOTOS
    assert names == "image_name clothes_type source_type x_1 y_1 x_2 y_2"
    first = rows[0].split()
    assert first[0] == "img/TOPS/Blouse/id_00000001/shop_01.jpg" and first[1:3] == ["1", "1"] and "  " in rows[0]
    count, names, *pairs = (made / SPLIT_FILE).read_text().splitlines()
    assert int(count) == len(pairs) and names == "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    photos = {row.split()[0] for row in rows}
    for customer, sold, item, split in map(str.split, pairs):
        assert {customer, sold} <= photos and f"/{item}/comsumer_" in customer and f"/{item}/shop_" in sold
        assert split in ("train", "val", "test")
    assert photos == {str(f.relative_to(made / "Img")) for f in (made / "Img").rglob("*.jpg")}


def test_an_item_has_all_its_photos_in_one_split_and_every_split_every_class():
    made = list(items(200, SEED))
    assert sum(1 + item.consumers for item in made) == 200 and min(item.consumers for item in made) >= 1
    assert {(item.leaf, item.split) for item in made} == {(c, s) for c in CLASSES for s in ("train", "val", "test")}
    shares = [sum(item.split == split for item in items(5000, 0)) for split in ("train", "val", "test")]
    assert np.allclose(np.array(shares) / sum(shares), (0.7, 0.1, 0.2), atol=0.02)


@pytest.mark.parametrize("photos", [32, 33, 34, 35, 160])
def test_there_are_as_many_photos_as_were_asked_for(photos):
    made = list(items(photos, SEED))
    assert sum(1 + item.consumers for item in made) == photos and len({item.number for item in made}) == len(made)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(made, tmp_path):
    again = tmp_path / "again"
    make_shopsim(again, PHOTOS, SEED)
    assert read_json(again / MANIFEST) == read_json(made / MANIFEST)
    first = next(items(PHOTOS, SEED))
    photos = [next(draw_item(first, seed))[2] for seed in (SEED, SEED, SEED + 1)]
    assert np.array_equal(photos[0], photos[1])
    assert photos[0].shape != photos[2].shape or not np.array_equal(photos[0], photos[2])


def test_what_is_there_already_is_not_drawn_again(made, monkeypatch):
    before = listed(made)
    monkeypatch.setattr(shop, "_draw", lambda *_: pytest.fail("it draws"))
    assert not make_shopsim(made, PHOTOS, SEED) and listed(made) == before


def test_other_things_and_another_shopsim_are_refused_and_left_alone(made, tmp_path):
    before = listed(made)
    with pytest.raises(InputError, match=r"another ShopSim \(40 photos, seed 5.*not 40 photos, seed 6"):
        make_shopsim(made, PHOTOS, SEED + 1)
    assert listed(made) == before
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="other things than ShopSim"):
        make_shopsim(tmp_path, PHOTOS, SEED)
    with pytest.raises(InputError, match="at least 32"):
        make_shopsim(tmp_path / "new", 31, SEED)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_drawing_that_breaks_off_leaves_nothing_and_a_killed_ones_rest_is_removed(made, tmp_path, monkeypatch):
    (tmp_path / ".shopsim.k1lled").mkdir()
    (tmp_path / ".shopsim.k1lled" / "half.jpg").write_bytes(b"\xff\xd8")

    def broken(root, *_):
        shutil.copytree(made / "Anno", root / "Anno")
        raise KeyboardInterrupt

    monkeypatch.setattr(shop, "_draw", broken)
    with pytest.raises(KeyboardInterrupt):
        make_shopsim(tmp_path / "shopsim", PHOTOS, SEED)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(shop, "_draw", lambda root, *_: shutil.copytree(made, root, dirs_exist_ok=True))
    assert make_shopsim(tmp_path / "shopsim", PHOTOS, SEED)
    assert [f.name for f in tmp_path.iterdir()] == ["shopsim"]


def test_the_box_is_exact():
    mask = np.zeros((6, 9), bool)
    mask[2:5, 3], mask[3, 3:8] = True, True
    assert box_of(mask) == (3, 2, 8, 5)


def test_the_boxes_on_disk_lie_in_their_photos(made):
    for row in (made / BOX_FILE).read_text().splitlines()[2:]:
        name, _, _, *corners = row.split()
        x1, y1, x2, y2 = map(int, corners)
        height, width = read_photo(made / "Img" / name).shape[:2]
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height and max(height, width) == 300


def test_the_command_makes_it_once_and_refuses_other_data_sets(made):
    command = ["data", "make", "shopsim", "--data-dir", str(made), "--photos", str(PHOTOS), "--seed", str(SEED)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and f"40 photos, seed 5, already in {made}" in done.stdout
    refused = CliRunner().invoke(app, ["data", "make", "ccp"])
    assert isinstance(refused.exception, InputError) and "only shopsim" in str(refused.exception)


def test_where_it_is_absent_the_mend_is_named(tmp_path):
    with pytest.raises(InputError, match="make it: shopee-od data make shopsim"):
        open_dataset("shopsim", tmp_path)
