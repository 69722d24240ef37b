"""Metrics of resamples, and their intervals over images and seeds."""

import numpy as np
import pytest

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation.bootstrap import draw_resamples
from shopee_od.evaluation.scoring import score
from shopee_od.structures import Detections
from tools.resampled_metrics import (
    DIFFERENCE_LIMITS,
    METRICS,
    average_over_seeds,
    compute_metrics,
)

CLASSES = ("red", "green")
RESAMPLES = 30


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """12 images with a red and a green box; no file is read."""
    images = [{"image_id": k, "path": f"{k}.png", "width": 60, "height": 40} for k in range(12)]
    images = [image | {"split": "test"} for image in images]
    boxes = [
        {"box_id": 2 * k + label, "image_id": k, "label": label, "type": "upper"}
        | {"x1": 30 * label, "y1": 0, "x2": 30 * label + 30, "y2": 40}
        for k in range(12)
        for label in range(2)
    ]
    return Dataset.build("colors", "/nowhere", CLASSES, images, boxes)


def detect(dataset: Dataset, share: float, seed: int = 0) -> dict[int, Detections]:
    """Finds each box with a probability, and something else in each image."""
    rng = np.random.default_rng(seed)
    detections = {}
    for image_id in dataset.images.image_id:
        rows = dataset.boxes_of(image_id)
        boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy(float)
        found = rng.random(2) < share
        boxes = np.concatenate([boxes[found], [[0, 0, 9, 9]]])
        labels = np.append(rows.label.to_numpy()[found], 0)
        detections[int(image_id)] = Detections(boxes, rng.random(len(boxes)), labels)
    return detections


def test_metrics_of_all_images_are_those_of_evaluate(dataset):
    detections = detect(dataset, 0.6)
    metrics = compute_metrics(detections, dataset, CLASSES, RESAMPLES, 0)
    expected = score(detections, dataset, CLASSES, ("upper", "upper"), 0.5, bootstrap=0)
    assert list(metrics) == list(METRICS)
    assert {name: len(values) for name, values in metrics.items()} == dict.fromkeys(METRICS, 31)
    assert metrics["AP50"][0] == pytest.approx(expected["AP50"])
    assert metrics["AP"][0] == pytest.approx(expected["AP"])
    assert metrics["agnostic_AP50"][0] == pytest.approx(expected["agnostic"]["AP50"])
    assert metrics["agnostic_AP"][0] == pytest.approx(expected["agnostic"]["AP"])
    assert 0.4 < metrics["recall"][0] < 0.8


def test_metrics_of_a_resample_are_those_of_its_images(dataset):
    """A data set in which each image is as often as in the resample."""
    detections = detect(dataset, 0.6)
    metrics = compute_metrics(detections, dataset, CLASSES, RESAMPLES, 7)
    weights = np.concatenate(list(draw_resamples(len(dataset), RESAMPLES, 7, 1)))
    for k, counts in enumerate(weights[:5], 1):
        ids = np.repeat(dataset.images.image_id.to_numpy(), counts)
        copies = range(len(ids))
        boxes = [
            row | {"image_id": copy}
            for copy, image_id in enumerate(ids)
            for row in dataset.boxes_of(image_id).to_dict("records")
        ]
        boxes = [row | {"box_id": number} for number, row in enumerate(boxes)]
        images = [dataset.images.iloc[0].to_dict() | {"image_id": copy} for copy in copies]
        resample = Dataset.build("resample", "/nowhere", CLASSES, images, boxes)
        copied = {copy: detections[int(image_id)] for copy, image_id in enumerate(ids)}
        expected = score(copied, resample, CLASSES, ("upper", "upper"), 0.5, bootstrap=0)
        assert metrics["AP50"][k] == pytest.approx(expected["AP50"])
        assert metrics["agnostic_AP"][k] == pytest.approx(expected["agnostic"]["AP"])
        hits = sum(len(detections[int(image_id)]) - 1 for image_id in ids)
        assert metrics["recall"][k] == pytest.approx(hits / len(boxes))


def test_an_interval_is_that_of_a_loop_over_images_and_seeds():
    rng = np.random.default_rng(3)
    values = rng.random((3, 1 + 200))
    draws = np.random.default_rng(0).integers(3, size=(200, 3))
    means = []
    for resample, seeds in enumerate(draws):
        means.append(sum(values[seed, 1 + resample] for seed in seeds) / 3)
    value = values[:, 0].mean()
    result = average_over_seeds(values)
    assert result["value"] == pytest.approx(value)
    low, high = np.percentile(means, [2.5, 97.5])
    assert result["low"] == pytest.approx(max(0, 2 * value - high))
    assert result["high"] == pytest.approx(min(1, 2 * value - low))


def test_the_interval_of_a_difference_has_the_known_sign_and_is_paired():
    """One detector is better by 0.1 on all images and seeds, in any draw of them."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.1, 1 + 500)
    seeds = np.array([[-0.05], [0.0], [0.05]])
    base = np.clip(0.5 + images + seeds, 0, 1)
    base[:, 0] = 0.5 + seeds[:, 0]
    better = base + 0.1
    difference = average_over_seeds(better - base, limits=DIFFERENCE_LIMITS)
    assert difference == pytest.approx({"value": 0.1, "low": 0.1, "high": 0.1})
    worse = average_over_seeds(base - better, limits=DIFFERENCE_LIMITS)
    assert worse == pytest.approx({"value": -0.1, "low": -0.1, "high": -0.1})
    alone = average_over_seeds(base)
    assert alone["high"] - alone["low"] > 0.2, "images that are hard for both widen each interval"


def test_seeds_that_differ_widen_the_interval():
    same = np.full((3, 1 + 400), 0.5)
    different = same + np.array([[-0.1], [0.0], [0.1]])
    interval = average_over_seeds(same)
    assert interval == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5})
    interval = average_over_seeds(different)
    assert interval["value"] == pytest.approx(0.5)
    assert interval["low"] < 0.42 and interval["high"] > 0.58


def test_two_detectors_differ_by_what_they_find(dataset):
    good, poor = (
        np.stack(
            [
                compute_metrics(detect(dataset, share, seed), dataset, CLASSES, 200, 0)["AP50"]
                for seed in range(3)
            ]
        )
        for share in (0.95, 0.3)
    )
    difference = average_over_seeds(good - poor, limits=DIFFERENCE_LIMITS)
    assert difference["low"] > 0.2
    assert average_over_seeds(poor - good, limits=DIFFERENCE_LIMITS)["high"] < -0.2
