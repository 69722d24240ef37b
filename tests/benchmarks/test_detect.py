import pytest

from benchmarks import detect
from benchmarks.measure import format_table
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow


def test_a_saved_detector_is_measured_against_tensorflow(smoke_run, cuts, tmp_path, monkeypatch):
    monkeypatch.setattr(detect, "RUNS", 1)
    smoke_run.detector.save(tmp_path / "detector")
    measurements = list(detect.benchmark_detect(tmp_path / "detector", cuts / "images"))
    assert [measurement.name.strip() for measurement in measurements] == [
        "first tagged photo",
        "the same",
        "load, open",
        "detect",
        "the same",
        "memory",
    ]
    assert all(measurement.value > 0 < measurement.baseline_value for measurement in measurements)
    assert len(format_table(measurements).splitlines()) == 7


def test_a_folder_without_photos_is_refused(smoke_run, tmp_path):
    smoke_run.detector.save(tmp_path / "detector")
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="photos: holds no photos"):
        list(detect.benchmark_detect(tmp_path / "detector", tmp_path / "photos"))
