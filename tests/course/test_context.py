from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from shopee_od.course import setup_notebook
from shopee_od.course.context import NO_RANGE, SMOKE_SHOPSIM_IMAGES
from shopee_od.errors import InputError


@pytest.fixture
def context(data_root, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(data_root))
    return setup_notebook("01_test", "smoke", output_dir=str(tmp_path / "out"))


def test_the_smoke_profile_renders_a_small_shopsim_of_its_own(data_root, context):
    assert len(context.data) == SMOKE_SHOPSIM_IMAGES and len(context.data.classes) == 16
    folders = [path.name for path in data_root.iterdir() if path.name != "out"]
    assert folders == ["shopsim-smoke"]


def test_no_data_set_is_opened_or_rendered_before_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPEE_OD_DATA", str(tmp_path / "data"))
    setup_notebook("00_test", "laptop", output_dir=str(tmp_path / "out"))
    assert not (tmp_path / "data").exists()


def test_the_shipped_detector_and_the_trained_one_are_asked_for_by_name(context, monkeypatch):
    monkeypatch.setattr("shopee_od.load", lambda *folder: folder)
    assert context.load_detector("shipped") == ()
    with pytest.raises(InputError, match="model 'yolo': use shipped or trained"):
        context.load_detector("yolo")


def test_splits_are_small_in_the_smoke_profile_and_the_same_for_a_seed(context):
    assert len(context.split("train")) == 8 < len(context.data.split("train"))
    assert len(context.split("train", 5)) == 5
    assert context.split("train").images.equals(context.split("train").images)


def test_other_profiles_have_the_whole_split(data_root, tmp_path):
    data_dir = str(data_root / "shopsim-smoke")
    laptop = setup_notebook("01_test", "laptop", "shopsim", data_dir, str(tmp_path / "out"))
    assert len(laptop.split("train")) == len(laptop.data.split("train"))
    assert len(laptop.split("train", 10)) == 10
    assert laptop.profile.input_size == 256  # as it suits ShopSim
    assert not laptop.is_smoke


def test_one_image_of_the_test_split_is_the_example(context):
    row = context.data.take([context.example_image_id]).images.iloc[0]
    assert row.split == "test" and context.example_image.shape == (row.height, row.width, 3)
    assert context.data.boxes_of(context.example_image_id).type.tolist() == ["full"]
    assert context.example_rows.type.tolist() == ["full"]
    x1, y1, x2, y2 = context.example_boxes[0]
    assert context.example_boxes.shape == (1, 4)
    assert 0 <= x1 < x2 <= row.width and 0 <= y1 < y2 <= row.height


def test_measured_values_are_expected_in_the_laptop_profile_of_their_data_set_only(
    data_root, tmp_path
):
    paths = ("shopsim", str(data_root / "shopsim-smoke"), str(tmp_path / "out"))
    laptop = setup_notebook("01_test", "laptop", *paths)
    assert laptop.expected_range(shopsim=(0.5, 0.9), ccp=(0.1, 0.2)) == (0.5, 0.9)
    assert laptop.expected_range(ccp=(0.5, 0.9)) == NO_RANGE
    smoke = setup_notebook("01_test", "smoke", *paths)
    assert smoke.expected_range(shopsim=(0.5, 0.9)) == NO_RANGE


def test_trained_values_are_expected_after_a_laptop_training_only(data_root, tmp_path):
    paths = ("shopsim", str(data_root / "shopsim-smoke"), str(tmp_path / "out"))
    laptop = setup_notebook("01_test", "laptop", *paths)
    assert laptop.trained_range(shopsim=(0.5, 0.9)) == NO_RANGE
    card = laptop.train_dir / "detector" / "detector.json"
    card.parent.mkdir(parents=True)
    card.write_text("{}")
    assert laptop.trained_range(shopsim=(0.5, 0.9)) == (0.5, 0.9)
    assert laptop.trained_range(ccp=(0.5, 0.9)) == NO_RANGE
    smoke = setup_notebook("01_test", "smoke", *paths)
    assert smoke.trained_range(shopsim=(0.5, 0.9)) == NO_RANGE


def test_paths_are_from_the_projects_root_wherever_it_runs(data_root, tmp_path, monkeypatch):
    project = tmp_path / "project"
    (project / "shopee_od").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "notebooks").mkdir()
    (project / "mine").symlink_to(data_root / "shopsim-smoke")
    for folder in (project, project / "notebooks"):
        monkeypatch.chdir(folder)
        context = setup_notebook("01_test", "smoke", "shopsim", "mine", "runs/here")
        assert context.output == project / "runs" / "here" and context.output.is_dir()
        assert context.data.root == project / "mine"
        default = setup_notebook("01_test", "smoke", "shopsim", "mine")
        assert default.output == project / "runs" / "notebooks" / "shopsim-smoke"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "desk"}, "profile 'desk' is not known"),
        ({"dataset": "nothing"}, "there is no data set 'nothing'"),
        ({"dataset": "ccp", "data_dir": "nowhere"}, "no ccp data set here"),
        ({"seed": -1}, "seed -1: use a whole number from 0"),
        ({"seed": 0.5}, "seed 0.5: use a whole number from 0"),
    ],
)
def test_unusable_parameters_are_refused_before_anything_is_written(changes, message, tmp_path):
    parameters = {"profile": "smoke", "output_dir": str(tmp_path / "out")} | changes
    with pytest.raises(InputError, match=message):
        setup_notebook("01_test", **parameters)
    assert not Path(tmp_path / "out").exists()


def test_a_figure_as_a_cells_last_value_is_shown(data_root, tmp_path):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    data_dir = str(data_root / "shopsim-smoke")
    try:
        setup_notebook("01_test", "smoke", "shopsim", data_dir, str(tmp_path / "out"))
        figure = Figure(figsize=(1, 1))
        figure.subplots().plot(np.arange(3))
        outputs, _ = shell.display_formatter.format(figure)
    finally:
        InteractiveShell.clear_instance()
    assert "image/png" in outputs
