"""Selective search: its parts by hand, and its recall next to PyPI's selectivesearch."""

import numpy as np
import pytest

from shopee_od.ops.boxes import box_iou, xywh_to_xyxy
from shopee_od.ops.selective_search import (
    describe_regions,
    find_neighbors,
    group_regions,
    selective_search,
    similarity,
)

SEGMENTS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 3]])
IMAGE = np.where(SEGMENTS[..., None] == 1, 1.0, 0.0) * np.ones(3)


def test_regions_are_described():
    regions = describe_regions(IMAGE, SEGMENTS)
    assert regions.boxes.tolist() == [[0, 0, 2, 2], [2, 0, 4, 2], [0, 2, 3, 3], [3, 2, 4, 3]]
    assert regions.sizes.tolist() == [4, 4, 3, 1]
    np.testing.assert_allclose(regions.color.sum(1), 1)
    np.testing.assert_allclose(regions.texture.sum(1), 1)
    assert regions.color[0].tolist() == regions.color[2].tolist() != regions.color[1].tolist()


def test_neighbors_touch_along_a_side():
    assert find_neighbors(SEGMENTS) == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}


def test_similarity_by_hand():
    """Regions 0 and 2: same color; 7 of 12 pixels; they leave 2 pixels of their box uncovered."""
    regions = describe_regions(IMAGE, SEGMENTS)
    texture = np.minimum(regions.texture[0], regions.texture[2]).sum()
    assert similarity(regions, 0, 2, 12) == pytest.approx(1 + texture + (1 - 7 / 12) + (1 - 2 / 12))


def test_grouping_ends_with_the_whole_image():
    regions = describe_regions(IMAGE, SEGMENTS)
    boxes, merges = group_regions(regions, find_neighbors(SEGMENTS), SEGMENTS.size)
    assert len(merges) == 3
    assert 6 not in np.ravel(merges) and len(np.unique(merges)) == 6  # all but the last, once
    assert boxes.shape == (7, 4) and boxes[-1].tolist() == [0, 0, 4, 3]
    assert boxes[:4].tolist() == regions.boxes.tolist()


def test_regions_that_do_not_touch_are_not_merged():
    regions = describe_regions(np.zeros((1, 4, 3)), np.array([[0, 0, 1, 1]]))
    boxes, merges = group_regions(regions, set(), 4)
    assert boxes.shape == (2, 4) and merges == []


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Twelve synthetic images, and the box of the labeled garment in each: (12, 4)."""
    from shopee_od.datasets.deepfashion import read_shopsim
    from shopee_od.datasets.photos import read_photo
    from shopee_od.shopsim import make_shopsim

    root = tmp_path_factory.mktemp("search") / "shopsim"
    make_shopsim(root, 32, 3)
    data = read_shopsim(root).sample(12, 0)
    boxes = data.boxes.set_index("image_id")[["x1", "y1", "x2", "y2"]]
    gt_boxes = boxes.loc[data.images.image_id].to_numpy()
    return [read_photo(path) for path in data.images.path], gt_boxes


@pytest.mark.slow
def test_recall_is_at_least_that_of_pypis_selectivesearch(images):
    """Recall at IoU 0.5 and best IoU, of the first 100 proposals, the first 300 and all."""
    import selectivesearch

    ours = []
    theirs = []
    for image, gt_box in zip(*images, strict=True):
        _, regions = selectivesearch.selective_search(image, scale=100, sigma=0.8, min_size=50)
        unique_xywh = dict.fromkeys(region["rect"] for region in regions)
        their_boxes = xywh_to_xyxy(np.array([*unique_xywh]))
        for best, boxes in ((ours, selective_search(image)), (theirs, their_boxes)):
            iou = box_iou(boxes, gt_box[None])[:, 0]
            best.append([iou[:100].max(), iou[:300].max(), iou.max()])
    ours = np.array(ours)
    theirs = np.array(theirs)
    print("recall", (ours > 0.5).mean(0), (theirs > 0.5).mean(0))
    print("best IoU", ours.mean(0), theirs.mean(0))
    assert ((ours > 0.5).mean(0) >= (theirs > 0.5).mean(0)).all()
    assert (ours.mean(0)[1:] >= theirs.mean(0)[1:]).all()


def test_boxes_have_the_least_size_are_inside_and_the_same_in_every_run(images):
    image = images[0][0]
    boxes = selective_search(image)
    assert len(boxes) == len(np.unique(boxes, axis=0)) > 100
    assert (boxes[:, 2:] - boxes[:, :2] >= 20).all()
    height, width, _ = image.shape
    assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
    np.testing.assert_array_equal(selective_search(image), boxes)
    assert len(selective_search(image, color_spaces=("rgb",), scales=(100,))) < len(boxes)
