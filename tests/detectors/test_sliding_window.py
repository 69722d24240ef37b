"""HOG templates on drawn photos: learnt, found again, counted, saved."""

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detectors.regions import WEIGHTS
from shopee_od.detectors.sliding_window import SlidingWindow, squeezed
from shopee_od.detectors.templates import blank
from shopee_od.ops.hog import hog
from shopee_od.profiles import profile
from shopee_od.types import Detector, InputError

SMOKE = profile("smoke")


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    detector = SlidingWindow()
    run_dir = tmp_path_factory.mktemp("window") / "run"
    detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    return detector, run_dir


def test_it_finds_the_shapes_it_learnt(trained, shapes):
    from shopee_od.evaluation import evaluate

    detector, _ = trained
    assert isinstance(detector, Detector)
    figures = evaluate(detector, shapes.split("test"), bootstrap=0)
    assert figures["AP50"] > 0.8
    assert detector.trained["photos"] == 30 and detector.trained["weights"] == "none" and 0 < detector.threshold < 1


def test_every_region_is_counted(trained):
    detector, _ = trained
    before = detector.cost
    [found] = detector.detect([np.zeros((180, 150, 3), np.uint8)])
    after = detector.cost
    windows = detector._learnt.windows(np.zeros((180, 150, 3), np.uint8))
    per_class = sum(len(labels) * len(boxes) for labels, boxes, _ in windows)
    assert after.photos == before.photos + 1 and after.regions - before.regions == per_class > 100
    assert after.cnn_passes == 0 and after.seconds > before.seconds and after.peak_memory > 0
    assert len(found) <= 100


def test_windows_are_the_photos_pixels(trained):
    """The features of a window at the photo's own size are HOG of what lies in it, but for its outermost pixels."""
    image = np.random.default_rng(1).integers(0, 256, (160, 144, 3)).astype(np.uint8)
    _labels, boxes, features = next(trained[0]._learnt.windows(image))
    for k in (0, len(boxes) // 2, len(boxes) - 1):
        x1, y1, x2, y2 = boxes[k].astype(int)
        assert np.corrcoef(hog(image[y1:y2, x1:x2]), features[k])[0, 1] > 0.9


def test_a_large_photo_costs_no_more_than_its_longest_side_allows(trained):
    detector, _ = trained
    large = np.zeros((1000, 800, 3), np.uint8)
    boxes = np.concatenate([boxes for _, boxes, _ in detector._learnt.windows(large)])
    assert boxes[:, 2].max() <= 800 + 1e-6 and boxes[:, 3].max() <= 1000 + 1e-6 and len(boxes) < 5000


def test_a_photo_smaller_than_every_window_has_no_garment(trained):
    [found] = trained[0].detect([np.zeros((40, 40, 3), np.uint8)])
    assert len(found) == 0


def test_saved_and_opened_it_finds_the_same(trained, shape_photo, tmp_path):
    detector, run_dir = trained
    detector.save(tmp_path / "kept")
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    for place in (run_dir, tmp_path / "kept"):
        same = load(place)
        assert same.kind == "sliding_window" and same.classes == detector.classes
        for ours, theirs in zip(detector.detect([image]), same.detect([image]), strict=True):
            np.testing.assert_array_equal(ours.boxes, theirs.boxes)
            np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_trained_again_in_the_same_folder_it_is_taken_as_it_is(trained, shapes):
    detector, run_dir = trained
    before = (run_dir / WEIGHTS).stat().st_mtime_ns
    again = SlidingWindow()
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
        np.savez(
            file, shapes=np.array([[3, 3], [2, 2]]), biases=np.zeros(2), weights_0=np.zeros(3), weights_1=np.zeros(3)
        )
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "kept")


def test_its_stages_are_named(trained, shape_photo):
    image, _ = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained[0].explain(image)
    assert [stage.name for stage in trace.stages] == ["features", "windows", "kept"]
    assert trace["features"].arrays["cells"].shape == (22, 18, 9)
    assert len(trace["windows"].arrays["boxes"]) >= len(trace["kept"].arrays["boxes"]) >= 1


def test_a_window_has_its_class_shape_and_a_class_without_boxes_never_fires(shapes):
    wide = shapes.boxes.assign(x2=shapes.boxes.x1 + 100, y2=shapes.boxes.y1 + 50, label=1)
    only_rings = shapes.with_classes(shapes.classes, wide)
    assert blank(only_rings).shapes.tolist() == [[6, 13], [6, 13]]


def test_margins_are_squeezed():
    margins = np.linspace(-5, 5, 11)
    assert (np.diff(squeezed(margins)) > 0).all() and squeezed(np.zeros(1)) == 0.5


def test_without_boxes_there_is_nothing_to_learn(shapes, tmp_path):
    none = shapes.with_classes(shapes.classes, shapes.boxes.iloc[:0])
    with pytest.raises(InputError, match="no training photo has a box"):
        SlidingWindow().fit(none, None, SMOKE, tmp_path / "run")
