"""The RPN: its outputs fit its anchors, its proposals are those of the lesson's functions."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow

from shopee_od.detectors.features.roi_align_map import RoIAlignConfig, RoIAlignMap  # noqa: E402
from shopee_od.detectors.proposers.rpn import RPN, RPNConfig  # noqa: E402
from shopee_od.detectors.proposers.rpn_head import build_rpn_head  # noqa: E402
from shopee_od.detectors.training.seeding import set_random_seed  # noqa: E402
from shopee_od.ops import two_stage  # noqa: E402

CONFIG = RPNConfig(channels=16, candidates=200, proposals=40)


@pytest.fixture(scope="module")
def features():
    return RoIAlignMap(RoIAlignConfig(longest=128), max_regions=40)


@pytest.fixture(scope="module")
def rpn(features):
    set_random_seed(0)
    rpn = RPN(features, CONFIG)
    rng = np.random.default_rng(0)
    for variable in rpn.variables[4:]:  # larger than at the start, so that anchors move
        variable.assign(rng.normal(0, 0.05, variable.shape))
    return rpn


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (200, 150, 3)).astype(np.uint8)


def test_nine_anchors_per_cell_of_one_map_at_stride_16(rpn, image):
    maps = rpn.features.map_image(image)
    assert maps.size == (128, 96) and maps.image_size == (200, 150)
    logits, deltas = rpn.predict(maps)
    anchors = rpn.anchors(*maps.size)
    assert anchors.shape == deltas.shape == (8 * 6 * 9, 4) and logits.shape == (8 * 6 * 9,)
    np.testing.assert_allclose(anchors[9 * 7 + 4], [24 - 48, 24 - 48, 24 + 48, 24 + 48])


def test_outputs_are_in_the_order_of_the_anchors():
    """Row by row, cell by cell, and for each anchor its own score and four deltas."""
    head = build_rpn_head(2, anchors_per_cell=3, channels=4)
    cells = np.random.default_rng(0).normal(size=(2, 5, 7, 2)).astype(np.float32)
    logits, deltas = head(cells)
    norm, convolution, objectness, moves = (layer for layer in head.layers if layer.weights)
    hidden = convolution(norm(cells))
    for row, column, anchor in ((0, 0, 0), (2, 3, 1), (4, 6, 2)):
        index = (row * 7 + column) * 3 + anchor
        score = objectness(hidden)[1, row, column, anchor]
        np.testing.assert_allclose(logits[1, index], score, rtol=1e-5)
        expected = moves(hidden)[1, row, column, 4 * anchor : 4 * anchor + 4]
        np.testing.assert_allclose(deltas[1, index], expected, rtol=1e-5)


def test_untrained_anchors_score_about_a_half_and_stay(features, image):
    set_random_seed(0)
    logits, deltas = RPN(features).predict(features.map_image(image))
    assert abs(logits.mean()) < 0.5 and abs(deltas).mean() < 0.5


def test_proposals_are_those_of_the_functions_of_the_lesson(rpn, image):
    maps = rpn.features.map_image(image)
    logits, deltas = rpn.predict(maps)
    levels = {4: rpn.anchors(*maps.size)}
    boxes, scores, level = two_stage.decode_anchors_by_level(
        {4: logits}, {4: deltas}, levels, maps.size, CONFIG.candidates
    )
    keep = two_stage.filter_proposals(boxes, scores, level, CONFIG.proposals, CONFIG.nms_iou)
    proposals = rpn.propose(image)
    np.testing.assert_allclose(proposals.boxes, boxes[keep] / maps.scale, rtol=1e-6)
    _, selected_scores = rpn.select_proposals(logits, deltas, maps.size)
    np.testing.assert_allclose(selected_scores, scores[keep])
    assert 10 < len(proposals) <= 40 and (np.diff(selected_scores) <= 0).all()
    assert (proposals.boxes >= 0).all()
    assert (proposals.boxes <= np.array([150, 200, 150, 200]) + 1e-9).all()


def test_regions_are_pooled_from_its_maps_without_a_second_pass(rpn, image, monkeypatch):
    proposals = rpn.propose(image)
    features = rpn.features
    alone = features.extract(image, type(proposals)(proposals.boxes))
    assert alone.cnn_passes == 1
    monkeypatch.setattr(features, "map_image", lambda image: pytest.fail("a second pass"))
    shared = features.extract(image, proposals)
    assert shared.cnn_passes == 0
    np.testing.assert_allclose(shared.values, alone.values, atol=1e-5)
    for name, cells in alone.stage.maps.items():
        np.testing.assert_allclose(shared.stage.maps[name], cells, atol=1e-5)
    first = proposals.top(5)
    assert len(first) == 5 and first.maps is proposals.maps
    np.testing.assert_allclose(features.extract(image, first).values, alone.values[:5], atol=1e-5)


def test_it_reads_the_finest_map():
    features = RoIAlignMap(RoIAlignConfig(longest=128, levels=(5, 3)), max_regions=8)
    rpn = RPN(features, CONFIG)
    assert rpn.stride == 8
    maps = features.map_image(np.zeros((64, 64, 3), np.uint8))
    assert len(rpn.predict(maps)[0]) == len(rpn.anchors(*maps.size)) == 16 * 16 * 9


def test_its_state_is_put_back_and_leaves_the_backbone_alone(rpn, features):
    assert rpn.num_parameters == rpn.head.count_params()
    assert not {id(v) for v in rpn.variables} & {id(v) for v in features.backbone.weights}
    state = rpn.state_dict()
    assert sum(array.size for array in state.values()) == rpn.num_parameters
    other = RPN(features, CONFIG)
    other.load_state_dict(state)
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    with pytest.raises(KeyError):
        other.load_state_dict({})
