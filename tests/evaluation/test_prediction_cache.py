"""Predictions stored in a folder."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from PIL import Image

from shopee_od.errors import InputError
from shopee_od.evaluation.prediction_cache import load_or_compute_predictions
from shopee_od.structures import Cost, Detections


class CountingDetector:
    """Predicts one box per image, a pixel lower in each, and two in the first."""

    classes = ("a",)
    types = ("upper",)
    threshold = 0.5
    name = "counting"
    num_parameters = 0

    def __init__(self):
        self.cost = Cost()
        self.metadata = {"steps": 1}

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for _ in images:
            n = self.cost.images
            self.cost = replace(self.cost, images=n + 1, seconds=self.cost.seconds + 0.5)
            boxes = [[0, n, 5, n + 5], [1, n, 6, n + 5]][: 1 if n else 2]
            scores = np.linspace(0.9, 0.8, len(boxes))
            yield Detections(boxes, scores, np.zeros(len(boxes)), np.sqrt(scores))


@pytest.fixture
def dataset(make_dataset, tmp_path):
    """Three images, of which the third has no file."""
    dataset = make_dataset([[(0, 0, 5, 5, 0)], [], []])
    for i in (1, 2):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.jpg")
    paths = [str(tmp_path / f"{i}.jpg") for i in (1, 2, 3)]
    return replace(dataset, images=dataset.images.assign(path=paths))


@pytest.fixture
def load_or_compute(tmp_path):
    """`load_or_compute_predictions` with a folder, without a progress bar."""

    def call(detector, dataset):
        return load_or_compute_predictions(detector, dataset, tmp_path / "cached", progress=False)

    return call


def test_the_second_time_they_are_read(dataset, load_or_compute, tmp_path):
    detector = CountingDetector()
    computed = load_or_compute(detector, dataset)
    cached = load_or_compute(detector, dataset)
    assert detector.cost.images == 2
    assert (computed.from_cache, cached.from_cache) == (False, True)
    assert computed.seconds_per_image == cached.seconds_per_image == pytest.approx(0.5)
    assert list(computed.unreadable) == list(cached.unreadable) == [str(tmp_path / "3.jpg")]
    assert list(computed.detections) == list(cached.detections) == [1, 2]
    assert [len(d) for d in cached.detections.values()] == [2, 1]
    for i, d in computed.detections.items():
        for name in ("boxes", "scores", "labels", "garment_scores"):
            np.testing.assert_array_equal(getattr(cached.detections[i], name), getattr(d, name))
            assert getattr(cached.detections[i], name).dtype == getattr(d, name).dtype


def test_another_detector_or_other_images_are_run(dataset, load_or_compute):
    load_or_compute(CountingDetector(), dataset)
    other = CountingDetector()
    other.metadata = {"steps": 2}
    assert not load_or_compute(other, dataset).from_cache
    assert not load_or_compute(CountingDetector(), dataset.take([1])).from_cache
    assert load_or_compute(CountingDetector(), dataset).from_cache


def test_another_config_is_run(dataset, load_or_compute):
    @dataclass(frozen=True)
    class Config:
        nms_iou: float = 0.5

    detector = CountingDetector()
    detector.config = Config()
    load_or_compute(detector, dataset)
    assert load_or_compute(detector, dataset).from_cache
    detector.config = Config(nms_iou=0.3)
    assert not load_or_compute(detector, dataset).from_cache


def test_a_damaged_file_is_replaced(dataset, load_or_compute, tmp_path):
    load_or_compute(CountingDetector(), dataset)
    (file,) = (tmp_path / "cached").glob("*.npz")
    whole = file.read_bytes()
    np.savez(file, details=np.array("{}"))
    other_contents = file.read_bytes()
    for damaged in (b"", b"no", whole[: len(whole) // 2], other_contents):
        file.write_bytes(damaged)
        assert not load_or_compute(CountingDetector(), dataset).from_cache
        assert load_or_compute(CountingDetector(), dataset).from_cache


def test_a_file_without_garment_scores_is_replaced(dataset, load_or_compute, tmp_path):
    """Files of earlier versions have none."""
    load_or_compute(CountingDetector(), dataset)
    (file,) = (tmp_path / "cached").glob("*.npz")
    with np.load(file) as arrays:
        earlier = {name: arrays[name] for name in arrays if name != "garment_scores"}
    np.savez(file, **earlier)
    assert not load_or_compute(CountingDetector(), dataset).from_cache
    assert load_or_compute(CountingDetector(), dataset).from_cache


def test_no_image_can_be_read(dataset, load_or_compute):
    with pytest.raises(InputError, match="no image can be read"):
        load_or_compute(CountingDetector(), dataset.take([3]))
