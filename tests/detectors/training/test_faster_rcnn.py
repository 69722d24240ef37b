"""Joint training: which loss reaches which part, and continuing after a stop."""

from dataclasses import replace

import numpy as np
import pytest

pytestmark = pytest.mark.slow

import tensorflow as tf  # noqa: E402

from shopee_od.detectors.faster_rcnn import FasterRCNN, FasterRCNNConfig  # noqa: E402
from shopee_od.detectors.features.roi_align_map import RoIAlignConfig  # noqa: E402
from shopee_od.detectors.pipeline import CHECKPOINT_FILE  # noqa: E402
from shopee_od.detectors.training import faster_rcnn as training  # noqa: E402
from shopee_od.detectors.training.data import TrainingData  # noqa: E402
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig  # noqa: E402
from shopee_od.detectors.training.joint_batches import load_images, sample_images  # noqa: E402
from shopee_od.detectors.training.loop import build_optimizer  # noqa: E402
from shopee_od.ops.batching import group_by_size  # noqa: E402
from shopee_od.ops.losses import cross_entropy, smooth_l1  # noqa: E402

CONFIG = FasterRCNNConfig(
    features=RoIAlignConfig(longest=128),
    training=FastRCNNTrainingConfig(epochs=2, checkpoint_every=2, rois=32),
)


@pytest.fixture(scope="module")
def slots():
    return FasterRCNN(CONFIG).build(2, seed=0)


@pytest.fixture(scope="module")
def batch(slots, shapes):
    """Two images, and the anchors sampled on them."""
    images = load_images(shapes.split("train").sample(4), slots.features)
    groups = group_by_size(np.array([image.image.shape[:2] for image in images]))
    rng = np.random.default_rng(0)
    batch = sample_images(images, groups, 2, rng)
    return batch, training.sample_batch_anchors(slots, batch, CONFIG.anchor_sampling, rng)


def test_the_losses_of_the_rpn_are_those_of_its_sampled_anchors(slots, batch):
    images, anchors = batch
    losses, _ = training.compute_losses(slots, images, anchors, CONFIG.training)
    maps = slots.features.compute_maps(training.normalize_images(images.images))
    logits, deltas = (part.numpy() for part in slots.proposer.compute(maps))
    image, anchor = anchors.indices.T
    scores = logits[image, anchor]
    two_classes = np.stack([np.zeros_like(scores), scores], axis=1)
    class_loss = cross_entropy(two_classes, anchors.labels.astype(int)).mean()
    errors = smooth_l1(deltas[image, anchor] - anchors.deltas).sum(axis=1)
    box_loss = (anchors.labels * errors).mean()
    np.testing.assert_allclose(losses[:2], [class_loss, box_loss], rtol=1e-4)
    assert anchors.labels.sum() >= 2 and (np.bincount(image) == 256).all()


@pytest.mark.parametrize(
    ("stage", "reaches_rpn", "reaches_head"), [(slice(2), True, False), (slice(2, 4), False, True)]
)
def test_each_stage_trains_its_own_head_and_the_backbone(
    slots, batch, stage, reaches_rpn, reaches_head
):
    """The proposals are constants: no loss of the second stage reaches the RPN's deltas."""
    parts = {
        "rpn": slots.proposer.variables,
        "backbone": slots.features.variables,
        "head": slots.head.variables,
    }
    with tf.GradientTape() as tape:
        losses, _ = training.compute_losses(slots, *batch, CONFIG.training)
        loss = tf.add_n(losses[stage])
    gradients = tape.gradient(loss, parts)
    reached = {
        name: sum(g is not None and bool(tf.reduce_any(g != 0)) for g in gradients[name])
        for name in parts
    }
    assert reached["rpn"] == (8 if reaches_rpn else 0)
    assert (reached["head"] > 0) == reaches_head
    assert reached["backbone"] > 10


def test_a_step_changes_all_parts_but_not_the_frozen_levels(shapes, batch):
    slots = FasterRCNN(CONFIG).build(2, seed=1)
    variables = training.trained_variables(slots)
    optimizer = build_optimizer(variables, 4, CONFIG.training)
    step = training.build_train_step(slots, variables, optimizer, CONFIG.training)
    weights = [*slots.proposer.head.weights, *slots.features.backbone.weights]
    weights += slots.head.model.weights
    before = [variable.numpy() for variable in weights]
    *losses, accuracy = step(*batch).numpy()
    assert min(losses) > 0 and 0 <= accuracy <= 1
    changed = {
        id(variable)
        for variable, old in zip(weights, before, strict=True)
        if (variable.numpy() != old).any()
    }
    assert changed <= {id(variable) for variable in variables}
    assert len(changed) > 0.9 * len(variables)


def test_the_graph_and_the_page_compute_the_same_losses(slots, batch):
    """Run eagerly, as in the notebook, and as one graph."""
    eager, accuracy = training.compute_losses(slots, *batch, CONFIG.training)
    graph = tf.function(lambda *args: training.compute_losses(slots, *args, CONFIG.training))
    losses, graph_accuracy = graph(*batch)
    np.testing.assert_allclose(losses, eager, rtol=1e-3)
    assert float(accuracy) == pytest.approx(float(graph_accuracy), abs=0.05)


def test_after_a_stop_it_continues_as_if_there_had_been_none(shapes, tmp_path, monkeypatch):
    photos = shapes.split("train").sample(6)
    data = TrainingData(photos, None, 0, tmp_path / CHECKPOINT_FILE, "key")
    sample = training.sample_images
    batches = []

    def train(data, stop_at=None):
        def sample_or_stop(*args):
            if len(batches) == stop_at:
                raise KeyboardInterrupt
            batches.append(sample(*args))
            return batches[-1]

        batches.clear()
        monkeypatch.setattr(training, "sample_images", sample_or_stop)
        slots = FasterRCNN(CONFIG).build(2, 0)
        return training.train_faster_rcnn(slots, data, CONFIG.training, CONFIG.anchor_sampling)

    with pytest.raises(KeyboardInterrupt):
        train(data, stop_at=3)
    result = train(data)
    resumed = list(batches)
    assert len(resumed) == 4, "of 6 steps the first two were in the checkpoint"
    assert result.history.shape == (6, len(training.MEASURED)) and result.cached_seconds > 0
    whole = train(replace(data, checkpoint=tmp_path / "other.npz"))
    for batch, expected in zip(resumed, batches[2:], strict=True):
        for array, expected_array in zip(batch, expected, strict=True):
            np.testing.assert_array_equal(array, expected_array)
    of_rpn = (slice(None), slice(2))
    np.testing.assert_allclose(result.history[of_rpn], whole.history[of_rpn], rtol=0.1, atol=0.02)
    # A sum in another order may exchange two proposals, and then other RoIs are sampled.
    np.testing.assert_allclose(result.history.mean(0), whole.history.mean(0), rtol=0.2, atol=0.05)
