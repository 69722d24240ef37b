"""Fast R-CNN on drawn photos: learnt, stopped and gone on, found again, counted, saved."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detectors.fast_rcnn import FastRCNN
from shopee_od.detectors.regions import CHECKPOINT, WEIGHTS
from shopee_od.profiles import profile
from shopee_od.types import Detector, InputError

SMOKE = profile("smoke")
EPOCHS = 4


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    detector = FastRCNN(epochs=EPOCHS)
    run_dir = tmp_path_factory.mktemp("fast") / "run"
    detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    return detector, run_dir


def test_it_finds_the_shapes_it_learnt(trained, shapes):
    from shopee_od.evaluation import evaluate

    detector, run_dir = trained
    assert isinstance(detector, Detector)
    figures = evaluate(detector, shapes.split("test"), bootstrap=0)
    assert figures["AP50"] > 0.8
    assert detector.trained["photos"] == 30 and 0 < detector.threshold < 1
    assert "ImageNet" in detector.trained["weights"]
    assert {file.name for file in run_dir.iterdir()} == {"detector.json", WEIGHTS}


def test_its_losses_fall(trained):
    history = trained[0].history
    assert len(history) == 30 * EPOCHS / 2
    first, last = history[:10].mean(), history[-10:].mean()
    assert last.class_loss < first.class_loss / 2 and last.box_loss < first.box_loss and last.accuracy > 0.9


def test_one_pass_a_photo_and_every_proposal_counted(trained, shape_photo):
    from shopee_od.detectors.proposals import proposals

    detector, _ = trained
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    before, spent = detector.cost, dict(detector.seconds)
    [found] = detector.detect([image])
    after = detector.cost
    assert after.cnn_passes - before.cnn_passes == 1
    assert after.regions - before.regions == len(proposals(image).boxes[:300])
    took = sum(detector.seconds.values()) - sum(spent.values())
    assert 0 < took <= after.seconds - before.seconds
    assert 1 <= len(found) <= 100 and (found.boxes[:, 2:] <= [150, 180]).all()


def test_the_backbone_counts_as_parameters(trained):
    network = trained[0].network
    assert trained[0].parameters > network.head.count_params() + 2e6


def test_saved_and_opened_it_finds_the_same(trained, shape_photo, tmp_path):
    detector, run_dir = trained
    detector.save(tmp_path / "kept")
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    for place in (run_dir, tmp_path / "kept"):
        same = load(place)
        assert same.kind == "fast_rcnn" and same.classes == detector.classes
        for ours, theirs in zip(detector.detect([image]), same.detect([image]), strict=True):
            np.testing.assert_array_equal(ours.boxes, theirs.boxes)
            np.testing.assert_array_equal(ours.scores, theirs.scores)
    assert same.history.equals(detector.history)


def test_trained_again_in_the_same_folder_it_is_taken_as_it_is(trained, shapes):
    detector, run_dir = trained
    before = (run_dir / WEIGHTS).stat().st_mtime_ns
    again = FastRCNN(epochs=EPOCHS)
    again.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    assert (run_dir / WEIGHTS).stat().st_mtime_ns == before and again.threshold == detector.threshold


@pytest.mark.parametrize("damage", ["absent", "cut", "other"])
def test_damaged_weights_are_refused(trained, tmp_path, damage):
    trained[0].save(tmp_path / "kept")
    file = tmp_path / "kept" / WEIGHTS
    if damage == "absent":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:200])
    else:
        np.savez(file, mean=np.zeros(4), std=np.ones(4), history=np.zeros((1, 3)), weights_0=np.zeros(3))
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "kept")


def test_its_stages_are_named(trained, shape_photo):
    image, box = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained[0].explain(image)
    assert [stage.name for stage in trace.stages] == ["features", "proposals", "scores", "refined", "kept"]
    assert [each.shape for each in trace["features"].arrays.values()] == [(20, 16), (10, 8)]
    refined, kept = trace["refined"].arrays, trace["kept"].arrays
    assert len(refined["before"]) == len(refined["boxes"]) >= len(kept["boxes"]) >= 1
    np.testing.assert_allclose(kept["boxes"][0], box, atol=25)


def test_a_photo_without_anything_in_it(trained):
    [found] = trained[0].detect([np.full((40, 30, 3), 128, np.uint8)], 0.5)
    assert len(found) == 0


def test_without_boxes_there_is_nothing_to_learn(shapes, tmp_path):
    none = shapes.with_classes(shapes.classes, shapes.boxes.iloc[:0])
    with pytest.raises(InputError, match="no training photo has a box"):
        FastRCNN().fit(none, None, SMOKE, tmp_path / "run")


TRAINS = """
import sys
from pathlib import Path
from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors import fast_rcnn_training
import pandas as pd

fast_rcnn_training.EVERY = 1
tables = [pd.read_csv(Path(sys.argv[1]) / f"{name}.csv", keep_default_na=False) for name in ("images", "boxes")]
train = Dataset.build("shapes", Path(sys.argv[3]), ("cross", "ring"), *tables)  # photos by their names below it
if __name__ == "__main__":
    fast_rcnn_training.learn(train, Path(sys.argv[2]), 0, 2)
"""


def test_killed_it_goes_on_from_its_last_checkpoint(shapes, tmp_path, monkeypatch):
    from shopee_od.detectors import fast_rcnn_training as training

    train, checkpoint = shapes.split("train").sample(6), tmp_path / "run" / CHECKPOINT
    train.images.to_csv(tmp_path / "images.csv", index=False)
    train.boxes.to_csv(tmp_path / "boxes.csv", index=False)
    command = [sys.executable, "-c", TRAINS, str(tmp_path), str(checkpoint), str(train.root)]
    child = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
    while not checkpoint.is_file():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with np.load(checkpoint) as held:
        before = held["history"].copy()
    assert 1 <= len(before) < 6
    monkeypatch.setattr(training, "EVERY", 1000)
    steps = []
    monkeypatch.setattr(training, "batch", lambda *given, own=training.batch: steps.append(1) or own(*given))
    _, history, seconds = training.learn(train, checkpoint, 0, 2)
    assert len(history) == 6 and len(steps) == 6 - len(before) and seconds > 0
    np.testing.assert_array_equal(history[: len(before)], before)
    whole = training.learn(train, tmp_path / "other.npz", 0, 2)[1]
    np.testing.assert_allclose(history, whole, rtol=0.02, atol=0.02)  # a step draws the same, whenever it runs
