"""Metrics: what a notebook records, a report collects; reference values; the stage comparison."""

import json
import shutil

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from shopee_od.course import metrics
from shopee_od.course.stage_comparison import FOLDER
from shopee_od.errors import InputError
from shopee_od.io import write_json
from shopee_od.reports import make_report
from shopee_od.reports.metrics import (
    build_stage_comparison,
    collect_metrics,
    read_reference,
    select_headlines,
)


@pytest.fixture
def displayed(monkeypatch) -> list:
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    return shown


def test_record_shows_json_and_text(displayed):
    metrics.record(
        AP50=np.float32(0.5),
        photos=np.int64(1200),
        worst=None,
        odd=float("nan"),
        name="tiny",
        ok=np.True_,
    )
    (data,) = displayed
    assert data[metrics.MIME] == {
        "AP50": 0.5,
        "photos": 1200,
        "worst": None,
        "odd": None,
        "name": "tiny",
        "ok": True,
    }
    assert json.dumps(data[metrics.MIME], allow_nan=False)
    assert data["text/plain"].splitlines()[:3] == ["AP50    0.5", "photos  1,200", "worst   –"]


def test_record_refuses_what_json_cannot_hold(displayed):
    with pytest.raises(
        TypeError, match=r"^boxes is a ndarray; a metric is a number, a text or None$"
    ):
        metrics.record(boxes=np.zeros((2, 4)))
    assert not displayed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1234567, "1,234,567"),
        (2.0, "2.0"),
        (None, "–"),
        ("dress", "dress"),
        (True, "True"),
    ],
)
def test_figures_are_short(value, text):
    assert metrics.format_value(value) == text


def test_only_metrics_are_collected_and_the_last_of_a_name():
    outputs = [
        new_output(
            "display_data", {metrics.MIME: {"AP": 0.1, "B": 2}, "text/plain": "B   2\nAP  0.1"}
        ),
        new_output("display_data", {metrics.MIME: {"AP": 0.2, "boxes": [1, 2]}}),
        new_output("display_data", {metrics.MIME: "not an object"}),
        new_output("stream", text="AP 0.9"),
    ]
    found = collect_metrics(new_notebook(cells=[new_code_cell("", outputs=outputs)]))
    assert found == {"B": 2, "AP": 0.2} and list(found) == ["B", "AP"]


def test_headlines_are_those_recorded_last():
    recorded = {"07_train": {"AP50": 0.4, "steps": 3}, "08_evaluate": {"AP50": 0.5, "AP": None}}
    assert select_headlines(recorded) == [("AP50", 0.5, "08_evaluate")]


def test_reference_is_found_by_data_set_and_profile(tmp_path):
    assert read_reference(tmp_path, "shopsim", "laptop") == {}
    path = tmp_path / "shopsim_laptop.json"
    path.write_text('{"metrics": {"08": {"AP50": 0.6}, "09": 3}, "seconds": {}}')
    (tmp_path / "ccp_laptop.json").write_text("[]")
    assert read_reference(tmp_path, "shopsim", "laptop") == {"08": {"AP50": 0.6}}
    for dataset, profile in (("shopsim", "smoke"), ("ccp", "laptop")):
        assert read_reference(tmp_path, dataset, profile) == {}
    path.write_text("{")
    with pytest.raises(InputError, match=r"shopsim_laptop\.json: not readable as JSON"):
        read_reference(tmp_path, "shopsim", "laptop")


@pytest.fixture
def stage_results(tmp_path):
    """A folder `work` with the results of two stages."""
    row = {
        "name": "R-CNN",
        "AP50": 0.5,
        "AP": None,
        "agnostic_AP50": 0.75,
        "recall": 0.8,
        "regions": 300,
    }
    row |= {"cnn_passes": 300, "seconds": 2.5, "training_minutes": 1.5, "parameters": 3_400_000}
    row |= {
        "peak_memory": 2_000_000_000,
        "train_photos": 200,
        "test_photos": 100,
        "weights": "ImageNet",
    }
    write_json(tmp_path / "work" / FOLDER / "rcnn.json", row)
    write_json(
        tmp_path / "work" / FOLDER / "hog_svm.json",
        row | {"name": "Windows", "seconds": 0.5, "AP": 0.25},
    )
    return tmp_path / "work"


def test_the_stage_comparison_is_in_the_order_of_the_course(stage_results, tmp_path):
    assert build_stage_comparison(tmp_path) is None
    found = build_stage_comparison(stage_results)
    assert [name for name, _ in found["rows"]] == ["Windows", "R-CNN"]
    assert dict(zip(found["columns"], found["rows"][1][1], strict=True))["parameters, M"] == 3.4
    assert found["picture"].startswith("data:image/png;base64,") and (
        found["train"],
        found["test"],
    ) == ([200], [100])


def test_the_stage_comparison_is_in_the_index(stage_results, finished, tmp_path):
    assert "Stage comparison" not in finished.report.index.read_text(encoding="utf-8")
    out = tmp_path / "out"
    shutil.copytree(finished.root / "out", out)
    shutil.copytree(stage_results, out / "tiny" / "work", dirs_exist_ok=True)
    index = make_report(**finished.arguments | {"out": out, "resume": True}).index.read_text(
        encoding="utf-8"
    )
    assert "same 200 photos" in index and "<td>R-CNN</td><td>0.5</td><td>–</td>" in index
