"""The stage comparison with a detector of colors: resumed, complete, never of other settings."""

import dataclasses
import json
from pathlib import Path

import color_detector
import numpy as np
import pytest
from color_detector import IMAGE, Colors, ColorsConfig
from PIL import Image

from shopee_od.config import set_values
from shopee_od.course.stage_comparison import BRIDGES, STAGES
from shopee_od.datasets.dataset import Dataset
from shopee_od.errors import InputError
from shopee_od.io import read_json
from tools import compare_stages
from tools.compare_stages import Comparison
from tools.compare_stages_cell import Splits
from tools.compare_stages_rows import ROWS, Row

SEEDS = (0, 1)


class ColorRow(Row):
    """A row whose detector is `Colors`; cells run in new processes too."""

    def make_config(self, dataset):
        return set_values(ColorsConfig(), self.settings)

    def create(self, dataset):
        return Colors(self.make_config(dataset))

    def load(self, directory):
        return Colors.load(directory)


class SharingColors(Colors):
    """Its seconds do not matter to training."""

    @staticmethod
    def training_config(config):
        return dataclasses.replace(config, seconds=())


class SharingRow(ColorRow):
    """A row of that."""

    def create(self, dataset):
        return SharingColors(self.make_config(dataset))


FAKES = {
    "plain": ColorRow("Plain", "colors", settings=("head.scale=0.001",)),
    "moved": ColorRow(
        "Moved", "colors", "plain", "boxes are moved", ("head.scale=0.001", "head.moves=true")
    ),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    """12 images of a red and a green quadrant, four of each split."""
    root = tmp_path_factory.mktemp("colors")
    rng = np.random.default_rng(0)
    images, boxes = [], []
    for k in range(12):
        path = root / f"{k}.png"
        noise = rng.integers(0, 50, IMAGE.shape).astype(np.uint8)
        Image.fromarray(IMAGE + noise).save(path)
        split = ("train", "val", "test")[k % 3]
        row = {"image_id": k, "path": str(path), "width": 60, "height": 40, "split": split}
        images.append(row)
        for label, corner in enumerate(([0, 0], [30, 20])):
            (x, y), number = corner, len(boxes)
            box = {"box_id": number, "image_id": k, "label": label, "type": "upper"}
            boxes.append(box | {"x1": x, "y1": y, "x2": x + 30, "y2": y + 20})
    return Dataset.build("colors", root, ("red", "green"), images, boxes)


@pytest.fixture
def here(monkeypatch):
    """Runs what would be in a process of its own in this one, and measures nothing."""

    def run(function, *arguments):
        return function(*arguments) or {}

    def measure_cost(load, directory, files, threads):
        costs.append(Path(directory))
        steps = {"proposals": 0.25, "features": 0.125, "head": 0.0625, "postprocessing": 0.0625}
        assert load(directory).classes == ("red", "green")
        return {
            "seconds": 0.5,
            "seconds_by_step": steps,
            "peak_memory": 10**8,
            "load_before": 0.1,
        }

    costs = []
    color_detector.trainings.clear()
    monkeypatch.setattr(compare_stages, "run_in_new_process", run)
    monkeypatch.setattr(compare_stages, "measure_cost", measure_cost)
    return costs


@pytest.fixture
def comparison(dataset, tmp_path) -> Comparison:
    splits = {"ccp": Splits.sample(dataset, 3)}
    return Comparison(tmp_path / "folder", splits, FAKES, SEEDS, resamples=20, cost_images=2)


def run_all(comparison: Comparison) -> None:
    comparison.run(list(comparison.splits), list(comparison.rows), comparison.seeds)


def describe(comparison: Comparison) -> dict:
    """As JSON has it."""
    from tools.compare_stages_results import describe_comparison

    return json.loads(json.dumps(describe_comparison(comparison), allow_nan=False))


def test_the_rows_are_the_stages_each_compared_to_the_one_before():
    assert list(ROWS) == list(STAGES)
    keys = ["", *ROWS]
    for before, (key, row) in zip(keys, ROWS.items(), strict=False):
        assert row.compared_to == before and row.name == STAGES[key]
        assert bool(row.changed) == bool(before)
        assert row.is_bridge == (key in BRIDGES)


@pytest.mark.slow
@pytest.mark.parametrize("dataset_name", ["shopsim", "ccp"])
@pytest.mark.parametrize("stage", ROWS)
def test_the_settings_of_a_row_are_those_of_its_detector(stage, dataset_name):
    detector = ROWS[stage].create(dataset_name)
    assert detector.kind == ROWS[stage].kind
    training = getattr(detector.config, "training", None)
    if stage == "faster_rcnn":
        assert detector.config.epochs(200) == 8 and detector.config.batch_size == 2
        assert detector.config.input_size == {"shopsim": 256, "ccp": 352}[dataset_name]
    elif stage in ("roi_align_softmax", "fast_rcnn", "faster_rcnn_scratch"):
        assert (training.epochs, training.images) == (8, 2)


def test_all_rows_are_in_the_result(comparison, here):
    splits = comparison.splits["ccp"]
    comparison = dataclasses.replace(comparison, splits={"shopsim": splits, "ccp": splits})
    run_all(comparison)
    assert list(comparison.iterate_missing()) == []
    result = describe(comparison)
    assert result["seeds"] == [0, 1] and result["resamples"] == 20 and result["threads"] == 2
    assert {"command", "measured", "git", "versions", "machine"} <= result.keys()
    assert result["postprocessing"] == {"nms_iou": 0.5, "pre_nms_top_k": 5000}
    assert list(result["datasets"]) == ["shopsim", "ccp"]
    for part in result["datasets"].values():
        assert part["data"]["test"]["photos"] == 3 and part["data"]["train"]["boxes"] == 8
        assert len(part["data"]["val"]["fingerprint"]) == 64
        plain, moved = part["stages"].values()
        assert plain["compared_to"] is None and plain["difference"] is None
        assert moved["compared_to"] == "plain" and moved["changed"] == "boxes are moved"
        for row in (plain, moved):
            for metric in ("AP50", "AP", "agnostic_AP50", "agnostic_AP", "recall"):
                estimate = row[metric]
                assert 0 <= estimate["low"] <= estimate["high"] <= 1
                assert np.mean(estimate["seeds"]) == pytest.approx(estimate["value"], abs=1e-3)
            assert row["trained"] == {
                "photos": 4,
                "steps": 2,
                "epochs": None,
                "weights": "none",
            }
            assert row["seconds"] == 0.5 and row["seconds_by_step"]["features"] == 0.125
            assert row["regions"] == 5 and row["parameters"] == 4 and row["cnn_passes"] == 5
            assert row["training_minutes"] == 2.0 and row["peak_memory"] == 10**8
        assert moved["AP"]["value"] < plain["AP"]["value"], "its boxes are beside the garments"
        assert moved["difference"]["AP"]["high"] < 0
        assert list(moved["difference"]) == ["AP50", "AP", "agnostic_AP50", "agnostic_AP"]


def test_what_is_done_is_not_done_again(comparison, here, capsys):
    run_all(comparison)
    assert len(color_detector.trainings) == 4 and len(here) == 2
    files = {file: file.stat().st_mtime_ns for file in comparison.folder.rglob("*.*")}
    assert "6 done, 0 left" in capsys.readouterr().out
    run_all(comparison)
    assert len(color_detector.trainings) == 4 and len(here) == 2
    assert files == {file: file.stat().st_mtime_ns for file in comparison.folder.rglob("*.*")}
    assert "0 parts to compute" in capsys.readouterr().out
    assert not list(comparison.folder.rglob("run")), "of a training only the detector is kept"


def test_a_stopped_comparison_continues(comparison, here, monkeypatch):
    """Killed while it evaluates its third cell, it trains that one no second time."""
    predict = compare_stages.run_cell.__globals__["predict"]
    calls = []

    def stop_at_third(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(*arguments)

    monkeypatch.setitem(compare_stages.run_cell.__globals__, "predict", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        run_all(comparison)
    assert len(color_detector.trainings) == 3
    missing = list(comparison.iterate_missing())
    assert len(missing) == 2 + 2 and missing[0] == "ccp, Plain, seed 1"
    run_all(comparison)
    assert len(color_detector.trainings) == 4 and len(calls) == 5
    assert list(comparison.iterate_missing()) == []


def test_a_detector_of_another_config_is_trained_again(comparison, here):
    run_all(comparison)
    changed = dataclasses.replace(FAKES["plain"], settings=("head.scale=0.002",))
    other = dataclasses.replace(comparison, rows=FAKES | {"plain": changed})
    missing = list(other.iterate_missing())
    assert missing == ["ccp, Plain, seed 0", "ccp, Plain, seed 1", "ccp, Plain, cost"]
    run_all(other)
    assert len(color_detector.trainings) == 4 + 2 and len(here) == 2 + 1
    assert list(other.iterate_missing()) == []


def test_a_detector_of_other_images_is_trained_again(comparison, here, dataset):
    run_all(comparison)
    fewer = dataset.split("train").sample(2)
    splits = dataclasses.replace(comparison.splits["ccp"], train=fewer)
    other = dataclasses.replace(comparison, splits={"ccp": splits})
    assert len(list(other.iterate_missing())) == 4 + 2
    run_all(other)
    assert len(color_detector.trainings) == 4 + 4


def test_other_test_images_are_evaluated_without_training(comparison, here, dataset):
    run_all(comparison)
    other = dataclasses.replace(comparison, splits={"ccp": Splits.sample(dataset, 4)})
    assert len(list(other.iterate_missing())) >= 4
    run_all(other)
    assert len(color_detector.trainings) == 4
    assert describe(other)["datasets"]["ccp"]["data"]["test"]["photos"] == 4


def test_damaged_results_are_computed_again(comparison, here):
    run_all(comparison)
    folder = comparison.folder / "ccp" / "plain" / "seed-0"
    (folder / "metrics.npz").write_bytes(b"PK")
    (comparison.folder / "ccp" / "moved" / "seed-1" / "result.json").write_text("{")
    (comparison.folder / "ccp" / "moved" / "cost.json").write_text("[]")
    assert len(list(comparison.iterate_missing())) == 3
    run_all(comparison)
    assert list(comparison.iterate_missing()) == [] and len(color_detector.trainings) == 4


def test_a_row_may_share_the_training_of_a_later_one(comparison, here):
    """As the CNN on each window does; its own config is what it is opened with."""
    slow = SharingRow("Slow", "colors", settings=("seconds=1,2,3",), weights_of="fast")
    rows = {"slow": slow, "fast": SharingRow("Fast", "colors", "slow", "faster")}
    comparison = dataclasses.replace(comparison, rows=rows)
    fast, slow = comparison.list_cells(["ccp"], ["slow"], [0])
    assert (fast.stage, slow.stage) == ("fast", "slow")
    with pytest.raises(InputError, match="train fast first"):
        compare_stages.run_cell(slow)
    comparison.run(["ccp"], ["slow"], SEEDS)
    assert len(color_detector.trainings) == 2
    configs = [cell.row.load(cell.detector_directory).config for cell in (fast, slow)]
    assert [config.seconds for config in configs] == [(), (1.0, 2.0, 3.0)]
    assert list(comparison.iterate_missing()) == ["ccp, Fast, cost"]


def test_a_restricted_run_computes_its_part_and_writes_no_file(
    comparison, here, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(compare_stages, "open_splits", lambda data: comparison.splits)
    monkeypatch.setattr(compare_stages, "ROWS", FAKES)
    monkeypatch.setattr(compare_stages, "SEEDS", SEEDS)
    monkeypatch.setattr(compare_stages, "TEST_IMAGES", {"ccp": 3})
    monkeypatch.setattr(compare_stages, "Comparison", make_small)
    out = tmp_path / "out.json"
    arguments = [str(comparison.folder), "--out", str(out)]
    compare_stages.main([*arguments, "--dataset", "ccp", "--seeds", "1", "--stage", "moved"])
    assert len(color_detector.trainings) == 1 and not out.exists()
    printed = capsys.readouterr().out
    assert "ccp, Moved, seed 1: " in printed and "0 done" not in printed
    assert "no cost, seed 0 is not trained" in printed
    assert f"{out} is not written: 5 parts are missing, as ccp, Plain, seed 0" in printed
    compare_stages.main(arguments)
    assert set(read_json(out)["datasets"]["ccp"]["stages"]) == {"plain", "moved"}


def make_small(folder, splits, rows) -> Comparison:
    return Comparison(folder, splits, rows, SEEDS, resamples=20, cost_images=2)


def test_cells_run_in_processes_of_their_own(comparison, monkeypatch):
    """The whole command, with what is in this process untouched."""
    color_detector.trainings.clear()
    small = dataclasses.replace(comparison, rows={"plain": FAKES["plain"]}, seeds=(0,))
    small.run(["ccp"], ["plain"], [0])
    assert not color_detector.trainings
    cell = small.make_cell("ccp", "plain", 0)
    assert cell.read_result()["trained"]["photos"] == 4
    assert small.read_cost("ccp", "plain")["peak_memory"] > 2e7
