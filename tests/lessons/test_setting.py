from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from shopee_od.lessons import begin
from shopee_od.lessons.setting import SMOKE_PHOTOS
from shopee_od.types import InputError


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A folder where data lie, with the small ShopSim that a first smoke run draws there."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPEE_OD_DATA", str(root))
        begin("01_test", "smoke", output_dir=str(root / "out"))
    return root


@pytest.fixture
def setting(drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(drawn))
    return begin("01_test", "smoke", output_dir=str(tmp_path / "out"))


def test_the_smoke_profile_draws_a_small_shopsim_of_its_own(drawn, setting):
    assert [path.name for path in drawn.iterdir() if path.name != "out"] == ["shopsim-smoke"]
    assert len(setting.data) == SMOKE_PHOTOS and len(setting.data.classes) == 16


def test_splits_are_small_in_the_smoke_profile_and_the_same_for_a_seed(setting):
    assert len(setting.split("train")) == 8 < len(setting.data.split("train"))
    assert len(setting.split("train", 5)) == 5
    assert setting.split("train").images.equals(setting.split("train").images)


def test_other_profiles_have_the_whole_split(drawn, tmp_path):
    laptop = begin("01_test", "laptop", "shopsim", str(drawn / "shopsim-smoke"), str(tmp_path / "out"))
    assert len(laptop.split("train")) == len(laptop.data.split("train"))
    assert len(laptop.split("train", 10)) == 10
    assert laptop.profile.input_size == 256  # as it suits ShopSim


def test_one_photo_is_followed_of_the_test_split(setting):
    row = setting.data.take([setting.followed]).images.iloc[0]
    assert row.split == "test" and setting.photo.shape == (row.height, row.width, 3)
    assert setting.data.boxes_of(setting.followed).type.tolist() == ["full"]


def test_measured_figures_are_expected_in_the_laptop_profile_of_their_data_set_only(drawn, tmp_path):
    where = ("shopsim", str(drawn / "shopsim-smoke"), str(tmp_path / "out"))
    laptop = begin("01_test", "laptop", *where)
    assert laptop.expected(shopsim=(0.5, 0.9), ccp=(0.1, 0.2)) == (0.5, 0.9)
    assert laptop.expected(ccp=(0.5, 0.9)) == (0, 1)
    assert begin("01_test", "smoke", *where).expected(shopsim=(0.5, 0.9)) == (0, 1)


def test_learnt_figures_are_expected_after_a_laptop_training_only(drawn, tmp_path):
    where = ("shopsim", str(drawn / "shopsim-smoke"), str(tmp_path / "out"))
    laptop = begin("01_test", "laptop", *where)
    assert laptop.learnt(shopsim=(0.5, 0.9)) == (0, 1)
    card = laptop.run / "detector" / "detector.json"
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    assert laptop.learnt(shopsim=(0.5, 0.9)) == (0.5, 0.9)
    assert laptop.learnt(ccp=(0.5, 0.9)) == (0, 1)
    assert begin("01_test", "smoke", *where).learnt(shopsim=(0.5, 0.9)) == (0, 1)


def test_paths_are_from_the_projects_root_wherever_it_runs(drawn, tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "shopee_od").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "notebooks").mkdir()
    (project / "mine").symlink_to(drawn / "shopsim-smoke")
    for folder in (project, project / "notebooks"):
        monkeypatch.chdir(folder)
        setting = begin("01_test", "smoke", "shopsim", "mine", "runs/here")
        assert setting.output == project / "runs" / "here" and setting.output.is_dir()
        assert setting.data.root == project / "mine"
        assert begin("01_test", "smoke", "shopsim", "mine").output == project / "runs" / "notebooks" / "shopsim-smoke"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"profile": "desk"}, "profile 'desk' is not known"),
        ({"dataset": "nothing"}, "there is no data set 'nothing'"),
        ({"dataset": "ccp", "data_dir": "nowhere"}, "no ccp data set here"),
        ({"seed": -1}, "seed -1: use a whole number from 0"),
        ({"seed": 0.5}, "seed 0.5: use a whole number from 0"),
    ],
)
def test_parameters_of_no_use_are_refused_before_anything_is_made(changes, says, tmp_path):
    with pytest.raises(InputError, match=says):
        begin("01_test", **({"profile": "smoke", "output_dir": str(tmp_path / "out")} | changes))
    assert not Path(tmp_path / "out").exists()


def test_a_figure_as_a_cells_last_value_is_shown(drawn, monkeypatch, tmp_path):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        begin("01_test", "smoke", "shopsim", str(drawn / "shopsim-smoke"), str(tmp_path / "out"))
        figure = Figure(figsize=(1, 1))
        figure.subplots().plot(np.arange(3))
        shown, _ = shell.display_formatter.format(figure)
    finally:
        InteractiveShell.clear_instance()
    assert "image/png" in shown
