"""HOG templates on drawn photos: learnt, found again, counted, saved."""

import numpy as np
import pytest

from shopee_od import load
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.card import write_card
from shopee_od.detectors.regions import WEIGHTS
from shopee_od.detectors.sliding_window import SlidingWindow, squeezed
from shopee_od.detectors.templates import APART, PER_PHOTO, as_found, blank, worst
from shopee_od.ops.boxes import iou
from shopee_od.ops.hog import hog
from shopee_od.profiles import profile
from shopee_od.types import Card, Detector, InputError

SMOKE = profile("smoke")
NOTHING = np.zeros((0, 4))


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    detector = SlidingWindow()
    run_dir = tmp_path_factory.mktemp("window") / "run"
    detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    return detector, run_dir


def test_fit_refuses_a_strangers_folder_before_it_learns(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.detectors.sliding_window.learn", lambda *_: pytest.fail("it learns"))
    other, foreign = tmp_path / "other", tmp_path / "foreign"
    write_card(other, Card("rcnn", shapes.classes, ("upper", "upper"), 0.5, {}, "rcnn-1"))
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    for folder, says in ((other, "of the kind rcnn"), (foreign, r"thesis\.tex")):
        with pytest.raises(InputError, match=f"{says}.*a folder of its own"):
            SlidingWindow().fit(shapes.split("train"), None, profile("smoke"), folder)


def test_other_settings_a_damaged_detector_or_litter_are_no_reason_not_to_learn(shapes, tmp_path):
    train, blank_of = shapes.split("train").sample(2, 0), []

    def learnt(photos, seed, rounds):
        blank_of.append(rounds)
        return blank(photos)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shopee_od.detectors.sliding_window.learn", learnt)
        for rounds in (1, 1, 2):
            SlidingWindow(rounds=rounds).fit(train, None, profile("smoke"), tmp_path)
        (tmp_path / ".DS_Store").touch()
        (tmp_path / ".checkpoint.npz.x1y2.npz").touch()  # of a checkpoint that was killed
        (tmp_path / "weights.npz").write_bytes(b"no weights")
        SlidingWindow(rounds=2).fit(train, None, profile("smoke"), tmp_path)
    assert blank_of == [1, 2, 2]


@pytest.mark.parametrize("kind", ["grey", "with alpha", "in floats", "a list"])
def test_what_is_no_photo_is_refused(trained, kind):
    photo = np.zeros((64, 64, 3), np.uint8)
    given = {
        "grey": photo[..., 0],
        "with alpha": np.zeros((64, 64, 4), np.uint8),
        "in floats": photo / 255,
        "a list": [],
    }
    detector, _ = trained
    for ask in (detector.explain, lambda image: next(detector.detect([image]))):
        with pytest.raises(InputError, match="a photo is uint8"):
            ask(given[kind])


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
    found = list(detector.templates.everywhere(np.zeros((180, 150, 3), np.uint8)))
    per_class = sum(len(boxes) for _, boxes, _ in found)
    assert [len(scores) for _, _, scores in found] == [len(boxes) for _, boxes, _ in found]
    assert after.photos == before.photos + 1 and after.regions - before.regions == per_class > 100
    assert after.cnn_passes == 0 and after.seconds > before.seconds and after.peak_memory > 0
    assert len(found) <= 100


def test_windows_are_the_photos_pixels(trained):
    """The features of a window at the photo's own size are HOG of what lies in it, but for its outermost pixels."""
    image = np.random.default_rng(1).integers(0, 256, (160, 144, 3)).astype(np.uint8)
    templates = trained[0].templates
    level, shape = templates.levels(image)[0], templates.shapes[0]
    boxes = level.windows(shape)
    places = [0, len(boxes) // 2, len(boxes) - 1]
    for (x1, y1, x2, y2), features in zip(boxes[places].astype(int), level.features(shape, places), strict=True):
        assert np.corrcoef(hog(image[y1:y2, x1:x2]), features)[0, 1] > 0.9


def test_a_box_that_is_a_window_has_the_features_that_it_is_found_with(trained):
    image = np.random.default_rng(3).integers(0, 256, (160, 144, 3)).astype(np.uint8)
    for place, templates in ((20, trained[0].templates), (31, trained[0].templates)):
        level, shape = templates.levels(image)[0], templates.shapes[0]
        [features], box = level.features(shape, [place]), level.windows(shape)[place].astype(int)
        straight, mirrored = as_found(image, box, shape)
        np.testing.assert_allclose(straight, features, atol=1e-5)
        turned = np.array([144 - box[2], box[1], 144 - box[0], box[3]])
        np.testing.assert_allclose(as_found(image[:, ::-1], turned, shape)[0], mirrored, atol=1e-5)


def test_a_box_at_the_edge_of_the_photo_has_features(trained):
    image = np.random.default_rng(3).integers(0, 256, (90, 70, 3)).astype(np.uint8)
    shape = trained[0].templates.shapes[0]
    assert as_found(image, np.array([0, 0, 70, 90]), shape).shape == (2, shape.prod() * 36)


def test_a_score_is_the_features_times_the_weights(trained):
    image = np.random.default_rng(2).integers(0, 256, (180, 130, 3)).astype(np.uint8)
    templates = trained[0].templates
    for level in templates.levels(image):
        for label, shape in enumerate(templates.shapes):
            every = level.features(shape, range(len(level.windows(shape))))
            expected = every @ templates.weights[label] + templates.biases[label]
            np.testing.assert_allclose(templates.scores(level, label).ravel(), expected, atol=1e-4)


def test_the_worst_mistakes_are_the_highest_scores_off_the_garment(trained, shape_photo):
    image, box = shape_photo(np.random.default_rng(3), 0, 100)
    templates = trained[0].templates
    levels, shape, own = templates.levels(image), templates.shapes[0], np.array([box])
    scores = [np.random.default_rng(4).normal(size=len(level.windows(shape))) for level in levels]
    found = worst(levels, shape, scores, own)
    allowed = [
        (score, number, place)
        for number, (level, each) in enumerate(zip(levels, scores, strict=True))
        for place, (window, score) in enumerate(zip(level.windows(shape), each, strict=True))
        if iou(window[None], own)[0, 0] < APART
    ]
    assert found == sorted(allowed, reverse=True)[:PER_PHOTO] and len(found) == PER_PHOTO
    assert worst(levels, shape, [np.full(len(each), -2.0) for each in scores], NOTHING) == []  # no mistakes at all


def test_hard_negatives_push_the_worst_mistakes_down(trained, shapes, tmp_path):
    first = SlidingWindow(rounds=0)
    train = shapes.split("train")
    first.fit(train, None, SMOKE, tmp_path / "run")
    highest = []
    for templates in (first.templates, trained[0].templates):
        image, own = read_photo(train.images.path[0]), train.boxes_of(train.images.image_id[0])
        levels, other = templates.levels(image), 1 - int(own.label.iloc[0])
        found = worst(levels, templates.shapes[other], [templates.scores(level, other) for level in levels], NOTHING)
        highest.append(found[0][0] if found else -1)
    assert highest[1] < highest[0]


def test_a_large_photo_costs_no_more_than_its_longest_side_allows(trained):
    large = np.zeros((1000, 800, 3), np.uint8)
    boxes = np.concatenate([boxes for label, boxes, _ in trained[0].templates.everywhere(large) if label == 0])
    assert boxes[:, 2].max() <= 800 + 1e-6 and boxes[:, 3].max() <= 1000 + 1e-6 and 100 < len(boxes) < 5000


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
    assert blank(only_rings).shapes.tolist() == [[5, 10], [5, 10]]


def test_margins_are_squeezed():
    margins = np.linspace(-5, 5, 11)
    assert (np.diff(squeezed(margins)) > 0).all() and squeezed(np.zeros(1)) == 0.5


def test_without_boxes_there_is_nothing_to_learn(shapes, tmp_path):
    none = shapes.with_classes(shapes.classes, shapes.boxes.iloc[:0])
    with pytest.raises(InputError, match="no training photo has a box"):
        SlidingWindow().fit(none, None, SMOKE, tmp_path / "run")
