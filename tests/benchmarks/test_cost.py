"""What detecting costs: one process, fixed threads, no cache."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from color_detector import IMAGE, Colors, ColorsConfig
from PIL import Image

from benchmarks.cost import THREAD_VARIABLES, measure_cost
from shopee_od import cache
from shopee_od.datasets.dataset import Dataset
from shopee_od.detector import Detector


class SlowColors(Colors):
    """It takes a known time, and checks what it was promised."""

    def run(self, image):
        assert [os.environ[name] for name in THREAD_VARIABLES] == ["1"] * len(THREAD_VARIABLES)
        if hasattr(os, "sched_getaffinity"):
            assert len(os.sched_getaffinity(0)) == 1
        assert cache.get("proposals", "key") is None
        time.sleep(0.05)
        return super().run(image)


def load_slow(directory: Path) -> Detector:
    return SlowColors.load(directory)


@pytest.fixture
def files(tmp_path) -> list[str]:
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path in paths:
        Image.fromarray(IMAGE).save(path)
    return [str(path) for path in paths]


@pytest.fixture
def saved(files, tmp_path) -> Path:
    images = [
        {"image_id": k, "path": path, "width": 60, "height": 40, "split": "train"}
        for k, path in enumerate(files)
    ]
    boxes = [
        {"box_id": k, "image_id": k, "label": 0, "x1": 0, "y1": 0, "x2": 30, "y2": 20}
        for k in range(3)
    ]
    detector = Colors(ColorsConfig())
    data = Dataset.build("colors", tmp_path, ("red", "green"), images, boxes)
    detector.fit(data, None, tmp_path / "saved")
    return tmp_path / "saved"


def test_a_detector_is_measured_in_a_process_of_its_own(saved, files, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache.get_or_compute("proposals", "key", lambda: {"boxes": np.zeros(4)})
    before = dict(os.environ)
    cost = measure_cost(load_slow, saved, files, threads=1)
    assert dict(os.environ) == before
    steps = cost["seconds_by_step"]
    assert list(steps) == ["proposals", "features", "head", "postprocessing"]
    assert cost["seconds"] > 0.05
    assert steps["postprocessing"] > 0.05, "all that is not in a slot"
    assert sum(steps.values()) == pytest.approx(cost["seconds"], rel=0.5)
    assert 2e7 < cost["peak_memory"] < 1e9
    assert cost["load_before"] is None or cost["load_before"] >= 0
