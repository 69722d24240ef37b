"""The regions that SVMs are trained on, and their cached features."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from shopee_od import cache
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import Proposals
from shopee_od.detectors.training.region_examples import (
    ExamplesConfig,
    LabeledImage,
    collect_examples,
    iterate_images,
    sample_proposals,
)
from shopee_od.ops.boxes import box_iou

GT_BOXES = np.array([[20, 20, 80, 80]], np.float32)


@dataclass
class RegionNumbers:
    """Features of which each is the region's number; counts how often it is asked."""

    key: str = "numbers"
    calls: list = field(default_factory=list)

    def extract_training(self, image, gt_boxes, boxes):
        self.calls.append(1)
        return np.arange(2 * len(gt_boxes) + len(boxes), dtype=np.float32)[:, None]


@pytest.fixture
def labeled():
    rng = np.random.default_rng(0)
    near = GT_BOXES + rng.uniform(-4, 4, (50, 4))
    far = np.concatenate([rng.uniform(0, 20, (100, 2)), rng.uniform(40, 50, (100, 2))], axis=1)
    boxes = np.concatenate([near, far]).astype(np.float32)
    image = np.zeros((100, 100, 3), np.uint8)
    return LabeledImage(5, image, GT_BOXES, np.array([1]), Proposals(boxes))


def test_some_sampled_proposals_are_near_a_box_and_the_rest_random(labeled):
    config = ExamplesConfig(proposals=40, near_proposals=8)
    boxes = sample_proposals(labeled, 0, config)
    near = box_iou(boxes, GT_BOXES)[:, 0] > config.near_iou
    assert len(boxes) == 40 and near.sum() == 8 and near[:8].all()
    np.testing.assert_array_equal(boxes, sample_proposals(labeled, 0, config))
    assert not np.array_equal(boxes, sample_proposals(labeled, 1, config))


def test_more_are_near_where_others_are_too_few(labeled):
    boxes = sample_proposals(labeled, 0, ExamplesConfig(proposals=120, near_proposals=8))
    near = box_iou(boxes, GT_BOXES)[:, 0] > 0.6
    assert len(boxes) == 120 and near.sum() == 20 and (~near).sum() == 100


@pytest.mark.usefixtures("shared_cache")
def test_training_images_have_counted_boxes_alone(shapes):
    photos = shapes.split("train").sample(2, 0)
    boxes = photos.boxes.assign(ignore=[True, False])
    counted = photos.with_classes(photos.classes, boxes)
    first, second = iterate_images(counted, SelectiveSearch())
    assert len(first.gt_boxes) == 0 and len(second.gt_boxes) == 1
    assert second.gt_labels.tolist() == [boxes.label[1]] and len(second.proposals) > 5


def test_features_are_cached_with_the_seconds_they_took(shapes, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    photos = shapes.split("train").sample(2, 0)
    search = SelectiveSearch()
    search.prefetch(photos.images.path)
    features = RegionNumbers()
    config = ExamplesConfig(proposals=6)
    first, _ = collect_examples(photos, 0, search, features, config)
    assert len(features.calls) == 2 and len(first.boxes) == 2 * (2 + 6)
    assert first.features[:8, 0].tolist() == list(range(8))
    assert first.image.tolist() == [0] * 8 + [1] * 8
    labels = photos.boxes.label.tolist()
    assert first.truth.reshape(2, 8).tolist() == [[label] * 2 + [-1] * 6 for label in labels]
    for file in (cache.cache_dir() / "features").rglob("*.npz"):
        arrays = cache.read_arrays(file)
        cache.write_arrays(file, arrays | {cache.SECONDS: np.asarray(500.0)})
    again, saved = collect_examples(photos, 0, search, features, config)
    assert len(features.calls) == 2 and saved == pytest.approx(1000, abs=20)
    np.testing.assert_array_equal(again.features, first.features)
    features.key = "of other weights"
    collect_examples(photos, 0, search, features, config)
    assert len(features.calls) == 4
