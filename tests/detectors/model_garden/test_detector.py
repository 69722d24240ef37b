import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import shopee_od
from shopee_od.config import to_dict
from shopee_od.detector import Detector
from shopee_od.detectors.model_garden import ModelGardenFasterRCNN
from shopee_od.detectors.saving import DetectorInfo, read_info, write_info
from shopee_od.errors import InputError
from shopee_od.structures import BoxStage, CropStage, MapStage

pytestmark = pytest.mark.slow

ODD_SIZES = [(1, 1), (10, 3000), (3000, 10), (64, 64), (150, 100), (100, 150), (97, 131), (2, 700)]


def noise(height, width):
    return np.random.default_rng(height * 10_000 + width).integers(
        0, 256, (height, width, 3), np.uint8
    )


def equal(first, second):
    return all(
        np.array_equal(getattr(first, k), getattr(second, k)) for k in ("boxes", "scores", "labels")
    )


@pytest.fixture(scope="module")
def saved(smoke_run, tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved") / "detector"
    smoke_run.detector.save(directory)
    return directory


@pytest.fixture(scope="module")
def loaded(saved):
    return shopee_od.load(saved)


def test_fit_stores_the_thresholds_of_validation_and_its_provenance(smoke_run):
    from shopee_od.evaluation import find_category_threshold, find_garment_threshold, predict

    detector = smoke_run.detector
    assert isinstance(detector, Detector)
    assert detector.classes == ("cap", "jacket") and detector.types == ("", "upper")
    detections = predict(detector, smoke_run.val, progress=False)
    threshold, f1 = find_garment_threshold(detections, smoke_run.val)
    assert f1 > 0 and detector.threshold == pytest.approx(threshold)
    assert detector.category_threshold == pytest.approx(
        find_category_threshold(detections, smoke_run.val, detector.classes, threshold)
    )
    metadata = detector.metadata
    assert metadata["threshold_f1_on_val"] == pytest.approx(f1)
    counts = [metadata[name] for name in ("photos", "val_photos", "steps", "seed")]
    assert counts == [5, 3, 40, 3]
    assert "ImageNet" in metadata["weights"]
    assert detector.info.config == to_dict(smoke_run.profile)
    assert not {"profile", "canvases", "proposals"} & metadata.keys(), "provenance only"
    assert detector.info.inference["proposals"] == 20
    assert detector.name.startswith("faster_rcnn-efficientnet-lite0-coco-")


def test_the_garment_score_is_that_of_all_classes_together(loaded, photos):
    detections = next(loaded.detect(photos[:1]))
    assert len(detections) and (detections.garment_scores >= detections.scores - 1e-6).all()
    outputs = loaded.raw_outputs(photos[0])
    logits = outputs.class_logits.astype(float)
    background = np.exp(logits[:, 0]) / np.exp(logits).sum(axis=1)
    gaps = np.abs(detections.garment_scores[:, None] - (1 - background)).min(axis=1)
    assert gaps.max() < 1e-5


def test_a_saved_detector_opens_unchanged(smoke_run, saved, loaded, photos):
    assert isinstance(loaded, ModelGardenFasterRCNN)
    for name in ("classes", "types", "threshold", "name"):
        assert getattr(loaded, name) == getattr(smoke_run.detector, name)
    assert json.loads(json.dumps(loaded.metadata)) == json.loads(
        json.dumps(smoke_run.detector.metadata)
    )
    assert loaded.config == smoke_run.profile
    before = list(smoke_run.detector.detect(photos, 0))
    after = list(loaded.detect(photos, 0))
    assert all(equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(len(detections) for detections in before)
    assert not [f for f in saved.rglob("*") if f.suffix in (".pkl", ".pickle")]


def test_photos_of_any_size_give_boxes_inside_them(loaded):
    images = [noise(*size) for size in ODD_SIZES]
    count = 0
    for (height, width), detections in zip(ODD_SIZES, loaded.detect(images, 0), strict=True):
        boxes, scores, labels = detections.boxes, detections.scores, detections.labels
        assert boxes.dtype == scores.dtype == np.float32 and labels.dtype == np.int32
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
        assert (boxes[:, 2:] >= boxes[:, :2]).all()
        assert set(labels) <= {0, 1} and (np.diff(scores) <= 0).all()
        assert ((scores >= 0) & (scores <= 1)).all()
        count += len(detections)
    assert count > len(ODD_SIZES)


def test_the_number_of_parameters_is_that_of_the_network(loaded, trained_network):
    variables = trained_network.model.variables
    expected = sum(int(np.prod(variable.shape)) for variable in variables)
    assert loaded.num_parameters == expected > 3_000_000


def test_images_get_the_canvas_that_holds_them_at_the_largest_scale(loaded):
    assert sorted(map(tuple, loaded.info.inference["canvases"])) == [(64, 128), (96, 96), (128, 64)]
    sizes = [(150, 100), (100, 100), (100, 150)]
    canvases = [loaded.raw_outputs(noise(*size)).canvas for size in sizes]
    assert canvases == [(128, 64), (96, 96), (64, 128)]


def test_photos_are_taken_one_by_one_in_order_and_counted(saved, photos):
    detector = shopee_od.load(saved)
    taken = []

    def images():
        for i in (2, 0, 1, 0):
            taken.append(i)
            yield photos[i]

    detections = detector.detect(images(), 0)
    assert not taken and detector.cost.images == 0, "detection is lazy"
    first, second = next(detections), next(detections)
    assert taken == [2, 0] and detector.cost.images == 2
    third, fourth = detections
    one_by_one = [next(detector.detect([photos[i]], 0)) for i in (2, 0, 1, 0)]
    assert all(equal(a, b) for a, b in zip((first, second, third, fourth), one_by_one, strict=True))
    cost = detector.cost
    assert (cost.images, cost.cnn_passes, cost.regions) == (8, 8, 8 * 20)
    assert 0 < cost.seconds_per_image < cost.seconds and cost.peak_memory > 10**8


def test_score_threshold_and_max_detections_are_respected(loaded, photos):
    (all_,) = loaded.detect(photos[:1], 0)
    median = float(np.median(all_.scores))
    (above,) = loaded.detect(photos[:1], median)
    (two,) = loaded.detect(photos[:1], 0, max_detections=2)
    assert equal(above, all_.above(median)) and 0 < len(above) < len(all_)
    assert equal(two, all_.top(2)) and len(two) == 2


def test_explain_gives_the_stages_in_pixels_of_the_photo(loaded, photos):
    for photo in (photos[0], photos[3], noise(40, 300)):
        height, width = photo.shape[:2]
        trace = loaded.explain(photo)
        maps = ["backbone", "features", "objectness"]
        after = ["anchors", "candidates", "proposals", "pooled", "classes", "refined", "detections"]
        assert [stage.name for stage in trace.stages] == maps + after
        assert all(stage.description for stage in trace.stages)
        for name in ("candidates", "proposals", "classes", "refined", "detections"):
            boxes = box_stage(trace, name).boxes
            assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all(), name
        proposals = box_stage(trace, "proposals")
        candidates = box_stage(trace, "candidates")
        pooled = trace["pooled"]
        assert isinstance(pooled, CropStage)
        levels = pooled.details["levels"]
        assert len(proposals.boxes) == candidates.kept.sum() == len(levels) == 20
        kept = candidates.boxes[candidates.kept]
        for box in proposals.boxes:
            assert np.abs(kept - box).max(axis=1).min() < 0.01, (
                "proposals are the candidates that NMS keeps"
            )
        assert pooled.crops.shape == (20, 7, 7) and set(levels) <= {3, 4, 5}
        anchors = box_stage(trace, "anchors")
        assert len(anchors.boxes) == len(anchors.scores) > 300
        for name in maps:
            assert isinstance(trace[name], MapStage)
            assert list(trace[name].maps) == ["level 3", "level 4", "level 5"]
            rows, columns = trace[name].maps["level 3"].shape
            assert abs(rows / columns - height / width) <= 1 / columns + height / width / columns, (
                "without padding"
            )
        assert (trace["objectness"].maps["level 3"] <= 1).all()
        (detected,) = loaded.detect([photo])
        detected = detected.select_garments(loaded.threshold)
        detections = box_stage(trace, "detections")
        assert equal(detections, detected)
        refined = box_stage(trace, "refined")
        np.testing.assert_array_equal(refined.before, proposals.boxes)
        for box in detections.boxes:
            assert np.abs(refined.boxes - box).max(axis=1).min() < 0.1, (
                "detections are some of the refined boxes"
            )


def box_stage(trace, name):
    stage = trace[name]
    assert isinstance(stage, BoxStage)
    return stage


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)],
)
def test_arrays_that_are_no_photo_are_refused(loaded, wrong):
    with pytest.raises(InputError, match=r"a photo is uint8 \(height, width, 3\)"):
        next(loaded.detect([wrong]))


def test_an_untrained_detector_is_refused(tmp_path):
    for use in (
        lambda d: d.classes,
        lambda d: next(d.detect([noise(9, 9)])),
        lambda d: d.save(tmp_path / "x"),
    ):
        with pytest.raises(InputError, match="not trained; call fit"):
            use(ModelGardenFasterRCNN())
    assert not list(tmp_path.iterdir())


INFO = {
    "kind": "faster_rcnn",
    "name": "x",
    "classes": ["a"],
    "types": ["upper"],
    "threshold": 0.5,
}


def changed(**changes):
    return json.dumps(INFO | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no detector.json there; name a saved detector"),
        ("", "not readable as JSON"),
        ('{"kind": ', "not readable as JSON"),
        ("[]", "does not describe a detector"),
        ("null", "does not describe a detector"),
        ("{}", "does not describe a detector"),
        (changed(stranger=1), "does not describe a detector"),
        (changed(classes=None), "does not describe a detector"),
        (changed(threshold="high"), "does not describe a detector"),
        (changed(classes=[], types=[]), "classes and types do not fit"),
        (changed(types=[]), "classes and types do not fit"),
        (changed(types=["shoe"]), "classes and types do not fit"),
        (changed(threshold=7), "threshold 7.0 is not in 0–1"),
        (changed(threshold=float("nan")), "threshold nan is not in 0–1"),
        (
            changed(kind="yolo"),
            "detector kind 'yolo' is not known; this version opens sliding_window, ",
        ),
        (changed(), "there is no network.tflite; save the detector again"),
    ],
)
def test_a_folder_that_is_no_detector_is_refused_in_one_sentence(tmp_path, text, message):
    if text is not None:
        (tmp_path / "detector.json").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        shopee_od.load(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_a_damaged_network_is_refused_in_one_sentence(saved, tmp_path, photos):
    directory = shutil.copytree(saved, tmp_path / "detector")
    (directory / "network.tflite").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"network\.tflite: damaged.*save the detector again"):
        next(shopee_od.load(directory).detect(photos))
    (directory / "variables.npz").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"variables\.npz: missing or damaged; save the detector"):
        shopee_od.load(directory).num_parameters  # noqa: B018
    (directory / "variables.npz").unlink()
    with pytest.raises(InputError, match=r"there is no variables\.npz; save the detector again"):
        shopee_od.load(directory)


def test_a_canvas_that_the_network_does_not_take_is_refused(saved, tmp_path, photos):
    directory = shutil.copytree(saved, tmp_path / "detector")
    info = read_info(directory)
    write_info(directory, replace(info, inference={**info.inference, "canvases": [[32, 32]]}))
    with pytest.raises(InputError, match=r"network\.tflite: takes no canvas of 32 × 32 pixels"):
        next(shopee_od.load(directory).detect(photos))


def test_an_info_is_read_as_written(tmp_path):
    info = DetectorInfo(
        kind="faster_rcnn",
        name="näme",
        classes=("Röcke", "b"),
        types=("lower", ""),
        threshold=0.25,
        config={"rois": 8},
        inference={"proposals": 5},
        metadata={"steps": 3},
    )
    write_info(tmp_path, info)
    assert read_info(tmp_path) == info


def test_a_detector_that_records_no_canvases_is_refused(saved, tmp_path):
    directory = shutil.copytree(saved, tmp_path / "detector")
    (directory / "detector.json").write_text(changed())
    with pytest.raises(InputError, match=r"does not record canvases; save the detector again"):
        shopee_od.load(directory)


def test_a_saved_detector_needs_no_tensorflow(saved, cuts):
    """To load, detect, explain and count its parameters, in a process that has none."""
    code = f"""
import sys
sys.modules["tensorflow"] = sys.modules["tf_keras"] = None
import shopee_od
from shopee_od.datasets.photos import read_photo
detector = shopee_od.load({str(saved)!r})
photo = read_photo({str(cuts / "images" / "1.jpg")!r})
(detections,) = detector.detect([photo], 0)
print(len(detections), len(detector.explain(photo).stages), detector.num_parameters)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    detections, stages, parameters = map(int, result.stdout.split())
    assert detections > 0 and stages == 10 and parameters > 3_000_000
    assert result.stderr == "", "LiteRT's logs are suppressed"


def test_an_interrupted_save_changes_nothing(smoke_run, saved, tmp_path, monkeypatch):
    from shopee_od.detectors.model_garden import detector as module

    def fail(*_):
        raise KeyboardInterrupt

    before = shutil.copytree(saved, tmp_path / "before")
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_info", fail)
        for directory in (tmp_path / "new", before):
            with pytest.raises(KeyboardInterrupt):
                smoke_run.detector.save(directory)
    assert [f.name for f in tmp_path.iterdir()] == ["before"]
    assert read_info(before) == read_info(saved)
    smoke_run.detector.save(before)
    assert read_info(before) == read_info(saved)
