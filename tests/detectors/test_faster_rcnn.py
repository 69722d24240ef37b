import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import shopee_od
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.card import read_card, write_card
from shopee_od.detectors.faster_rcnn import FasterRCNN
from shopee_od.types import Card, Detector, InputError

ODD_SIZES = [(1, 1), (10, 3000), (3000, 10), (64, 64), (150, 100), (100, 150), (97, 131), (2, 700)]


def noise(height, width):
    return np.random.default_rng(height * 10_000 + width).integers(0, 256, (height, width, 3), np.uint8)


def equal(first, second):
    return all(np.array_equal(getattr(first, k), getattr(second, k)) for k in ("boxes", "scores", "labels"))


@pytest.fixture(scope="module")
def photos(smoke_run):
    return [read_photo(path) for path in smoke_run.train.images.path]


@pytest.fixture(scope="module")
def saved(smoke_run, tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved") / "detector"
    smoke_run.detector.save(directory)
    return directory


@pytest.fixture(scope="module")
def loaded(saved):
    return shopee_od.load(saved)


def test_fit_stores_the_best_threshold_on_validation_and_where_it_comes_from(smoke_run):
    from shopee_od.evaluation import best_threshold, predict

    detector = smoke_run.detector
    assert isinstance(detector, Detector)
    assert detector.classes == ("cap", "jacket") and detector.types == ("", "upper")
    threshold, f1 = best_threshold(predict(detector, smoke_run.val, progress=False), smoke_run.val, detector.classes)
    assert f1 > 0 and detector.threshold == pytest.approx(threshold)
    trained = detector.trained
    assert trained["threshold_f1_on_val"] == pytest.approx(f1)
    assert (trained["photos"], trained["val_photos"], trained["steps"], trained["seed"]) == (5, 3, 40, 3)
    assert "ImageNet" in trained["weights"] and trained["profile"]["name"] == "smoke"
    assert detector.name.startswith("faster_rcnn-efficientnet-lite0-coco-")


def test_a_saved_detector_opens_as_the_same(smoke_run, saved, loaded, photos):
    assert isinstance(loaded, FasterRCNN)
    for name in ("classes", "types", "threshold", "name"):
        assert getattr(loaded, name) == getattr(smoke_run.detector, name)
    assert json.loads(json.dumps(loaded.trained)) == json.loads(json.dumps(smoke_run.detector.trained))
    here, there = list(smoke_run.detector.detect(photos, 0)), list(loaded.detect(photos, 0))
    assert all(equal(a, b) for a, b in zip(here, there, strict=True)) and all(len(a) for a in here)
    assert not [f for f in saved.rglob("*") if f.suffix in (".pkl", ".pickle")]


def test_photos_of_any_size_give_boxes_inside_them(loaded):
    images = [noise(*size) for size in ODD_SIZES]
    seen = 0
    for (height, width), found in zip(ODD_SIZES, loaded.detect(images, 0), strict=True):
        assert found.boxes.dtype == found.scores.dtype == np.float32 and found.labels.dtype == np.int32
        assert (found.boxes >= 0).all() and (found.boxes <= [width, height, width, height]).all()
        assert (found.boxes[:, 2:] >= found.boxes[:, :2]).all()
        assert set(found.labels) <= {0, 1} and (np.diff(found.scores) <= 0).all()
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        seen += len(found)
    assert seen > len(ODD_SIZES)


def test_parameters_are_those_of_the_network(smoke_run, loaded):
    """Against Model Garden's own network of the same configuration."""
    from shopee_od.garden.experiment import experiment
    from shopee_od.garden.export import Stages

    params = experiment(smoke_run.profile, loaded.classes, tuple(loaded.trained["canvases"][0]))
    network = Stages(params, loaded.trained["canvases"][:1]).model
    assert loaded.parameters == sum(int(np.prod(each.shape)) for each in network.variables) > 3_000_000


def test_each_shape_has_a_canvas_that_shows_it_largest(loaded):
    assert sorted(map(tuple, loaded.trained["canvases"])) == [(64, 128), (96, 96), (128, 64)]
    names = [loaded._fit_to_canvas(noise(*size))[0] for size in [(150, 100), (100, 100), (100, 150)]]
    assert names == ["128x64", "96x96", "64x128"]


def test_the_photo_in_its_canvas_is_that_of_training(loaded, smoke_run, photos):
    import tensorflow as tf

    from shopee_od.garden.inputs import placed
    from shopee_od.garden.targets import network_input

    for photo in photos:
        encoded = tf.io.encode_jpeg(photo)
        photo = tf.io.decode_jpeg(encoded).numpy()
        name, canvas, info = loaded._fit_to_canvas(photo)
        size = tuple(int(side) for side in name.split("x"))
        on_it, shown, placed_info = placed(encoded, tf.constant(photo.shape[:2], tf.float32), size, (1, 1))
        height, width, _ = on_it.shape
        batch = tf.pad(on_it, [[0, size[0] - height], [0, size[1] - width], [0, 0]])[None]
        np.testing.assert_allclose(canvas[0], network_input(batch, shown[None])[0], atol=1e-4)
        np.testing.assert_allclose(info, placed_info, atol=1e-5)


def test_the_exported_network_answers_as_the_trained_one(loaded, smoke_run, photos):
    import tensorflow as tf
    from official.vision.ops import anchor

    from shopee_od.garden.experiment import experiment
    from shopee_od.garden.metric import detections_of
    from shopee_od.garden.task import FasterRCNNTask
    from shopee_od.garden.train import chosen_checkpoint

    for photo in photos:
        name, canvas, info = loaded._fit_to_canvas(photo)
        if name == "96x96":
            break
    params = experiment(smoke_run.profile, loaded.classes, (96, 96))
    model = FasterRCNNTask(params.task, smoke_run.profile).build_model()
    checkpoint = tf.train.Checkpoint(model=model)
    checkpoint.read(str(chosen_checkpoint(smoke_run.run_dir))).expect_partial().assert_existing_objects_matched()
    config = params.task.model
    anchors = anchor.build_anchor_generator(
        config.min_level,
        config.max_level,
        config.anchor.num_scales,
        config.anchor.aspect_ratios,
        config.anchor.anchor_size,
    )((96, 96))
    out = model(
        tf.constant(canvas),
        image_shape=tf.constant([[96.0, 96.0]]),
        anchor_boxes={level: boxes[None] for level, boxes in anchors.items()},
        training=False,
    )
    arrays = {k: v.numpy() for k, v in out.items() if k.startswith(("detection_", "num_"))}
    trained = detections_of(arrays | {"image_info": info[None]}, 0)
    (exported,) = loaded.detect([photo], 0)
    assert len(exported) == len(trained) > 5
    np.testing.assert_allclose(exported.scores, trained.scores, atol=1e-3)
    np.testing.assert_allclose(exported.boxes, trained.boxes, atol=1e-3 * max(photo.shape))
    np.testing.assert_array_equal(exported.labels, trained.labels)


def test_photos_are_taken_one_by_one_in_order_and_counted(saved, photos):
    detector = shopee_od.load(saved)
    taken = []

    def given():
        for i in (2, 0, 1, 0):
            taken.append(i)
            yield photos[i]

    found = detector.detect(given(), 0)
    assert not taken and detector.cost.photos == 0, "nothing is done before it is asked for"
    first, second = next(found), next(found)
    assert taken == [2, 0] and detector.cost.photos == 2
    third, fourth = found
    one_by_one = [next(detector.detect([photos[i]], 0)) for i in (2, 0, 1, 0)]
    assert all(equal(a, b) for a, b in zip((first, second, third, fourth), one_by_one, strict=True))
    cost = detector.cost
    assert (cost.photos, cost.cnn_passes, cost.regions) == (8, 8, 8 * 20)
    assert 0 < cost.seconds_per_photo < cost.seconds and cost.peak_memory > 10**8


def test_threshold_and_most_detections_are_kept(loaded, photos):
    (all_,) = loaded.detect(photos[:1], 0)
    middle = float(np.median(all_.scores))
    (above,) = loaded.detect(photos[:1], middle)
    (two,) = loaded.detect(photos[:1], 0, max_detections=2)
    assert equal(above, all_.above(middle)) and 0 < len(above) < len(all_)
    assert equal(two, all_.first(2)) and len(two) == 2


def test_explain_shows_the_stages_in_the_photos_own_pixels(loaded, photos):
    for photo in (photos[0], photos[3], noise(40, 300)):
        height, width = photo.shape[:2]
        trace = loaded.explain(photo)
        maps = ["backbone", "features", "objectness"]
        after = ["anchors", "candidates", "proposals", "pooled", "classes", "refined", "kept"]
        assert [stage.name for stage in trace.stages] == maps + after and all(stage.says for stage in trace.stages)
        for name in ("candidates", "proposals", "classes", "refined", "kept"):
            boxes = trace[name].arrays["boxes"]
            assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all(), name
        proposals, candidates, pooled = (trace[k].arrays for k in ("proposals", "candidates", "pooled"))
        assert len(proposals["boxes"]) == candidates["kept"].sum() == len(pooled["levels"]) == 20
        chosen = candidates["boxes"][candidates["kept"]]
        for box in proposals["boxes"]:
            assert np.abs(chosen - box).max(axis=1).min() < 0.01, "proposals are the candidates that NMS leaves"
        assert pooled["strength"].shape == (20, 7, 7) and set(pooled["levels"]) <= {3, 4, 5}
        assert len(trace["anchors"].arrays["boxes"]) == len(trace["anchors"].arrays["scores"]) > 300
        for name in maps:
            levels = trace[name].arrays
            assert list(levels) == ["level 3", "level 4", "level 5"]
            rows, columns = levels["level 3"].shape
            assert abs(rows / columns - height / width) <= 1 / columns + height / width / columns, "without padding"
        assert (trace["objectness"].arrays["level 3"] <= 1).all()
        (detected,) = loaded.detect([photo], loaded.threshold)
        assert all(np.array_equal(trace["kept"].arrays[k], getattr(detected, k)) for k in ("boxes", "scores", "labels"))
        refined = trace["refined"].arrays
        for box in trace["kept"].arrays["boxes"]:
            assert np.abs(refined["boxes"] - box).max(axis=1).min() < 0.1, "kept are some of the refined"


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)]
)
def test_what_is_no_photo_is_refused(loaded, wrong):
    with pytest.raises(InputError, match=r"a photo is uint8 \(height, width, 3\)"):
        next(loaded.detect([wrong]))


def test_a_network_saved_without_its_stages_says_so_and_detects(loaded, photos, monkeypatch):
    detector = FasterRCNN(loaded._learnt, loaded._card)
    old = {name: call for name, call in loaded._open().items() if not name.startswith("heads_")}
    monkeypatch.setattr(detector, "_opened", SimpleNamespace(signatures=old))
    assert len(next(detector.detect(photos, 0)))
    with pytest.raises(InputError, match="saved by an earlier version"):
        detector.explain(photos[0])


def test_an_untrained_detector_says_so(tmp_path):
    for use in (lambda d: d.classes, lambda d: next(d.detect([noise(9, 9)])), lambda d: d.save(tmp_path / "x")):
        with pytest.raises(InputError, match="not trained; call fit"):
            use(FasterRCNN())
    assert not list(tmp_path.iterdir())


CARD = {"kind": "faster_rcnn", "classes": ["a"], "types": ["upper"], "threshold": 0.5, "trained": {}, "name": "x"}


def changed(**changes):
    return json.dumps(CARD | changes)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (None, "no detector.json there; name a saved detector"),
        ("", "not readable as JSON"),
        ('{"kind": ', "not readable as JSON"),
        ("[]", "not a detector's card"),
        ("null", "not a detector's card"),
        ("{}", "not a detector's card"),
        (changed(stranger=1), "not a detector's card"),
        (changed(classes=None), "not a detector's card"),
        (changed(threshold="high"), "not a detector's card"),
        (changed(classes=[], types=[]), "classes and types do not fit"),
        (changed(types=[]), "classes and types do not fit"),
        (changed(types=["shoe"]), "classes and types do not fit"),
        (changed(threshold=7), "threshold 7.0 is not in 0–1"),
        (changed(threshold=float("nan")), "threshold nan is not in 0–1"),
        (changed(kind="yolo"), "detector kind 'yolo' is not known; this version opens sliding_window, "),
        (changed(), "there is no SavedModel; save the detector again"),
    ],
)
def test_a_folder_that_is_no_detector_is_refused_in_one_sentence(tmp_path, card, said):
    if card is not None:
        (tmp_path / "detector.json").write_text(card)
    with pytest.raises(InputError, match=said) as error:
        shopee_od.load(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_a_damaged_saved_model_is_refused_in_one_sentence(saved, tmp_path, photos):
    directory = shutil.copytree(saved, tmp_path / "detector")
    (directory / "saved_model" / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"saved_model.*save the detector again"):
        next(shopee_od.load(directory).detect(photos))


def test_a_card_is_read_as_written(tmp_path):
    card = Card("faster_rcnn", ("Röcke", "b"), ("lower", ""), 0.25, {"steps": 3}, "näme")
    write_card(tmp_path, card)
    assert read_card(tmp_path) == card


def test_an_interrupted_save_leaves_what_was_there(smoke_run, saved, tmp_path, monkeypatch):
    from shopee_od.detectors import faster_rcnn

    def fails(*_):
        raise KeyboardInterrupt

    before = shutil.copytree(saved, tmp_path / "before")
    with monkeypatch.context() as patch:
        patch.setattr(faster_rcnn, "write_card", fails)
        for directory in (tmp_path / "new", before):
            with pytest.raises(KeyboardInterrupt):
                smoke_run.detector.save(directory)
    assert [f.name for f in tmp_path.iterdir()] == ["before"]
    assert read_card(before) == read_card(saved)
    smoke_run.detector.save(before)
    assert read_card(before) == read_card(saved)
