"""A region proposal network by itself: its outputs fit its anchors, and it learns."""

import numpy as np
import pytest

from shopee_od.datasets.dataset import CORNERS
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.proposers.rpn import RPN
from shopee_od.ops.boxes import box_iou
from shopee_od.profiles import profile

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(shapes):
    """Six photos of shapes, and their boxes."""
    part = shapes.split("train").sample(6, 0)
    return [
        (read_photo(row.path), part.boxes_of(row.image_id)[CORNERS].to_numpy())
        for row in part.images.itertuples()
    ]


@pytest.fixture(scope="module")
def trained(photos):
    rpn = RPN(profile("smoke").replace(input_size=128), 0)
    maps = [rpn.compute_maps(image) for image, _ in photos]
    before = [rpn.propose_from(m) for m in maps]
    losses = [rpn.train_step(maps[k % 6], photos[k % 6][1]) for k in range(90)]
    return rpn, maps, before, np.array(losses)


def test_outputs_fit_the_anchors_of_each_level(trained):
    rpn, maps, _, _ = trained
    objectness, deltas = rpn.predict(maps[0])
    anchors = rpn.anchors(maps[0])
    assert list(objectness) == list(deltas) == list(anchors) == [3, 4, 5]
    for level, boxes in anchors.items():
        assert objectness[level].shape == boxes.shape[:1]
        assert deltas[level].shape == boxes.shape


def test_levels_are_those_that_the_backbone_has(photos):
    """The profiles for GPUs have a sixth one, of a network that is larger than this one."""
    rpn = RPN(profile("gpu").replace(input_size=128), 0)
    maps = rpn.compute_maps(photos[0][0])
    objectness, _ = rpn.predict(maps)
    counts = {level: len(values) for level, values in objectness.items()}
    assert counts == {level: len(boxes) for level, boxes in rpn.anchors(maps).items()}
    assert list(objectness) == [2, 3, 4, 5] and len(rpn.propose_from(maps)[0])


def test_a_photo_is_as_large_as_in_the_canvas_of_the_profile():
    laptop = profile("laptop")
    maps = RPN(laptop, 0).compute_maps(np.zeros((825, 550, 3), np.uint8))
    height, width = maps.canvas
    assert abs(height * width / np.prod(laptop.canvas(550, 825)) - 1) < 0.1


def test_it_learns_to_propose(trained, photos):
    rpn, maps, before, losses = trained
    assert losses[-6:].sum() < 0.7 * losses[:6].sum()

    def mean_best_iou(proposals):
        pairs = zip(proposals, photos, strict=True)
        return np.mean([box_iou(gt_boxes, boxes[:3]).max() for (boxes, _), (_, gt_boxes) in pairs])

    after = mean_best_iou([rpn.propose_from(m) for m in maps])
    assert after > mean_best_iou(before) and after > 0.6


def test_proposals_are_in_the_photo_best_first(trained, photos):
    rpn, maps, _, _ = trained
    boxes, scores = rpn.propose_from(maps[0])
    height, width = photos[0][0].shape[:2]
    assert 1 < len(boxes) <= 20 and (np.diff(scores) <= 0).all()
    assert (boxes >= 0).all() and (boxes <= np.array([width, height] * 2) + 1e-9).all()


def test_it_is_a_proposer_like_the_others(trained, photos):
    rpn, maps, _, _ = trained
    boxes, _ = rpn.propose_from(maps[0])
    np.testing.assert_array_equal(rpn.propose(photos[0][0]).boxes, boxes)


def test_the_same_seed_learns_the_same(photos):
    image, gt_boxes = photos[0]
    losses = []
    for _ in range(2):
        rpn = RPN(profile("smoke"), 3)
        losses.append(rpn.train_step(rpn.compute_maps(image), gt_boxes))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
