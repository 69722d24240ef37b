"""Selective search: its parts by hand, and the whole beside PyPI's selectivesearch."""

import numpy as np
import pytest

from shopee_od.ops.boxes import iou
from shopee_od.ops.selective_search import describe, grouped, neighbours, selective_search, similarity

LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 3]])
PIXELS = np.where(LABELS[..., None] == 1, 1.0, 0.0) * np.ones(3)


def test_regions_are_described():
    regions = describe(PIXELS, LABELS)
    assert regions.boxes.tolist() == [[0, 0, 2, 2], [2, 0, 4, 2], [0, 2, 3, 3], [3, 2, 4, 3]]
    assert regions.sizes.tolist() == [4, 4, 3, 1]
    np.testing.assert_allclose(regions.colour.sum(1), 1)
    np.testing.assert_allclose(regions.texture.sum(1), 1)
    assert regions.colour[0].tolist() == regions.colour[2].tolist() != regions.colour[1].tolist()


def test_neighbours_touch_at_a_side():
    assert neighbours(LABELS) == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}


def test_similarity_by_hand():
    """Regions 0 and 2: the same colour; 7 of 12 pixels; the box around both has 9 pixels, 2 of them neither's."""
    regions = describe(PIXELS, LABELS)
    texture = np.minimum(regions.texture[0], regions.texture[2]).sum()
    assert similarity(regions, 0, 2, 12) == pytest.approx(1 + texture + (1 - 7 / 12) + (1 - 2 / 12))


def test_grouping_ends_with_the_whole_photo_and_joins_the_alike_first():
    boxes, unions = grouped(describe(PIXELS, LABELS), neighbours(LABELS), LABELS.size)
    assert len(unions) == 3 and 6 not in np.ravel(unions) and len(np.unique(unions)) == 6  # each is in one union
    assert boxes.shape == (7, 4) and boxes[-1].tolist() == [0, 0, 4, 3]
    assert boxes[:4].tolist() == describe(PIXELS, LABELS).boxes.tolist()


def test_regions_that_do_not_touch_are_left_as_they_are():
    boxes, unions = grouped(describe(np.zeros((1, 4, 3)), np.array([[0, 0, 1, 1]])), set(), 4)
    assert boxes.shape == (2, 4) and unions == []


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Drawn photos and the box of the garment that is labelled in each."""
    from shopee_od.datasets.deepfashion import read_shopsim
    from shopee_od.datasets.photos import read_photo
    from shopee_od.datasets.shopsim import make_shopsim

    root = tmp_path_factory.mktemp("search") / "shopsim"
    make_shopsim(root, 32, 3)
    data = read_shopsim(root).sample(12, 0)
    truths = data.boxes.set_index("image_id").loc[data.images.image_id, ["x1", "y1", "x2", "y2"]].to_numpy()
    return [read_photo(path) for path in data.images.path], truths


def test_garments_are_among_the_proposals_as_with_pypis(photos):
    """Recall at IoU 0.5 and best overlap, among the first 100, the first 300 and all."""
    import selectivesearch

    best = {"ours": [], "theirs": []}
    for image, truth in zip(*photos, strict=True):
        theirs = [r["rect"] for r in selectivesearch.selective_search(image, scale=100, sigma=0.8, min_size=50)[1]]
        theirs = np.array([[x, y, x + w, y + h] for x, y, w, h in dict.fromkeys(theirs)])
        for name, boxes in (("ours", selective_search(image)), ("theirs", theirs)):
            overlap = iou(boxes, truth[None])[:, 0]
            best[name].append([overlap[:100].max(), overlap[:300].max(), overlap.max()])
    ours, theirs = np.array(best["ours"]), np.array(best["theirs"])
    print("recall", (ours > 0.5).mean(0), (theirs > 0.5).mean(0), "overlap", ours.mean(0), theirs.mean(0))
    assert ((ours > 0.5).mean(0) >= (theirs > 0.5).mean(0)).all()
    assert (ours.mean(0)[1:] >= theirs.mean(0)[1:]).all()


def test_boxes_are_of_size_inside_and_the_same_from_run_to_run(photos):
    image = photos[0][0]
    boxes = selective_search(image)
    assert len(boxes) == len(np.unique(boxes, axis=0)) > 100
    assert (boxes[:, 2:] - boxes[:, :2] >= 20).all()
    height, width, _ = image.shape
    assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
    np.testing.assert_array_equal(selective_search(image), boxes)
    assert len(selective_search(image, spaces=("rgb",), scales=(100,))) < len(boxes)
