"""The stage comparison: the same images for all stages, one row each, read again from disk."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest

from shopee_od.course import setup_notebook, stage_comparison
from shopee_od.course.plots.stage_comparison import plot_stage_comparison
from shopee_od.detector import Detector
from shopee_od.io import write_json
from shopee_od.structures import BoxStage, Cost, Detections, Trace


class ThirdPartyDetector:
    """A detector that knows nothing of this project but the protocol: one box for every image."""

    threshold = 0.5
    category_threshold = 0.0
    name = "third-party"
    num_parameters = 4

    def __init__(self, data, weights="none"):
        self.classes = data.classes
        self.types = data.types
        self.metadata = {"minutes": 0.5, "photos": 7, "weights": weights}
        self.cost = Cost(images=5, seconds=50, regions=70)

    def fit(self, train, val, run_dir, seed=0):
        raise NotImplementedError

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            height, width = image.shape[:2]
            cost = self.cost
            self.cost = Cost(
                images=cost.images + 1,
                seconds=cost.seconds + 2,
                regions=cost.regions + 30,
                cnn_passes=cost.cnn_passes + 3,
                peak_memory=10**9,
            )
            yield Detections(np.array([[0, 0, width, height]]), np.array([0.9]), np.array([0]))

    def explain(self, image):
        return Trace(image, (BoxStage(name="detections", boxes=np.zeros((0, 4))),))

    def save(self, directory):
        raise NotImplementedError


@pytest.fixture
def context(tmp_path, data_root):
    data_dir = str(data_root / "shopsim-smoke")
    return setup_notebook("02_test", "smoke", "shopsim", data_dir, str(tmp_path / "out"))


def test_all_stages_have_the_same_images_and_no_test_image_is_trained_on(context):
    train, val, test = stage_comparison.comparison_splits(context)
    names = [split.images.split.unique().tolist() for split in (train, val, test)]
    assert names == [["train"], ["val"], ["test"]]
    again = stage_comparison.comparison_splits(context)
    for split, same in zip((train, val, test), again, strict=True):
        assert split.images.equals(same.images)
    assert not set(train.images["item"]) & set(test.images["item"])


def test_a_third_party_detector_is_recorded_with_the_cost_of_this_pass_alone(context):
    detector = ThirdPartyDetector(context.data)
    assert isinstance(detector, Detector)
    result = stage_comparison.record_result(context, "rcnn", detector)
    images = len(stage_comparison.comparison_splits(context)[2])
    assert result["test_photos"] == images
    assert result["train_photos"] == 7 and result["training_minutes"] == 0.5
    # per image
    assert (result["regions"], result["cnn_passes"], result["seconds"]) == (30, 3, 2)
    assert result["peak_memory"] == 10**9 and result["parameters"] == 4
    assert result["weights"] == "none"
    assert 0 <= result["AP"] <= result["AP50"] <= 1 and 0 <= result["recall"] <= 1


def test_a_detector_whose_metadata_says_nothing_is_recorded(context):
    detector = ThirdPartyDetector(context.data)
    detector.metadata = {}
    result = stage_comparison.record_result(context, "rcnn", detector)
    assert result["training_minutes"] is None and result["weights"] is None
    assert len(stage_comparison.comparison_table(stage_comparison.load_run_results(context))) == 1


def test_results_are_in_the_order_of_the_course_and_the_last_one_of_a_stage_counts(context):
    assert len(stage_comparison.load_run_results(context)) == 0
    for stage, weights in (("rcnn", "a"), ("hog_svm", "b"), ("rcnn", "c")):
        detector = ThirdPartyDetector(context.data, weights)
        stage_comparison.record_result(context, stage, detector)
    results = stage_comparison.load_run_results(context)
    assert results.index.tolist() == ["hog_svm", "rcnn"] and results.weights.tolist() == ["b", "c"]


def test_results_on_other_images_are_left_out_and_named(context, capsys):
    other_seed = replace(context, seed=1)
    stage_comparison.record_result(other_seed, "rcnn", ThirdPartyDetector(context.data))
    stage_comparison.record_result(context, "spp_net", ThirdPartyDetector(context.data))
    capsys.readouterr()
    assert stage_comparison.load_run_results(context).index.tolist() == ["spp_net"]
    assert "left out, evaluated on other images: R-CNN" in capsys.readouterr().out
    assert stage_comparison.read_results(context.output).index.tolist() == ["rcnn", "spp_net"]


def test_a_table_names_its_columns_and_reads_gigabytes(context):
    stage_comparison.record_result(context, "cnn_once", ThirdPartyDetector(context.data))
    table = stage_comparison.comparison_table(stage_comparison.load_run_results(context))
    assert table.index.tolist() == ["Sliding windows: the CNN once"]
    assert table["memory, GB"].tolist() == [1.0] and table["CNN passes"].tolist() == [3]


def test_metrics_carry_their_stage_and_hold_no_names(context):
    detector = ThirdPartyDetector(context.data)
    result = stage_comparison.record_result(context, "spp_net", detector)
    metrics = stage_comparison.stage_metrics("spp_net", result)
    assert metrics["spp_net_AP50"] == result["AP50"] and "spp_net_name" not in metrics


def test_a_stage_has_a_place_in_the_course(context):
    with pytest.raises(KeyError):
        stage_comparison.record_result(context, "yolo", ThirdPartyDetector(context.data))


def stored_stage(name, compared_to, ap50, is_bridge=False):
    """A row as tools/compare_stages writes it; its difference is clearly above 0."""
    estimate = {"value": ap50, "low": ap50 - 0.05, "high": ap50 + 0.04, "seeds": [ap50] * 3}
    gain = {"value": 0.1, "low": 0.03, "high": 0.17}
    metrics = dict.fromkeys(("AP50", "AP", "agnostic_AP50", "agnostic_AP", "recall"), estimate)
    return metrics | {
        "name": name,
        "compared_to": compared_to,
        "changed": "features" if compared_to else "",
        "is_bridge": is_bridge,
        "difference": dict.fromkeys(metrics, gain) if compared_to else None,
        "seconds": 0.5 / ap50,
        "regions": 300,
        "cnn_passes": 3,
        "training_minutes": 1.25,
        "parameters": 3_400_000,
        "peak_memory": 10**9,
    }


@pytest.fixture
def stored(context, tmp_path, monkeypatch):
    """A stored comparison of three stages, on the images of this context."""
    train, _, test = stage_comparison.comparison_splits(context)
    fingerprints = {"train": train.fingerprint(), "test": test.fingerprint()}
    content = {
        "data": {name: {"fingerprint": value} for name, value in fingerprints.items()},
        "stages": {
            "rcnn": stored_stage("R-CNN", None, 0.3),
            "spp_net": stored_stage("SPP-net", "rcnn", 0.4),
            "roi_align_svms": stored_stage("RoIAlign and SVMs (bridging)", "spp_net", 0.5, True),
        },
    }
    file = tmp_path / stage_comparison.STORED_FILE
    write_json(file, {"datasets": {"shopsim": content}})
    monkeypatch.setattr(stage_comparison, "project_root", lambda: tmp_path)
    return file


def test_without_a_stored_comparison_this_run_is_shown(context, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stage_comparison, "project_root", lambda: tmp_path)
    stage_comparison.record_result(context, "rcnn", ThirdPartyDetector(context.data))
    results = stage_comparison.load_results(context)
    assert "no shopsim; `make stage-comparison` measures it" in capsys.readouterr().out
    assert results.index.tolist() == ["rcnn"] and results.name.tolist() == ["R-CNN"]
    assert stage_comparison.comparison_table(results)["memory, GB"].tolist() == [1.0]
    assert stage_comparison.describe_steps(stage_comparison.read_stored("shopsim")).empty


def test_this_run_is_added_to_the_stored_comparison(context, stored, capsys):
    detector = ThirdPartyDetector(context.data)
    for stage in ("spp_net", "fast_rcnn"):
        stage_comparison.record_result(context, stage, detector)
    results = stage_comparison.load_results(context)
    assert "other training or test images" not in capsys.readouterr().out
    stages = ["rcnn", "spp_net", "spp_net", "roi_align_svms", "fast_rcnn"]
    assert results.index.tolist() == stages
    assert results.is_this_run.tolist() == [False, False, True, False, True]
    table = stage_comparison.comparison_table(results)
    names = ["R-CNN", "SPP-net", "SPP-net, this run", "RoIAlign and SVMs (bridging)"]
    assert table.index.tolist() == [*names, "Fast R-CNN, this run"]
    assert table.AP50.tolist()[:2] == ["0.30 (0.25 to 0.34)", "0.40 (0.35 to 0.44)"]
    assert "(" not in table.AP50["SPP-net, this run"]
    words = "+0.10 (0.03 to 0.17): more accurate"
    assert table[stage_comparison.DIFFERENCE].tolist() == ["", words, "", words, ""]
    assert table["parameters, M"].tolist() == [3.4, 3.4, 0.0, 3.4, 0.0]
    file = BytesIO()
    plot_stage_comparison(results).savefig(file, format="png")
    assert file.tell() > 1000


def test_stages_of_later_notebooks_are_left_out(context, stored):
    assert stage_comparison.load_results(context).index.tolist()[-1] == "roi_align_svms"
    stage_comparison.record_result(context, "rcnn", ThirdPartyDetector(context.data))
    assert stage_comparison.load_results(context).index.tolist() == ["rcnn", "rcnn"]


def test_other_images_than_the_stored_ones_are_named(context, stored, capsys):
    other_seed = replace(context, seed=1)
    stage_comparison.record_result(other_seed, "rcnn", ThirdPartyDetector(context.data))
    stage_comparison.load_results(other_seed)
    assert "this run has other training or test images" in capsys.readouterr().out


def test_another_data_set_or_a_damaged_file_has_no_stored_comparison(stored):
    assert stage_comparison.read_stored("ccp") == {}
    assert "rcnn" in stage_comparison.read_stored("shopsim")["stages"]
    stored.write_text("{")
    assert stage_comparison.read_stored("shopsim") == {}


def test_each_step_is_described_by_what_changed(stored):
    steps = stage_comparison.describe_steps(stage_comparison.read_stored("shopsim"))
    assert steps.index.tolist() == ["SPP-net", "RoIAlign and SVMs (bridging)"]
    first = steps.iloc[0]
    assert first["compared to"] == "R-CNN" and first["changed"] == "features"
    assert first["AP50"] == "+0.10 (0.03 to 0.17): more accurate"
    assert first["s/image"] == "1.7 → 1.2"


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.12, 0.05, 0.19, "+0.12 (0.05 to 0.19): more accurate"),
        (-0.12, -0.19, -0.05, "−0.12 (−0.19 to −0.05): less accurate"),
        (-0.01, -0.06, 0.04, "no measurable difference: −0.01 (−0.06 to 0.04)"),
        (0.0, 0.0, 0.0, "no measurable difference: 0.00 (0.00 to 0.00)"),
        (-0.001, -0.004, 0.002, "no measurable difference: 0.00 (0.00 to 0.00)"),
    ],
)
def test_an_interval_that_holds_0_shows_no_difference(value, low, high, words):
    difference = {"value": value, "low": low, "high": high}
    assert stage_comparison.describe_difference(difference) == words
