"""The photos that notebook 00 tags: one's own, those of data sets that are here, or ShopSim's."""

import shutil

import pytest
from PIL import Image

from shopee_od.course import find_sample_photos, setup_notebook
from shopee_od.course.context import SMOKE_SHOPSIM_IMAGES
from shopee_od.datasets import open_dataset
from shopee_od.errors import InputError


@pytest.fixture
def here(data_root, tmp_path, monkeypatch):
    """A data folder with a small ShopSim."""
    shutil.copytree(data_root / "shopsim-smoke", tmp_path / "data" / "shopsim")
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def start(tmp_path, *parameters):
    """The context of a notebook in the laptop profile."""
    return setup_notebook("00_test", "laptop", *parameters, output_dir=str(tmp_path / "out"))


def test_ones_own_photos_come_first_and_open_no_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path / "no data"))
    folder = tmp_path / "mine"
    folder.mkdir()
    for k in range(3):
        Image.new("RGB", (8, 8)).save(folder / f"{k}.jpg")
    context = start(tmp_path)
    files, source = find_sample_photos(context, str(folder), 2)
    assert [file.name for file in files] == ["0.jpg", "1.jpg"] and source == "your own, 2 of 3"
    [file], _ = find_sample_photos(context, str(folder / "2.jpg"), 2)
    assert file.name == "2.jpg" and not (tmp_path / "no data").exists()


@pytest.mark.parametrize("name", ["empty", "nowhere", "nowhere.jpg"])
def test_a_place_without_photos_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no photo there; name a photo or a folder"):
        find_sample_photos(start(tmp_path), str(tmp_path / name), 2)


def test_without_photos_test_images_of_shopsim_are_taken(here, tmp_path):
    files, source = find_sample_photos(start(tmp_path), "", 4)
    test = open_dataset("shopsim").split("test")
    assert len(files) == 4 and {*map(str, files)} <= {*test.images.path}
    assert source == "test images of shopsim"


def test_without_any_data_set_a_few_images_are_rendered(tmp_path, data_root, monkeypatch):
    rendered = []
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path / "data"))

    def make(folder, count):
        rendered.append(count)
        shutil.copytree(data_root / "shopsim-smoke", folder)

    monkeypatch.setattr("shopee_od.shopsim.make_shopsim", make)
    files, _ = find_sample_photos(start(tmp_path), "", 4)
    assert len(files) == 4 and rendered == [SMOKE_SHOPSIM_IMAGES]


def test_real_photos_go_before_shopsims_equally_many_of_each(here, tmp_path, shared_data):
    for name in ("ccp", "clothing"):
        (here / name).symlink_to(shared_data / name)
    files, source = find_sample_photos(start(tmp_path), "", 5)
    folders = [file.relative_to(here).parts[0] for file in files]
    assert folders == ["ccp"] * 2 + ["clothing"] * 3
    assert source == "test images of ccp and clothing"


def test_a_data_set_that_is_asked_for_is_taken_alone(here, tmp_path, shared_data):
    for name in ("ccp", "clothing"):
        (here / name).symlink_to(shared_data / name)
    files, source = find_sample_photos(start(tmp_path, "ccp"), "", 3)
    assert len(files) == 3 and source == "test images of ccp"
