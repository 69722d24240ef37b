"""A region proposal network by itself: what it puts out fits its anchors, and it learns where garments are."""

import numpy as np
import pytest

from shopee_od.datasets.dataset import CORNERS
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.rpn import RPN
from shopee_od.ops.boxes import iou
from shopee_od.profiles import profile


@pytest.fixture(scope="module")
def lessons(shapes):
    """Six photos of shapes, and their boxes."""
    part = shapes.split("train").sample(6, 0)
    return [(read_photo(row.path), part.boxes_of(row.image_id)[CORNERS].to_numpy()) for row in part.images.itertuples()]


@pytest.fixture(scope="module")
def taught(lessons):
    rpn = RPN(profile("smoke").with_(input_size=128), 0)
    maps = [rpn.maps(image) for image, _ in lessons]
    before = [rpn.proposals(each) for each in maps]
    losses = [rpn.learn(maps[k % 6], lessons[k % 6][1]) for k in range(90)]
    return rpn, maps, before, np.array(losses)


def test_outputs_fit_the_anchors_of_each_level(taught):
    rpn, maps, _, _ = taught
    objectness, deltas = rpn.outputs(maps[0])
    anchors = rpn.anchors(maps[0])
    assert list(objectness) == list(deltas) == list(anchors) == [3, 4, 5]
    for level, boxes in anchors.items():
        assert objectness[level].shape == boxes.shape[:1] and deltas[level].shape == boxes.shape


def test_levels_are_those_that_the_backbone_has(lessons):
    """The profiles for GPUs have a sixth one, of a network that is larger than this one."""
    rpn = RPN(profile("gpu").with_(input_size=128), 0)
    maps = rpn.maps(lessons[0][0])
    objectness, _ = rpn.outputs(maps)
    assert {k: len(each) for k, each in objectness.items()} == {k: len(each) for k, each in rpn.anchors(maps).items()}
    assert list(objectness) == [2, 3, 4, 5] and len(rpn.proposals(maps)[0])


def test_a_photo_is_as_large_as_in_the_profile_s_canvas(lessons):
    wanted, photo = profile("laptop"), np.zeros((825, 550, 3), np.uint8)
    height, width = RPN(wanted, 0).maps(photo).canvas
    assert abs(height * width / np.prod(wanted.canvas(550, 825)) - 1) < 0.1


def test_it_learns_to_propose(taught, lessons):
    rpn, maps, before, losses = taught
    assert losses[-6:].sum() < 0.7 * losses[:6].sum()
    best = [
        np.mean([iou(boxes, found[0][:3]).max() for found, (_, boxes) in zip(each, lessons, strict=True)])
        for each in (before, [rpn.proposals(each) for each in maps])
    ]
    assert best[1] > best[0] and best[1] > 0.6


def test_proposals_lie_in_the_photo_best_first(taught, lessons):
    rpn, maps, _, _ = taught
    boxes, scores = rpn.proposals(maps[0])
    height, width = lessons[0][0].shape[:2]
    assert 1 < len(boxes) <= 20 and (np.diff(scores) <= 0).all()
    assert (boxes >= 0).all() and (boxes <= np.array([width, height] * 2) + 1e-9).all()


def test_the_same_seed_learns_the_same(lessons):
    found = []
    for _ in range(2):
        rpn = RPN(profile("smoke"), 3)
        found.append(rpn.learn(rpn.maps(lessons[0][0]), lessons[0][1]))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
