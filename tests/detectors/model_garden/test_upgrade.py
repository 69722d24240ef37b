"""Detectors that earlier versions saved, with a SavedModel, still open."""

import json
import shutil

import numpy as np
import pytest

import shopee_od
from shopee_od.detectors.saving import read_info
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def old(smoke_run, trained_network, tmp_path, monkeypatch):
    """A detector as version 0.1.0 saved it: a SavedModel, and one dictionary for config, inference
    and provenance."""
    import tensorflow as tf

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    directory = tmp_path / "old"
    smoke_run.detector.save(directory)
    for name in ("network.tflite", "variables.npz"):
        (directory / name).unlink()
    holder = tf.Module()
    holder.weights = trained_network.model.variables
    tf.saved_model.save(holder, str(directory / "saved_model"))
    info = json.loads((directory / "detector.json").read_text())
    profile = info.pop("config")
    for name, new in (("says", "description"), ("colour", "color_jitter")):
        profile[name] = profile.pop(new)
    profile["balance"] = profile.pop("class_balance")
    inference = info.pop("inference")
    del inference["nms_iou"], inference["network_sha256"]
    info["trained"] = {**info.pop("metadata"), "profile": profile, **inference}
    (directory / "detector.json").write_text(json.dumps(info))
    return directory


def test_a_detector_of_version_0_1_0_is_converted_once(old, smoke_run, photos, tmp_path, capfd):
    before = sorted(old.rglob("*"))
    opened = shopee_od.load(old)
    assert "saved by an earlier version; converting it once" in capfd.readouterr().err
    again = shopee_od.load(old)
    assert capfd.readouterr().err == ""
    detector = smoke_run.detector
    assert opened.config == detector.config and opened.threshold == detector.threshold
    assert json.loads(json.dumps(detector.metadata)) == opened.metadata
    assert opened.num_parameters == detector.num_parameters
    for expected, *others in zip(
        detector.detect(photos, 0), opened.detect(photos, 0), again.detect(photos, 0), strict=True
    ):
        for detections in others:
            np.testing.assert_array_equal(detections.boxes, expected.boxes)
            np.testing.assert_array_equal(detections.scores, expected.scores)
            np.testing.assert_array_equal(detections.labels, expected.labels)
    assert sorted(old.rglob("*")) == before, "the detector stays as it is"
    opened.save(tmp_path / "new")
    assert shopee_od.load(tmp_path / "new").info == opened.info
    assert read_info(tmp_path / "new").inference["nms_iou"] == 0.5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "variables/variables.index").write_bytes(b"x"), "saved_model: damaged"),
        (lambda d: (d / "variables/variables.index").unlink(), "saved_model: damaged"),
        (lambda d: shutil.rmtree(d / "variables"), "saved_model: holds no variables"),
    ],
)
def test_a_damaged_saved_model_is_refused_in_one_sentence(old, damage, message):
    damage(old / "saved_model")
    with pytest.raises(InputError, match=f"{message}.*save the detector again") as error:
        shopee_od.load(old)
    assert "\n" not in str(error.value)


def test_variables_of_another_network_are_refused(old):
    info = json.loads((old / "detector.json").read_text())
    info["trained"]["profile"]["fpn_filters"] = 8
    (old / "detector.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match=r"its variables do not fit detector\.json"):
        shopee_od.load(old)


def test_a_detector_that_records_no_canvases_is_refused(old):
    info = json.loads((old / "detector.json").read_text())
    del info["trained"]["canvases"]
    (old / "detector.json").write_text(json.dumps(info))
    with pytest.raises(InputError, match="does not record canvases; save the detector again"):
        shopee_od.load(old)
