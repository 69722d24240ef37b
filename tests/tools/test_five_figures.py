import json
from types import SimpleNamespace

import pytest

from shopee_od.course.earlier_losses import EARLIER_VALUES
from shopee_od.datasets.dataset import Dataset
from tools import five_figures


@pytest.fixture
def dataset():
    images = [
        {"image_id": k, "path": f"/none/{k}.jpg", "width": 9, "height": 9, "split": split}
        for k, split in enumerate(["train"] * 5 + ["test"] * 2)
    ]
    return Dataset.build("ccp+clothing", "/none", ("dress",), images, [])


def test_both_splits_are_measured_and_written(dataset, tmp_path, monkeypatch):
    calls = []

    def measure(weights, images, seed):
        calls.append((len(images), seed))
        return {"roi_accuracy": len(images) / 10}

    weights = SimpleNamespace(dataset="ccp+clothing", classes=("dress",))
    monkeypatch.setattr(five_figures, "measure_losses", measure)
    monkeypatch.setattr(five_figures, "open_as_one", lambda *arguments: dataset)
    monkeypatch.setattr(five_figures.TrainedWeights, "open", lambda folder: weights)
    out = tmp_path / "five_figures.json"
    arguments = ["run", "--data", str(tmp_path), "--out", str(out), "--photos", "3"]
    five_figures.main([*arguments, "--dataset", "ccp", "--dataset", "clothing"])
    content = json.loads(out.read_text())
    assert calls == [(3, 0), (2, 0)]
    assert content["losses"] == {"train": {"roi_accuracy": 0.3}, "test": {"roi_accuracy": 0.2}}
    assert content["data"]["train"]["photos"] == 3 and content["classes"] == 1
    assert content["command"] == (
        "python -m tools.five_figures RUN --data DATA --dataset ccp --dataset clothing --photos 3"
    )
    assert content["earlier"]["roi_accuracy"]["test"] == EARLIER_VALUES["roi_accuracy"].test
    assert str(tmp_path) not in out.read_text()
