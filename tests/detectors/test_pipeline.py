"""The pipeline with three small parts: what it makes of them is the same for all recipes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from color_detector import (
    IMAGE,
    QUADRANTS,
    Colors,
    ColorsConfig,
    HeadConfig,
    trainings,
)
from PIL import Image

from shopee_od.config import set_values
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector
from shopee_od.detectors.pipeline import CHECKPOINT_FILE, STEPS, WEIGHTS_FILE, Pipeline
from shopee_od.detectors.saving import INFO_FILE, DetectorInfo, read_info, write_info
from shopee_od.errors import InputError


@pytest.fixture(autouse=True)
def count_trainings():
    trainings.clear()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three photos like IMAGE, boxes around their two colors; two of them to train."""
    root = tmp_path_factory.mktemp("colors")
    images = []
    boxes = []
    for k in range(6):
        path = root / f"{k}.png"
        Image.fromarray(IMAGE).save(path)
        split = "train" if k < 3 else "val"
        row = {"image_id": k, "path": str(path), "width": 60, "height": 40, "split": split}
        images.append(row)
        for label, (x1, y1, x2, y2) in ((0, QUADRANTS[0]), (1, QUADRANTS[3])):
            box = {"box_id": len(boxes), "image_id": k, "label": label, "type": "upper"}
            boxes.append(box | {"x1": x1, "y1": y1, "x2": x2, "y2": y2})
    return Dataset.build("colors", root, ("red", "green"), images, boxes)


def train(dataset, run_dir, config=None, seed=0):
    detector = Colors(config)
    detector.fit(dataset.split("train"), dataset.split("val"), run_dir, seed)
    return detector


@pytest.fixture
def detector(dataset, tmp_path):
    return train(dataset, tmp_path / "run")


def test_detections_are_scored_regions_after_nms(detector):
    assert isinstance(detector, Detector)
    [detections] = detector.detect([IMAGE])
    assert detections.labels.tolist() == [0, 1]
    assert detections.boxes.tolist() == [[0, 0, 30, 20], [30, 20, 60, 40]], "one red is left"
    np.testing.assert_allclose(detections.scores, [200 / 256, 100 / 256])


def test_thresholds_and_the_number_of_detections_are_respected(detector):
    [detections] = detector.detect([IMAGE], score_threshold=0.5)
    assert detections.labels.tolist() == [0]
    [detections] = detector.detect([IMAGE], max_detections=1)
    assert detections.labels.tolist() == [0]
    assert [len(d) for d in detector.detect([IMAGE, IMAGE * 0, IMAGE], 0.3)] == [2, 0, 2]


def test_a_trace_has_the_stages_of_the_image(detector):
    trace = detector.explain(IMAGE)
    names = ["proposals", "features", "scores", "candidates", "detections"]
    assert [stage.name for stage in trace.stages] == names
    np.testing.assert_array_equal(trace.image, IMAGE)
    assert len(trace["proposals"].boxes) == 5
    assert trace["features"].crops.shape == (5, 1, 1, 3)
    assert trace["scores"].scores.shape == (5, 2)
    assert trace["candidates"].labels.tolist() == [0, 1, 0] and trace["candidates"].before is None
    assert trace["detections"].labels.tolist() == [0, 1]
    assert all(stage.seconds is not None for stage in trace.stages[:3])
    with pytest.raises(KeyError, match="the stages are proposals, features"):
        trace["nms"]


def test_where_the_head_regresses_boxes_the_trace_has_both(dataset, tmp_path):
    detector = train(dataset, tmp_path / "run", ColorsConfig(head=HeadConfig(moves=True)))
    candidates = detector.explain(IMAGE)["candidates"]
    assert candidates.before.tolist() == [[0, 0, 30, 20], [30, 20, 60, 40], [0, 0, 28, 20]]
    np.testing.assert_allclose(
        candidates.boxes, [[3, 0, 33, 20], [33, 20, 60, 40], [2.8, 0, 30.8, 20]], atol=1e-5
    )
    [detections] = detector.detect([IMAGE])
    np.testing.assert_allclose(detections.boxes[1], [33, 20, 60, 40], atol=1e-5)


def test_images_regions_and_passes_are_counted(detector):
    assert detector.cost.images == 0, "choosing the threshold does not count"
    assert detector.seconds == dict.fromkeys(STEPS, 0.0)
    list(detector.detect([IMAGE, IMAGE]))
    detector.explain(IMAGE)
    cost = detector.cost
    assert (cost.images, cost.regions, cost.cnn_passes) == (2, 10, 10)
    assert 0 < sum(detector.seconds.values()) <= cost.seconds < 10
    assert cost.seconds_per_image == cost.seconds / 2 and cost.peak_memory > 10**6
    assert detector.num_parameters == 4


def test_cached_proposals_count_with_the_seconds_they_took(dataset, tmp_path):
    detector = train(dataset, tmp_path / "run", ColorsConfig(seconds=(3600.0,)))
    list(detector.detect([IMAGE]))
    assert 3600 < detector.cost.seconds < 3610
    assert detector.seconds["proposals"] == 3600
    assert detector.explain(IMAGE)["proposals"].seconds == 3600


def test_what_training_was_is_recorded(detector, dataset, tmp_path):
    info = read_info(tmp_path / "run")
    assert info.config["head"] == {"moves": False, "scale": 1 / 256}
    assert info.name.startswith("colors-fake-colors-20")
    metadata = info.metadata
    assert metadata["dataset"] == "colors" and metadata["photos"] == 3
    assert metadata["weights"] == "none" and metadata["seed"] == 0
    assert metadata["minutes"] == pytest.approx(2, abs=0.1), "what the cache saved counts"
    assert metadata["threshold_f1_on_val"] == 1
    assert detector.threshold == pytest.approx(100 / 256)
    [data] = trainings
    assert data.checkpoint == tmp_path / "run" / CHECKPOINT_FILE
    assert len(data.val) == 2, "at most val_images"
    assert len(data.paths) == 5
    assert detector.history.loss.tolist() == [0.5, 0.25]


def test_without_validation_images_the_threshold_is_a_half(dataset, tmp_path):
    detector = Colors()
    detector.fit(dataset.split("train"), None, tmp_path / "run")
    assert detector.threshold == 0.5 and "threshold_f1_on_val" not in detector.metadata


def test_saved_and_loaded_it_detects_the_same(detector, tmp_path):
    detector.slots.features.offset = np.array([20.0, 0, 0])
    detector.save(tmp_path / "copy")
    with np.load(tmp_path / "copy" / WEIGHTS_FILE) as arrays:
        assert set(arrays) == {"features.offset", "head.gain", "history"}
    loaded = Colors.load(tmp_path / "copy")
    assert loaded.config == detector.config and loaded.name == detector.name
    assert loaded.history.equals(detector.history)
    for ours, theirs in zip(loaded.detect([IMAGE]), detector.detect([IMAGE]), strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        np.testing.assert_array_equal(ours.scores, theirs.scores)
        assert ours.scores[0] == pytest.approx(220 / 256)


@pytest.mark.parametrize("arrays", [{}, {"head.gain": np.ones(2)}, {"features.offset": np.ones(3)}])
def test_weights_that_do_not_fit_are_refused(detector, tmp_path, arrays):
    np.savez(tmp_path / "run" / WEIGHTS_FILE, **arrays)
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent; save"):
        Colors.load(tmp_path / "run")


def test_a_detector_of_another_kind_is_refused_by_its_name(detector, tmp_path):
    file = tmp_path / "run" / INFO_FILE
    file.write_text(file.read_text().replace('"kind": "colors"', '"kind": "rcnn"'))
    with pytest.raises(InputError, match="holds a detector of the kind rcnn, not colors"):
        Colors.load(tmp_path / "run")


def test_a_config_of_other_types_is_refused_by_its_file(detector, tmp_path):
    file = tmp_path / "run" / INFO_FILE
    content = json.loads(file.read_text())
    content["config"]["head"] = 5
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"detector\.json: config: head is 5"):
        Colors.load(tmp_path / "run")


def test_an_untrained_detector_lacks_what_training_gives():
    assert not hasattr(Colors(), "classes") and not isinstance(Colors(), Detector)


def test_an_untrained_detector_is_refused(tmp_path):
    for use in (
        lambda d: d.classes,
        lambda d: d.num_parameters,
        lambda d: d.slots,
        lambda d: next(d.detect([IMAGE])),
        lambda d: d.explain(IMAGE),
        lambda d: d.save(tmp_path / "x"),
    ):
        with pytest.raises(InputError, match="not trained; call fit"):
            use(Colors())
    assert Colors().history.empty and not list(tmp_path.iterdir())


def test_what_is_set_by_name_changes_what_is_built(dataset, tmp_path):
    config = set_values(Colors.default_config, ["head.moves=true", "proposals=4"])
    detector = train(dataset, tmp_path / "run", config)
    assert detector.slots.head.moves and detector.slots.proposer.count == 4
    loaded = Colors.load(tmp_path / "run")
    assert loaded.config == config and loaded.slots.head.moves
    assert not Colors().config.head.moves, "the defaults stay as they are"


def test_the_same_training_is_reused_and_any_other_starts_again(dataset, tmp_path):
    run_dir = tmp_path / "run"
    other_scale = ColorsConfig(head=HeadConfig(scale=1 / 300))
    train(dataset, run_dir)
    again = train(dataset, run_dir)
    assert len(trainings) == 1 and again.threshold == pytest.approx(100 / 256)
    assert again.cost.images == 0 and again.history.loss.tolist() == [0.5, 0.25]
    other = train(dataset, run_dir, other_scale)
    assert len(trainings) == 2 and other.threshold == pytest.approx(100 / 300)
    train(dataset, run_dir, other_scale, seed=1)
    assert len(trainings) == 3
    Colors(other_scale).fit(dataset.split("train"), None, run_dir, seed=1)
    assert len(trainings) == 4, "validation images choose the threshold"
    Colors(other_scale).fit(dataset.split("val"), None, run_dir, seed=1)
    assert len(trainings) == 5
    keys = [data.checkpoint_key for data in trainings]
    assert len(set(keys)) == 4 and keys[2] == keys[3], "and no weights"


def test_a_detector_that_shares_a_training_is_saved_with_its_own_config(dataset, tmp_path):
    class Timed(Colors):
        @staticmethod
        def training_config(config):
            return replace(config, seconds=())

    train(dataset, tmp_path / "run")
    timed = Timed(ColorsConfig(seconds=(1.0, 2.0)))
    timed.fit(dataset.split("train"), dataset.split("val"), tmp_path / "run")
    assert len(trainings) == 1
    timed.save(tmp_path / "copy")
    assert Timed.load(tmp_path / "copy").config == timed.config
    assert Colors.load(tmp_path / "run").config == ColorsConfig()


def test_a_damaged_detector_and_litter_are_replaced(dataset, tmp_path):
    run_dir = tmp_path / "run"
    train(dataset, run_dir)
    (run_dir / ".DS_Store").touch()
    (run_dir / f".{CHECKPOINT_FILE}.x1y2.npz").touch()  # of a checkpoint that was killed
    (run_dir / CHECKPOINT_FILE).touch()
    (run_dir / WEIGHTS_FILE).write_bytes(b"no weights")
    train(dataset, run_dir)
    assert len(trainings) == 2
    files = {file.name for file in run_dir.iterdir()}
    assert files == {"detector.json", WEIGHTS_FILE}


def test_another_s_folder_is_refused_before_training(dataset, tmp_path):
    other = tmp_path / "other"
    foreign = tmp_path / "foreign"
    write_info(other, DetectorInfo("rcnn", "rcnn-1", ("red", "green"), ("", ""), 0.5))
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    for folder, message in ((other, "of the kind rcnn"), (foreign, r"thesis\.tex")):
        with pytest.raises(InputError, match=f"{message}.*a folder of its own"):
            train(dataset, folder)
    assert not trainings
    with pytest.raises(InputError, match=r"thesis\.tex.*a folder of its own"):
        train(dataset, tmp_path / "run").save(foreign)


def test_images_without_boxes_are_left_out(dataset, tmp_path):
    photos = dataset.split("train")
    first = photos.boxes[photos.boxes.image_id == photos.images.image_id[0]]
    only_first = photos.with_classes(photos.classes, first)
    detector = Colors()
    detector.fit(only_first, None, tmp_path / "run")
    assert detector.metadata["photos"] == len(trainings[0].train) == 1
    without = photos.with_classes(photos.classes, photos.boxes.iloc[:0])
    with pytest.raises(InputError, match="no training photo has a box"):
        Colors().fit(without, None, tmp_path / "other")


def test_boxes_of_coarse_labels_are_ignored(dataset, tmp_path):
    photos = dataset.split("train")
    boxes = photos.boxes.assign(label=photos.boxes.label.where(photos.boxes.image_id > 0, 2))
    coarse = photos.with_classes(photos.classes, boxes, coarse_labels=((0, 1),))
    detector = Colors()
    detector.fit(coarse, coarse, tmp_path / "run")
    assert detector.classes == ("red", "green")
    assert detector.metadata["photos"] == len(trainings[0].train) == 2


def test_validation_without_boxes_leaves_the_threshold(dataset, tmp_path):
    val = dataset.split("val")
    without = val.with_classes(val.classes, val.boxes.iloc[:0])
    detector = Colors()
    detector.fit(dataset.split("train"), without, tmp_path / "run")
    assert detector.threshold == 0.5


@pytest.mark.slow
def test_all_stages_are_run_timed_and_postprocessed_by_the_same_code():
    from shopee_od.detectors import KINDS, detector_class

    shared = ("run", "detect", "explain", "fit", "save", "load", "_reuse", "_take")
    for kind in KINDS:
        if kind != "faster_rcnn":
            recipe = detector_class(kind)
            assert recipe.__mro__[1] is Pipeline
            assert not set(shared) & vars(recipe).keys(), kind
