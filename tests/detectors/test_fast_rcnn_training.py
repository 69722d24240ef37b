"""What Fast R-CNN learns from: RoIs with their targets, batches by lot, the loss, and what the gradient reaches."""

import numpy as np
import pytest
import tensorflow as tf

from shopee_od.detectors import fast_rcnn_training as training
from shopee_od.detectors.batching import buckets
from shopee_od.detectors.fast_rcnn_network import Network
from shopee_od.garden.backbones import normalised
from shopee_od.ops.boxes import decode
from shopee_od.ops.losses import multi_task

TRUTH = np.float32([[30, 60, 90, 150]])
PROPOSALS = np.float32([[30, 60, 90, 140], [0, 0, 40, 40], [35, 50, 95, 160], [60, 60, 120, 150]])


@pytest.fixture
def sample():
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3)).astype(np.uint8)
    return training.sample(image, TRUTH, np.array([1]), PROPOSALS, 320)


@pytest.fixture(scope="module")
def network():
    tf.random.set_seed(0)
    return Network(2)


def test_a_sample_knows_what_its_rois_are_to_answer(sample):
    assert sample.image.shape == (320, 256, 3)  # 240 pixels would be its shape
    scale = [256 / 150, 1.6, 256 / 150, 1.6]
    np.testing.assert_allclose(sample.rois, np.concatenate([TRUTH, PROPOSALS]) * scale, rtol=1e-6)
    assert sample.labels.tolist() == [2, 2, 0, 2, 0]  # the box itself is an RoI, too
    moved = decode(sample.deltas, sample.rois)[sample.labels > 0]
    np.testing.assert_allclose(moved, np.repeat(TRUTH * scale, 3, axis=0), rtol=1e-5)


def test_mirrored_rois_show_the_mirrored_pixels_and_lead_to_the_mirrored_box(sample):
    other = sample.mirrored()
    for (x1, y1, x2, _), (u1, _, u2, _) in zip(sample.rois.astype(int), other.rois.astype(int), strict=True):
        assert abs((x2 - x1) - (u2 - u1)) <= 1
        np.testing.assert_array_equal(other.image[y1, 256 - x2 : 256 - x1], sample.image[y1, x1:x2][::-1])
    x1, y1, x2, y2 = TRUTH[0] * [256 / 150, 1.6, 256 / 150, 1.6]
    np.testing.assert_allclose(decode(other.deltas, other.rois)[3], [256 - x2, y1, 256 - x1, y2], rtol=1e-4)
    np.testing.assert_allclose(other.mirrored().rois, sample.rois, rtol=1e-6)


def test_a_batch_is_of_one_size_and_holds_as_many_garments_as_it_may(sample):
    wide = training.sample(sample.image[:100], TRUTH / 2, np.array([0]), PROPOSALS / 2, 320)
    found = [sample, wide, sample, wide, wide]
    groups = buckets(np.array([each.image.shape[:2] for each in found]))
    for seed in range(8):
        images, rois, owners, labels, deltas = training.batch(found, groups, np.random.default_rng(seed))
        assert len(images) == 2 and len(rois) == len(owners) == len(labels) == len(deltas) == training.ROIS
        used = labels >= 0
        assert (labels[used] > 0).any() and used.sum() <= 10  # both photos have five RoIs
        assert (rois[used][:, 2:] <= [images.shape[2], images.shape[1]]).all()
        assert set(owners[used]) == {0, 1} and not rois[~used].any()


def test_the_loss_is_that_of_the_lesson():
    rng = np.random.default_rng(0)
    logits, deltas = rng.normal(0, 2, (9, 4)), rng.normal(0, 2, (9, 3, 4))
    labels, wanted = rng.integers(0, 4, 9), rng.normal(0, 2, (9, 4))
    given = [tf.constant(each, tf.float32) for each in (logits, deltas)]
    theirs = training.multi_task(*given, tf.constant(labels, tf.int32), tf.constant(wanted, tf.float32))
    np.testing.assert_allclose(theirs, multi_task(logits, deltas, labels, wanted), rtol=1e-5)


def test_the_gradient_reaches_the_backbone_but_neither_its_first_layers_nor_batch_norms(network, sample):
    import tf_keras

    optimizer = tf_keras.optimizers.SGD(0.1)
    optimizer.build(network.variables)
    before = [each.numpy() for each in network.backbone.weights]
    given = training.batch([sample] * 2, [np.arange(2)], np.random.default_rng(0))
    said = training.stepper(network, optimizer)(*given).numpy()
    assert said.shape == (3,) and np.isfinite(said).all() and said[0] > 0 and 0 <= said[2] <= 1
    changed = {
        id(each) for each, old in zip(network.backbone.weights, before, strict=True) if (each != old).numpy().any()
    }
    assert changed == {id(each) for each in network.backbone.trainable_variables}
    assert 0 < len(changed) < len(before) / 3


def test_padded_and_alone_a_photo_gives_the_same_roi_features(network):
    from shopee_od.detectors.batching import padded

    rng = np.random.default_rng(1)
    photos = [normalised(rng.uniform(0, 255, (*size, 3))).numpy() for size in ((90, 128), (128, 70))]
    batch, sizes = padded(photos)
    together = network.maps(tf.constant(batch), tf.constant(sizes))
    for k, photo in enumerate(photos):
        height, width = photo.shape[:2]
        rois = tf.constant([[0, 0, width, height], [width / 2, 3, width, height]], tf.float32)
        alone = network.maps(*map(tf.constant, padded([photo])))
        ours = network.pooled(together, rois, tf.fill([2], k))
        np.testing.assert_allclose(ours, network.pooled(alone, rois, tf.zeros(2, tf.int32)), atol=1e-4)
