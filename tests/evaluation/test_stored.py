"""Predictions kept in a folder."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from shopee_od.evaluation.stored import predictions
from shopee_od.types import Cost, Detections, InputError


class Counting:
    """Finds one box a photo, a row lower in each, and two in the first."""

    classes, types, threshold, name = ("a",), ("upper",), 0.5, "counting"

    def __init__(self):
        self.cost, self.trained = Cost(), {"steps": 1}

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for _ in images:
            n = self.cost.photos
            self.cost = replace(self.cost, photos=n + 1, seconds=self.cost.seconds + 0.5)
            boxes = [[0, n, 5, n + 5], [1, n, 6, n + 5]][: 1 if n else 2]
            yield Detections(boxes, np.linspace(0.9, 0.8, len(boxes)), np.zeros(len(boxes)))


@pytest.fixture
def data(make_dataset, tmp_path):
    dataset = make_dataset([[(0, 0, 5, 5, 0)], [], []])
    for i in (1, 2):
        Image.new("RGB", (20, 20)).save(tmp_path / f"{i}.jpg")
    return replace(dataset, images=dataset.images.assign(path=[str(tmp_path / f"{i}.jpg") for i in (1, 2, 3)]))


def test_the_second_time_they_are_read(data, tmp_path):
    detector = Counting()
    made = predictions(detector, data, tmp_path / "kept", progress=False)
    again = predictions(detector, data, tmp_path / "kept", progress=False)
    assert detector.cost.photos == 2
    assert (made.fresh, again.fresh) == (True, False)
    assert made.seconds_per_photo == again.seconds_per_photo == pytest.approx(0.5)
    assert list(made.left_out) == list(again.left_out) == [str(tmp_path / "3.jpg")]
    assert list(made.detections) == list(again.detections) == [1, 2]
    assert [len(d) for d in again.detections.values()] == [2, 1]
    for i, d in made.detections.items():
        for name in ("boxes", "scores", "labels"):
            np.testing.assert_array_equal(getattr(again.detections[i], name), getattr(d, name))
            assert getattr(again.detections[i], name).dtype == getattr(d, name).dtype


def test_another_detector_or_other_photos_are_run(data, tmp_path):
    predictions(Counting(), data, tmp_path / "kept", progress=False)
    other = Counting()
    other.trained = {"steps": 2}
    assert predictions(other, data, tmp_path / "kept", progress=False).fresh
    assert predictions(Counting(), data.take([1]), tmp_path / "kept", progress=False).fresh
    assert not predictions(Counting(), data, tmp_path / "kept", progress=False).fresh


def test_a_damaged_file_is_made_anew(data, tmp_path):
    predictions(Counting(), data, tmp_path / "kept", progress=False)
    (file,) = (tmp_path / "kept").glob("*.npz")
    whole = file.read_bytes()
    for damage in (b"", b"no", whole[: len(whole) // 2]):
        file.write_bytes(damage)
        assert predictions(Counting(), data, tmp_path / "kept", progress=False).fresh
        assert not predictions(Counting(), data, tmp_path / "kept", progress=False).fresh


def test_no_photo_to_be_read(data, tmp_path):
    with pytest.raises(InputError, match="no photo can be read"):
        predictions(Counting(), data.take([3]), tmp_path / "kept", progress=False)
