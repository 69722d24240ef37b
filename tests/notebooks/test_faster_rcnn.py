"""Notebook 06: what its page defines is what the package runs, and its RPN learns."""

import numpy as np
import pytest
from course import find_notebook, load_functions

pytestmark = pytest.mark.slow

NOTEBOOK = find_notebook("06_faster_rcnn")
CLASSES = 2


@pytest.fixture(scope="module")
def page():
    """The functions of the page; a test adds the names that they need."""
    from shopee_od.detectors.proposers.rpn import RPNConfig

    functions = ("anchors_of_cell", "build_rpn_head", "train_step", "joint_losses", "is_matched")
    return load_functions(NOTEBOOK, *functions, config=RPNConfig())


@pytest.fixture(scope="module")
def slots():
    from shopee_od.detectors.faster_rcnn import FasterRCNN, FasterRCNNConfig
    from shopee_od.detectors.features.roi_align_map import RoIAlignConfig

    config = FasterRCNNConfig(features=RoIAlignConfig(longest=160))
    return FasterRCNN(config).build(CLASSES, seed=0)


@pytest.fixture(scope="module")
def images():
    """Four photos of 160 × 128 pixels, each with one white rectangle."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(4):
        image = rng.integers(60, 120, (160, 128, 3)).astype(np.uint8)
        x, y = rng.integers(0, 60, 2)
        image[y : y + 90, x : x + 60] = 250
        images.append((image, np.array([[x, y, x + 60, y + 90]], float)))
    return images


def test_its_anchors_are_those_of_the_package(page, slots):
    anchors = slots.proposer.anchors(32, 48).reshape(2, 3, 9, 4)
    np.testing.assert_allclose(page["anchors_of_cell"](40, 24), anchors[1, 2])


def test_its_head_is_that_of_the_package(page):
    from shopee_od.detectors.proposers.rpn_head import build_rpn_head
    from shopee_od.detectors.training.seeding import set_random_seed

    heads = []
    for build in (page["build_rpn_head"], build_rpn_head):
        set_random_seed(0)
        heads.append(build(112, 9))
    assert [type(layer) for layer in heads[0].layers] == [type(layer) for layer in heads[1].layers]
    cells = np.random.default_rng(0).normal(size=(2, 4, 5, 112)).astype(np.float32)
    for output, expected in zip(heads[0](cells), heads[1](cells), strict=True):
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, atol=1e-6)  # their first weights are equal


def test_its_training_step_makes_better_proposals(page, slots, images):
    import tf_keras

    from shopee_od.detectors.proposers.rpn import RPN
    from shopee_od.detectors.training.anchor_samples import AnchorSamplingConfig
    from shopee_od.detectors.training.seeding import set_random_seed
    from shopee_od.ops.boxes import box_iou

    set_random_seed(0)
    rpn = RPN(slots.features)
    page |= {"rpn": rpn, "rng": np.random.default_rng(0)}
    page |= {"optimizer": tf_keras.optimizers.Adam(1e-3), "anchor_config": AnchorSamplingConfig()}
    maps = [slots.features.map_image(image) for image, _ in images]
    boxes = [gt_boxes for _, gt_boxes in images]

    def mean_best_iou():
        pairs = zip(maps, boxes, strict=True)
        return np.mean([box_iou(rpn.propose_from(m).boxes[:3], gt).max() for m, gt in pairs])

    before = mean_best_iou()
    losses = [page["train_step"](maps[k % 4], boxes[k % 4]) for k in range(60)]
    assert np.sum(losses[-4:]) < 0.3 * np.sum(losses[:4])
    assert mean_best_iou() > max(before, 0.6)


def test_its_four_losses_are_those_of_the_package(page, slots, images):
    from shopee_od.detectors.faster_rcnn import FasterRCNN
    from shopee_od.detectors.training import faster_rcnn as joint
    from shopee_od.detectors.training.joint_batches import TrainingImage

    config = FasterRCNN.default_config
    rng = np.random.default_rng(1)
    training_images = [TrainingImage(*image, np.array([k % 2])) for k, image in enumerate(images)]
    batch = joint.sample_images(training_images, [np.arange(4)], 2, rng)
    samples = joint.sample_batch_anchors(slots, batch, config.anchor_sampling, rng)
    slots.head.std = joint.DELTA_STD
    page |= {"slots": slots, "settings": config.training}
    losses = page["joint_losses"](batch, samples)
    expected, _ = joint.compute_losses(slots, batch, samples, config.training)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert min(map(float, losses)) > 0


def test_a_box_is_matched_by_any_proposal_at_the_threshold(page):
    proposals = np.array([[0, 0, 10, 5], [20, 20, 30, 30]])
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 29], [50, 50, 60, 60]])
    assert page["is_matched"](proposals, boxes, 0.5).tolist() == [True, True, False]
    assert page["is_matched"](proposals, boxes, 0.7).tolist() == [False, True, False]
