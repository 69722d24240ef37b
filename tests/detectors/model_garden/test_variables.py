"""variables.npz: what is written is read, and fits a network or is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.cache import read_arrays, write_arrays
from shopee_od.config import to_dict
from shopee_od.detectors.model_garden.variables import (
    VARIABLES_FILE,
    check_variables,
    count_variables,
    has_variables,
    load_variables,
    quantize,
    read_variables,
    variables_by_part,
    write_variables,
)
from shopee_od.detectors.saving import DetectorInfo, write_info
from shopee_od.errors import InputError
from shopee_od.profiles import LAPTOP


class Variable:
    """What is used of a TensorFlow variable."""

    def __init__(self, name, value):
        self.name = f"layer/{name}:0"
        self._value = np.asarray(value, np.float32)

    @property
    def shape(self):
        return self._value.shape

    def numpy(self):
        return self._value

    def assign(self, value):
        assert value.shape == self.shape
        self._value = value


def make_model(seed, classes=3, channels=8, anchors=6):
    rng = np.random.default_rng(seed)

    def part(**shapes):
        variables = [Variable(name, rng.normal(size=shape)) for name, shape in shapes.items()]
        layer = SimpleNamespace(submodules=(), variables=variables)
        return SimpleNamespace(submodules=(SimpleNamespace(submodules=(layer,)), layer))

    return SimpleNamespace(
        backbone=part(
            kernel=(3, 3, 3, channels),
            depthwise_kernel=(3, 3, channels, 1),
            gamma=(channels,),
            moving_variance=(channels,),
        ),
        decoder=part(kernel=(1, 1, channels, 4), bias=(4,)),
        rpn_head=part(kernel=(1, 1, 4, anchors)),
        detection_head=[part(kernel=(16, 5), bias=(5,), scores=(5, classes))],
    )


def values(model):
    return {
        part: [variable.numpy() for variable in variables]
        for part, variables in variables_by_part(model).items()
    }


@pytest.fixture
def saved(tmp_path):
    write_variables(make_model(0), tmp_path / VARIABLES_FILE)
    return tmp_path


def test_vectors_and_depthwise_kernels_are_read_exactly_and_kernels_within_half_a_step(saved):
    stored = read_variables(saved / VARIABLES_FILE)
    for part, originals in values(make_model(0)).items():
        for original, value in zip(originals, stored[part], strict=True):
            assert value.dtype == np.float32 and value.shape == original.shape
            if original.ndim == 1 or original.shape[-1] == 1:
                np.testing.assert_array_equal(value, original)
            else:
                axes = tuple(range(original.ndim - 1))
                step = np.abs(original).max(axis=axes) / 127
                assert (np.abs(value - original) <= step * 0.5001).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([(4,), (2, 3, 4)]), st.floats(1e-6, 1e6))
def test_quantized_kernels_use_all_of_int8(seed, shape, size):
    kernel = (np.random.default_rng(seed).normal(size=(*shape, 3)) * size).astype(np.float32)
    kernel[..., 0] = 0
    quantized, scale = quantize(kernel)
    assert quantized.dtype == np.int8 and scale.dtype == np.float32
    axes = tuple(range(kernel.ndim - 1))
    assert np.abs(quantized).max(axis=axes).tolist() == [0, 127, 127]
    assert (np.abs(quantized * scale - kernel) <= scale * 0.5001).all()


def test_all_values_are_counted(saved):
    expected = sum(value.size for part in values(make_model(0)).values() for value in part)
    assert count_variables(saved / VARIABLES_FILE) == expected


def test_a_network_takes_over_what_fits(saved):
    model = make_model(1, classes=7, anchors=9)
    before = values(model)
    load_variables(model, saved)
    after = values(model)
    stored = read_variables(saved / VARIABLES_FILE)
    for part in ("backbone", "decoder"):
        for value, expected in zip(after[part], stored[part], strict=True):
            np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(after["rpn_head"][0], before["rpn_head"][0])
    kernel, bias, scores = after["detection_head"]
    np.testing.assert_array_equal(kernel, stored["detection_head"][0])
    np.testing.assert_array_equal(bias, stored["detection_head"][1])
    np.testing.assert_array_equal(scores, before["detection_head"][2])


def test_a_network_with_another_backbone_is_refused(saved):
    with pytest.raises(InputError, match=r"variables\.npz: its backbone does not fit the profile"):
        load_variables(make_model(1, channels=16), saved)


def test_files_that_are_no_variables_are_refused(saved, tmp_path):
    file = saved / VARIABLES_FILE
    arrays = read_arrays(file)
    content = file.read_bytes()
    for damaged in (b"", b"damaged", content[:-40], content[: len(content) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match=r"variables\.npz: missing or damaged; save the"):
            read_variables(file)
    write_arrays(file, {**arrays, "tail.000.kernel": np.zeros(2)})
    with pytest.raises(InputError, match=r"holds tail\.000\.kernel, which is no part"):
        read_variables(file)
    with pytest.raises(InputError, match="missing or damaged"):
        read_variables(tmp_path / "absent.npz")


@pytest.mark.parametrize(
    "scale", [np.ones(3, np.float32), np.float32(1), np.ones(8, np.float64), np.array(["x"] * 8)]
)
def test_a_damaged_scale_is_refused(tmp_path, scale):
    kernel = np.ones((3, 3, 4, 8), np.int8)
    write_arrays(
        tmp_path / "v.npz", {"backbone.000.kernel": kernel, "backbone.000.kernel.scale": scale}
    )
    with pytest.raises(InputError, match=r"backbone\.000\.kernel\.scale is damaged; save the"):
        read_variables(tmp_path / "v.npz")


def test_only_the_folder_of_a_detector_has_variables(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(saved)
    assert has_variables(str(saved)) and has_variables(".")
    assert not has_variables("") and not has_variables(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone": "resnet-18"}, "its backbone is efficientnet-lite0, not resnet-18; set back"),
        ({"fpn_filters": 64}, "its fpn_filters is 128, not 64; set fpn_filters=128"),
        ({"max_level": 4}, "its max_level is 5, not 4; set max_level=5"),
    ],
)
def test_a_profile_of_another_network_is_refused(saved, change, message):
    info = DetectorInfo("faster_rcnn", "x", ("a",), ("",), 0.5, config=to_dict(LAPTOP))
    write_info(saved, info)
    check_variables(str(saved), LAPTOP.replace(steps=7, head_fc=9))
    with pytest.raises(InputError, match=message):
        check_variables(str(saved), LAPTOP.replace(**change))


@pytest.mark.slow
def test_a_training_starts_with_a_saved_detector(smoke_run, trained_network, tmp_path):
    """With backbone, pyramid and heads, whichever layers it freezes."""
    from shopee_od.detectors.model_garden.experiment import build_experiment
    from shopee_od.detectors.model_garden.experiment_check import check_experiment
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    directory = tmp_path / "detector"
    smoke_run.detector.save(directory)
    sizes = smoke_run.profile.replace(weights=str(directory))
    check_experiment(sizes, smoke_run.train.classes, 0)
    params = build_experiment(sizes, smoke_run.train.classes, (96, 96))
    assert params.task.init_checkpoint is None
    task = FasterRCNNTask(params.task, sizes)
    model = task.build_model()
    task.initialize(model)
    stored = read_variables(directory / VARIABLES_FILE)
    assert not all(layer.trainable for layer in model.backbone.layers), "some are frozen"
    for part, variables in values(model).items():
        for value, expected in zip(variables, stored[part], strict=True):
            np.testing.assert_array_equal(value, expected)
    pixels = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype(np.float32)
    features, expected = (m.decoder(m.backbone(pixels)) for m in (model, trained_network.model))
    for level, cells in expected.items():
        np.testing.assert_allclose(features[level], cells, atol=0.1 * np.abs(cells).max())
