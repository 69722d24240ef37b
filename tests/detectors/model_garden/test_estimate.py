import pytest

from shopee_od.detectors.model_garden import estimate as module
from shopee_od.detectors.model_garden.estimate import count_parameters, estimate
from shopee_od.errors import InputError
from shopee_od.profiles import DATASET_OVERRIDES, profile

pytestmark = pytest.mark.slow


def test_the_parameters_are_those_of_the_trained_network(smoke_run):
    """With stochastic depth, as the default profile has it."""
    assert smoke_run.profile.drop_path > 0
    height, width = smoke_run.detector.info.inference["canvases"][0]
    classes = smoke_run.detector.classes
    trainable, total, activations = count_parameters(smoke_run.profile, classes, (height, width))
    assert total == smoke_run.detector.num_parameters
    assert 0 < trainable < total and activations > 0


def test_the_report_names_data_sizes_and_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "count_parameters", lambda *_: (7_200_000, 7_300_000, 2**30))
    monkeypatch.setitem(DATASET_OVERRIDES, ("laptop", "deepfashion"), {"steps": 3000})
    report = estimate(profile("laptop", "deepfashion"), "deepfashion", tmp_path, [100.0])
    assert "laptop has other sizes for deepfashion: steps=3000" in report
    assert "computed for its 16 classes and all 239,557 photos" in report
    assert "parameters: 7.3 M, 7.2 M of them trained" in report and '"model_id": "b0"' in report
    assert "1.0 for the activations" in report
    assert "at 100 images/s: 0.67 hours per epoch" in report


def test_a_speed_must_be_positive(tmp_path):
    with pytest.raises(InputError, match="--images-per-second 0: it must be above 0"):
        estimate(profile("smoke"), "deepfashion", tmp_path, [0])
