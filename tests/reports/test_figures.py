"""Metrics: what a notebook records, a report finds; what was reached before."""

import json
import shutil

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from shopee_od.lessons import metrics
from shopee_od.paths import write_json
from shopee_od.reports import make_report
from shopee_od.reports.figures import harvest, headlines, race, reference
from shopee_od.types import InputError


@pytest.fixture
def displayed(monkeypatch) -> list:
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    return shown


def test_record_shows_json_and_text(displayed):
    metrics.record(AP50=np.float32(0.5), photos=np.int64(1200), worst=None, odd=float("nan"), name="tiny", ok=np.True_)
    (data,) = displayed
    assert data[metrics.MIME] == {"AP50": 0.5, "photos": 1200, "worst": None, "odd": None, "name": "tiny", "ok": True}
    assert json.dumps(data[metrics.MIME], allow_nan=False)
    assert data["text/plain"].splitlines()[:3] == ["AP50    0.5", "photos  1,200", "worst   –"]


def test_record_refuses_what_json_cannot_hold(displayed):
    with pytest.raises(TypeError, match=r"^boxes is a ndarray; a metric is a number, a text or None$"):
        metrics.record(boxes=np.zeros((2, 4)))
    assert not displayed


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.1235"), (1234567, "1,234,567"), (2.0, "2.0"), (None, "–"), ("dress", "dress"), (True, "True")],
)
def test_figures_are_short(value, text):
    assert metrics.figure(value) == text


def test_harvest_takes_metrics_alone_and_the_last_of_a_name():
    outputs = [
        new_output("display_data", {metrics.MIME: {"AP": 0.1, "B": 2}, "text/plain": "B   2\nAP  0.1"}),
        new_output("display_data", {metrics.MIME: {"AP": 0.2, "boxes": [1, 2]}}),
        new_output("display_data", {metrics.MIME: "not an object"}),
        new_output("stream", text="AP 0.9"),
    ]
    found = harvest(new_notebook(cells=[new_code_cell("", outputs=outputs)]))
    assert found == {"B": 2, "AP": 0.2} and list(found) == ["B", "AP"]


def test_headlines_are_those_recorded_last():
    recorded = {"07_train": {"AP50": 0.4, "steps": 3}, "08_evaluate": {"AP50": 0.5, "AP": None}}
    assert headlines(recorded) == [("AP50", 0.5, "08_evaluate")]


def test_reference_is_found_by_data_set_and_profile(tmp_path):
    path = tmp_path / "reference.json"
    assert reference(path, "shopsim", "laptop") == {}
    path.write_text('{"shopsim/laptop": {"08": {"AP50": 0.6}, "09": 3}, "ccp/laptop": []}')
    assert reference(path, "shopsim", "laptop") == {"08": {"AP50": 0.6}}
    assert reference(path, "shopsim", "smoke") == reference(path, "ccp", "laptop") == {}
    path.write_text("{")
    with pytest.raises(InputError, match=r"reference\.json: not readable as JSON"):
        reference(path, "shopsim", "laptop")


@pytest.fixture
def raced(tmp_path):
    """A folder `work` in which two stages have entered the race."""
    row = {"name": "R-CNN", "AP50": 0.5, "AP": None, "agnostic_AP50": 0.75, "recall": 0.8, "regions": 300}
    row |= {"cnn_passes": 300, "seconds": 2.5, "training_minutes": 1.5, "parameters": 3_400_000}
    row |= {"peak_memory": 2_000_000_000, "train_photos": 200, "test_photos": 100, "weights": "ImageNet"}
    write_json(tmp_path / "work" / "race" / "rcnn.json", row)
    write_json(tmp_path / "work" / "race" / "hog_svm.json", row | {"name": "Windows", "seconds": 0.5, "AP": 0.25})
    return tmp_path / "work"


def test_the_race_is_gathered_from_the_bottom_of_the_ladder(raced, tmp_path):
    assert race(tmp_path) is None
    found = race(raced)
    assert [name for name, _ in found["rows"]] == ["Windows", "R-CNN"]
    assert dict(zip(found["columns"], found["rows"][1][1], strict=True))["parameters, M"] == 3.4
    assert found["picture"].startswith("data:image/png;base64,") and (found["train"], found["test"]) == ([200], [100])


def test_the_race_stands_in_the_index(raced, made, tmp_path):
    assert "The race" not in made.report.index.read_text(encoding="utf-8")
    out = tmp_path / "out"
    shutil.copytree(made.root / "out", out)
    shutil.copytree(raced, out / "tiny" / "work", dirs_exist_ok=True)
    index = make_report(**made.arguments | {"out": out, "resume": True}).index.read_text(encoding="utf-8")
    assert "same 200 photos" in index and "<td>R-CNN</td><td>0.5</td><td>–</td>" in index
