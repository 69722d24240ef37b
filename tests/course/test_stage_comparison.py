"""The stage comparison: the same images for all stages, one row each, read again from disk."""

from dataclasses import replace

import numpy as np
import pytest

from shopee_od.course import setup_notebook, stage_comparison
from shopee_od.detector import Detector
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
    assert len(stage_comparison.comparison_table(stage_comparison.load_results(context))) == 1


def test_results_are_in_the_order_of_the_course_and_the_last_one_of_a_stage_counts(context):
    assert len(stage_comparison.load_results(context)) == 0
    for stage, weights in (("rcnn", "a"), ("hog_svm", "b"), ("rcnn", "c")):
        detector = ThirdPartyDetector(context.data, weights)
        stage_comparison.record_result(context, stage, detector)
    results = stage_comparison.load_results(context)
    assert results.index.tolist() == ["hog_svm", "rcnn"] and results.weights.tolist() == ["b", "c"]


def test_results_on_other_images_are_left_out_and_named(context, capsys):
    other_seed = replace(context, seed=1)
    stage_comparison.record_result(other_seed, "rcnn", ThirdPartyDetector(context.data))
    stage_comparison.record_result(context, "spp_net", ThirdPartyDetector(context.data))
    capsys.readouterr()
    assert stage_comparison.load_results(context).index.tolist() == ["spp_net"]
    assert "left out, evaluated on other images: R-CNN" in capsys.readouterr().out
    assert stage_comparison.read_results(context.output).index.tolist() == ["rcnn", "spp_net"]


def test_a_table_names_its_columns_and_reads_gigabytes(context):
    stage_comparison.record_result(context, "cnn_once", ThirdPartyDetector(context.data))
    table = stage_comparison.comparison_table(stage_comparison.load_results(context))
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
