"""Saved detectors: what a folder must hold, and those saved by version 0.1.0."""

import json
from dataclasses import replace

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detectors import detector_class, pipeline, postprocessing
from shopee_od.detectors.hog_svm import HOGSVM
from shopee_od.detectors.pipeline import WEIGHTS_FILE
from shopee_od.detectors.saving import (
    DetectorInfo,
    claim_folder,
    read_info,
    upgrade_arrays,
    write_info,
)
from shopee_od.errors import InputError

IMAGENET = "EfficientNet-Lite0 of ImageNet"
OLD_METADATA = {
    "fingerprints": ["f", "v"],
    "seed": 0,
    "dataset": "shapes",
    "photos": 30,
    "minutes": 0.1,
    "threshold_f1_on_val": 0.9,
}
OLD_TRAINED = {
    "sliding_window": {"weights": "none", "rounds": 2},
    "window_cnn": {"weights": "random"},
    "rcnn": {"weights": IMAGENET},
    "spp_net": {"weights": IMAGENET},
    "fast_rcnn": {"weights": IMAGENET, "epochs": 4},
}
"""What `trained` of version 0.1.0 held next to OLD_METADATA."""
FAST_RCNN_HEAD = 12
"""Arrays of its head, which are the last."""


def seeded_array(seed, shape, mean):
    """Weights of a layer: one dimension around `mean`, more with He's deviation."""
    rng = np.random.default_rng(seed)
    if len(shape) < 2:
        return rng.uniform(mean - 0.5, mean + 0.5, shape).astype(np.float32)
    deviation = (2 / np.prod(shape[:-1])) ** 0.5
    return rng.normal(0, deviation, shape).astype(np.float32)


def old_templates():
    shapes = np.array([[5, 10], [8, 8]])
    arrays = {"shapes": shapes, "biases": np.array([-0.5, 0.2], np.float32)}
    for k, size in enumerate(shapes.prod(axis=1) * 36):
        arrays[f"weights_{k}"] = np.random.default_rng(k).normal(0, 0.1, size).astype(np.float32)
    return arrays


def old_svms(width):
    rng = np.random.default_rng(0)
    return {
        "scale": np.array(20 / width**0.5, np.float32),
        "weights": rng.normal(0, 0.03, (width, 2)).astype(np.float32),
        "biases": np.array([-0.5, 0.2], np.float32),
        "moves": rng.normal(0, 0.005, (width + 1, 4)).astype(np.float32),
    }


def old_window_cnn():
    network = detector_class("window_cnn")().build(2).features.network
    shapes = [weights.shape for weights in network.get_weights()]
    return {f"weights_{k}": seeded_array(k, shape, 1) for k, shape in enumerate(shapes)}


def old_fast_rcnn():
    """ImageNet's backbone with seeded noise, and a seeded head."""
    slots = detector_class("fast_rcnn")().build(2)
    backbone = [variable.numpy() for variable in slots.features.variables]
    head = [tuple(variable.shape) for variable in slots.head.variables]
    assert len(head) == FAST_RCNN_HEAD
    arrays = {
        "mean": np.array([0, 0.02, -0.05, 0.1], np.float32),
        "std": np.array([0.1, 0.1, 0.2, 0.2], np.float32),
        "history": np.random.default_rng(0).uniform(0, 1, (4, 3)).astype(np.float32),
    }
    for k, weights in enumerate(backbone):
        noise = np.random.default_rng(k).uniform(0.8, 1.2, weights.shape)
        arrays[f"weights_{k}"] = (weights * noise).astype(np.float32)
    for k, shape in enumerate(head, len(backbone)):
        arrays[f"weights_{k}"] = seeded_array(k, shape, 0)
    return arrays


OLD_ARRAYS = {
    "sliding_window": old_templates,
    "window_cnn": old_window_cnn,
    "rcnn": lambda: old_svms(2880),
    "spp_net": lambda: old_svms(3200),
    "fast_rcnn": old_fast_rcnn,
}
SLOW_KINDS = [pytest.param(k, marks=pytest.mark.slow) for k in list(OLD_ARRAYS)[1:]]


def synthetic_image():
    """uint8 (150, 120, 3): noise with a few shapes in it."""
    image = np.random.default_rng(7).integers(90, 130, (150, 120, 3)).astype(np.uint8)
    image[20:90, 15:60] = (200, 60, 40)
    image[30:60, 25:50] = (240, 240, 230)
    image[110:140, 10:50:6] = (60, 20, 90)
    y, x = np.indices(image.shape[:2])
    radius = np.hypot(y - 105, x - 80)
    image[radius < 30] = (30, 90, 180)
    image[radius < 15] = (220, 220, 60)
    return image


def write_old_detector(folder, kind):
    """A detector as version 0.1.0 saved it, weights.npz and detector.json."""
    folder.mkdir()
    np.savez(folder / WEIGHTS_FILE, **OLD_ARRAYS[kind]())
    content = {
        "kind": kind,
        "classes": ["cross", "ring"],
        "types": ["upper", "full"],
        "threshold": 0.5,
        "trained": OLD_METADATA | OLD_TRAINED[kind],
        "name": f"{kind}-old",
    }
    (folder / "detector.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    return folder


@pytest.fixture
def recorded(request):
    """What detectors of version 0.1.0 with the same weights detected in `synthetic_image`."""
    with np.load(request.path.parent / "version_0_1_0_boxes.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("kind", ["sliding_window", *SLOW_KINDS])
def test_a_detector_of_version_0_1_0_detects_the_same(kind, recorded, tmp_path, monkeypatch):
    """With its NMS, which was stricter before all stages got one setting."""
    monkeypatch.setattr(postprocessing, "NMS_IOU", 0.4)
    monkeypatch.setattr(postprocessing, "PRE_NMS_TOP_K", 300)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    old = load(write_old_detector(tmp_path / "old", kind))
    old.save(tmp_path / "new")
    for detector in (old, load(tmp_path / "new")):
        assert detector.name == f"{kind}-old"
        assert detector.classes == ("cross", "ring") and detector.types == ("upper", "full")
        assert detector.num_parameters == recorded[f"{kind}_num_parameters"]
        threshold = float(recorded[f"{kind}_threshold"])
        [detections] = detector.detect([synthetic_image()], threshold)
        boxes, scores, labels = (
            recorded[f"{kind}_{name}"] for name in ("boxes", "scores", "labels")
        )
        assert 5 < len(detections) < 20
        assert detections.labels.tolist() == labels.tolist()
        np.testing.assert_allclose(detections.boxes, boxes, rtol=0, atol=1e-3)
        np.testing.assert_allclose(detections.scores, scores, rtol=0, atol=1e-4)


def test_provenance_and_hyperparameters_of_version_0_1_0_are_separated(tmp_path):
    detector = HOGSVM.load(write_old_detector(tmp_path / "old", "sliding_window"))
    assert detector.config.training.rounds == 2
    assert detector.metadata == OLD_METADATA | {"weights": "none"}
    assert detector.info.config == {"training": {"rounds": 2}} and not detector.info.inference


def test_a_detector_of_version_0_1_0_is_reused_under_its_own_nms(shapes, tmp_path, monkeypatch):
    """Its threshold was chosen under another NMS: without that it is trained again."""
    photos = shapes.split("train").sample(3)
    folder = write_old_detector(tmp_path / "old", "sliding_window")
    file = folder / "detector.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["trained"]["fingerprints"] = [photos.fingerprint()]
    file.write_text(json.dumps(content), encoding="utf-8")

    def train(*_):
        raise InputError("it is trained again")

    monkeypatch.setattr(HOGSVM, "train", train)
    with pytest.raises(InputError, match="trained again"):
        HOGSVM().fit(photos, None, folder)
    monkeypatch.setattr(pipeline, "describe_postprocessing", dict)
    detector = HOGSVM()
    detector.fit(photos, None, folder)
    assert detector.name == "sliding_window-old"


def test_a_fine_tuned_r_cnn_of_version_0_1_0_keeps_its_network():
    arrays = {"scale": np.float32(1), "weights": np.ones((4, 2)), "cnn_0": np.ones(3)}
    upgraded = upgrade_arrays("rcnn", arrays)
    assert set(upgraded) == {"head.scale", "head.weights", "features.weights_0"}
    assert upgrade_arrays("rcnn", upgraded) == upgraded


def test_a_fine_tuned_r_cnn_of_version_0_1_0_is_known_as_such(tmp_path):
    folder = write_old_detector(tmp_path / "old", "rcnn")
    file = folder / "detector.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["trained"]["weights"] = "EfficientNet-Lite0 of ImageNet, fine-tuned"
    file.write_text(json.dumps(content), encoding="utf-8")
    info = read_info(folder)
    assert info.config["fine_tuning"] == {"enabled": True}
    assert info.metadata["weights"] == "EfficientNet-Lite0 of ImageNet"


def test_an_old_file_without_its_kind_is_refused(tmp_path):
    (tmp_path / "detector.json").write_text('{"trained": {}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"detector\.json: does not describe a detector"):
        read_info(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(InputError, match="run is a file; name a folder"):
        claim_folder(tmp_path / "run", ())


def test_faster_r_cnn_of_version_0_1_0_keeps_what_it_needs_to_run(tmp_path):
    content = {
        "kind": "faster_rcnn",
        "classes": ["cross"],
        "types": [""],
        "threshold": 0.4,
        "trained": {
            "photos": 30,
            "profile": {"steps": 10},
            "canvases": [[96, 64]],
            "proposals": 20,
        },
        "name": "old",
    }
    (tmp_path / "detector.json").write_text(json.dumps(content), encoding="utf-8")
    info = read_info(tmp_path)
    assert info.config == {"steps": 10}
    assert info.inference == {"canvases": [[96, 64]], "proposals": 20}
    assert info.metadata == {"photos": 30}


INFO = DetectorInfo("rcnn", "rcnn-1", ("a", "b"), ("upper", ""), 0.5, {"x": 1}, {}, {"seed": 0})


def test_what_was_written_is_read(tmp_path):
    write_info(tmp_path, INFO)
    assert read_info(tmp_path) == INFO


def test_the_category_threshold_is_zero_where_a_file_has_none(tmp_path):
    write_info(tmp_path, replace(INFO, category_threshold=0.6))
    assert read_info(tmp_path).category_threshold == 0.6
    file = tmp_path / "detector.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["category_threshold"]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert read_info(tmp_path) == INFO and INFO.category_threshold == 0.0


@pytest.mark.parametrize("name", ["threshold", "category_threshold"])
@pytest.mark.parametrize("value", ["1.5", "-0.1", "NaN"])
def test_a_threshold_outside_0_to_1_is_refused(tmp_path, name, value):
    write_info(tmp_path, INFO)
    file = tmp_path / "detector.json"
    content = json.loads(file.read_text(encoding="utf-8")) | {name: json.loads(value)}
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(
        InputError, match=rf"detector\.json: {name} {json.loads(value)} is not in 0"
    ):
        read_info(tmp_path)


@pytest.mark.parametrize("name", ["config", "inference", "metadata"])
@pytest.mark.parametrize("value", ["[]", "null", '"text"'])
def test_fields_that_are_no_json_object_are_refused(tmp_path, name, value):
    write_info(tmp_path, INFO)
    file = tmp_path / "detector.json"
    content = json.loads(file.read_text(encoding="utf-8")) | {name: json.loads(value)}
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=rf"detector\.json: {name} is no JSON object"):
        read_info(tmp_path)


def test_the_folder_of_a_run_is_answered_with_its_detector(tmp_path):
    write_info(tmp_path / "detector", INFO)
    with pytest.raises(InputError, match=r"no detector\.json there; did you mean .*/detector\?"):
        load(tmp_path)
    with pytest.raises(InputError, match="name a saved detector, as RUN/detector"):
        load(tmp_path / "absent")


def test_a_folder_with_other_things_is_not_claimed(tmp_path):
    names = ("detector.json", "weights.npz")
    claim_folder(tmp_path / "absent", names)
    for harmless in ("detector.json", ".DS_Store", ".weights.npz.x1y2.npz"):
        (tmp_path / harmless).touch()
    claim_folder(tmp_path, names)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"thesis\.tex.*a folder of its own"):
        claim_folder(tmp_path, names)


@pytest.mark.slow
def test_every_kind_is_created_with_its_defaults():
    from shopee_od.detectors import KINDS, create, default_config

    for kind in KINDS:
        detector = create(kind)
        assert detector.kind == kind
        assert detector.config == default_config(kind)
    with pytest.raises(InputError, match="detector kind 'yolo' is not known; choose one of"):
        create("yolo")
