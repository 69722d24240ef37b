"""R-CNN on drawn shapes: learnt, found again, counted and timed truthfully, kept, saved."""

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detectors import proposed, svm_detector
from shopee_od.detectors.proposals import MOST, prepare, proposals
from shopee_od.detectors.rcnn import RCNN
from shopee_od.detectors.rcnn_network import SIDE, CropCNN, training_crops
from shopee_od.detectors.rcnn_training import fine_tune, labelled_crops
from shopee_od.detectors.region_svm import RegionSVMs
from shopee_od.detectors.regions import WEIGHTS
from shopee_od.garden.backbones import lite0_weights
from shopee_od.profiles import profile
from shopee_od.types import Detector, InputError

SMOKE = profile("smoke")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    detector, run_dir = RCNN(), tmp_path_factory.mktemp("rcnn") / "run"
    detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    return detector, run_dir


def test_it_finds_the_shapes_it_learnt(trained, shapes):
    from shopee_od.evaluation import evaluate

    detector, _ = trained
    assert isinstance(detector, Detector)
    figures = evaluate(detector, shapes.split("test"), bootstrap=0)
    assert figures["AP50"] > 0.8
    assert detector.trained["photos"] == 30 and "ImageNet" in detector.trained["weights"] and 0 < detector.threshold < 1


def test_every_region_is_a_cnn_pass_and_steps_are_timed(trained, shape_photo):
    detector, _ = trained
    image, _ = shape_photo(np.random.default_rng(8), 1, 100)
    before, timed = detector.cost, sum(detector.seconds.values())
    list(detector.detect([image]))
    after = detector.cost
    regions = len(proposals(image).first(MOST).boxes)
    assert after.regions - before.regions == after.cnn_passes - before.cnn_passes == regions > 15
    spent = sum(detector.seconds.values()) - timed
    assert all(detector.seconds.values()) and spent == pytest.approx(after.seconds - before.seconds, rel=0.5)


def test_proposals_that_were_kept_count_with_the_seconds_they_took(trained, shapes, monkeypatch):
    """The search is said to have taken an hour, and is not done again."""
    detector, _ = trained
    path = shapes.split("test").images.path[0]
    prepare([path])
    from shopee_od.datasets.photos import read_photo

    found = proposals(read_photo(path))
    monkeypatch.setattr(proposed, "proposals", lambda image: type(found)(found.boxes, 3600.0))
    before = detector.cost.seconds
    list(detector.detect([read_photo(path)]))
    assert 3600 < detector.cost.seconds - before < 3700


def test_its_parameters_are_the_cnns_too(trained):
    detector, _ = trained
    cnn = sum(each.size for name, each in lite0_weights().items() if not name.startswith("classifier/"))
    assert detector.parameters == cnn + 1 + 2880 * 2 + 2 + 2881 * 4


def test_saved_and_opened_it_finds_the_same(trained, shape_photo, tmp_path):
    detector, run_dir = trained
    detector.save(tmp_path / "kept")
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    for place in (run_dir, tmp_path / "kept"):
        same = load(place)
        assert same.kind == "rcnn" and same.classes == detector.classes
        for ours, theirs in zip(detector.detect([image]), same.detect([image]), strict=True):
            np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-2)
            np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)


def test_trained_again_in_the_same_folder_it_is_taken_as_it_is(trained, shapes):
    detector, run_dir = trained
    before = (run_dir / WEIGHTS).stat().st_mtime_ns
    again = RCNN()
    again.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    assert (run_dir / WEIGHTS).stat().st_mtime_ns == before and again.threshold == detector.threshold


def test_damaged_weights_are_refused(trained, tmp_path):
    trained[0].save(tmp_path / "kept")
    file = tmp_path / "kept" / WEIGHTS
    with np.load(file) as held:
        arrays = dict(held)
    np.savez(file, **arrays | {"weights": arrays["weights"][:10]})
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "kept")


def test_its_stages_are_named(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    detector, _ = trained
    photos = detector.cost.photos
    trace = detector.explain(image)
    assert [stage.name for stage in trace.stages] == ["proposals", "crops", "scores", "refined", "kept"]
    boxes = trace["proposals"].arrays["boxes"]
    assert trace["crops"].arrays["crops"].shape == (len(boxes), SIDE, SIDE, 3)
    assert len(trace["scores"].arrays["scores"]) == len(boxes) > len(trace["refined"].arrays["boxes"]) >= 1
    assert trace["refined"].arrays["boxes"].shape == trace["refined"].arrays["before"].shape
    assert all(trace[step].arrays["seconds"] > 0 for step in ("proposals", "crops", "scores"))
    assert detector.cost.photos == photos  # explaining is no detecting
    kept, [found] = trace["kept"].arrays, detector.detect([image], detector.threshold)
    np.testing.assert_array_equal(kept["boxes"], found.boxes)


def test_boxes_of_a_photo_are_learnt_from_mirrored_too():
    image = np.random.default_rng(0).integers(0, 256, (120, 100, 3)).astype(np.uint8)
    crops = training_crops(image, np.array([[10, 10, 90, 100]]), np.array([[0, 0, 50, 50], [20, 20, 80, 80]]))
    assert len(crops) == 4
    np.testing.assert_array_equal(crops[1], crops[0][:, ::-1])


def test_fine_tuning_changes_the_network_and_it_is_saved_with_it(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.detectors.rcnn_training.BATCH", {True: 4, False: 4})
    train = shapes.split("train").sample(6)
    crops, labels = labelled_crops(train, 0)
    assert len(crops) == len(labels) and set(labels) == {0, 1, 2}
    cnn = CropCNN()
    before, key = cnn(crops[:2]), cnn.key
    fine_tune(train, 0, cnn, steps=2)
    after = cnn(crops[:2])
    assert cnn.key != key and not np.allclose(before, after)
    svms = RegionSVMs(np.float32(1), np.zeros((2880, 2)), np.zeros(2), np.zeros((2881, 4)))
    tuned = RCNN(svm_detector.Learnt(svms, cnn), _card(), fine_tune=True)
    tuned.save(tmp_path / "tuned")
    np.testing.assert_allclose(load(tmp_path / "tuned")._learnt.cnn(crops[:2]), after, atol=1e-4)


def _card():
    from shopee_od.types import Card

    return Card("rcnn", ("cross", "ring"), ("upper", "upper"), 0.5)


def test_without_boxes_there_is_nothing_to_learn(shapes, tmp_path):
    none = shapes.with_classes(shapes.classes, shapes.boxes.iloc[:0])
    with pytest.raises(InputError, match="no training photo has a box"):
        RCNN().fit(none, None, SMOKE, tmp_path / "run")
