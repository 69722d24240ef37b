"""Training Faster R-CNN: RPN and Fast R-CNN's head on one backbone, four losses in one step.

Source: Ren et al., "Faster R-CNN", TPAMI 2017, section 3.2, approximate joint training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.backbones import normalize_images
from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.heads.softmax_box_head import SoftmaxBoxHead
from shopee_od.detectors.proposers.rpn import RPN
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.anchor_samples import (
    AnchorSamples,
    AnchorSamplingConfig,
    sample_anchors,
)
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.fast_rcnn import FastRCNNTrainingConfig
from shopee_od.detectors.training.joint_batches import (
    JointBatch,
    load_images,
    sample_images,
    sample_rois,
)
from shopee_od.detectors.training.loop import (
    build_optimizer,
    build_update,
    count_steps,
    run_steps,
)
from shopee_od.detectors.training.losses import compute_accuracy, multi_task_loss, rpn_loss
from shopee_od.ops.batching import group_by_size
from shopee_od.ops.two_stage import DELTA_SCALE

FasterRCNNSlots = Slots[RPN, RoIAlignMap, SoftmaxBoxHead]
DELTA_STD = np.float32(1) / np.array(DELTA_SCALE, np.float32)
"""What the head's deltas are divided by. Proposals change in training, and with them the statistics
of their deltas; so these are fixed."""
MEASURED = ("rpn_class_loss", "rpn_box_loss", "class_loss", "box_loss", "accuracy")


def train_faster_rcnn(
    slots: FasterRCNNSlots,
    data: TrainingData,
    config: FastRCNNTrainingConfig,
    anchor_config: AnchorSamplingConfig,
) -> TrainingResult:
    """Trains backbone, RPN and head together; after a stop it continues from `data.checkpoint`."""
    images = load_images(data.train, slots.features)
    groups = group_by_size(np.array([image.image.shape[:2] for image in images]))
    steps = count_steps(len(images), config)
    variables = trained_variables(slots)
    slots.head.std = DELTA_STD
    optimizer = build_optimizer(variables, steps, config)
    compute_step = build_train_step(slots, variables, optimizer, config)

    def train_step(rng: np.random.Generator) -> np.ndarray:
        batch = sample_images(images, groups, config.images, rng)
        return compute_step(batch, sample_batch_anchors(slots, batch, anchor_config, rng)).numpy()

    state = [*variables, *optimizer.variables]
    return run_steps("Faster R-CNN", train_step, steps, state, data, config)


def trained_variables(slots: FasterRCNNSlots) -> list[tf.Variable]:
    """The variables of all parts that training changes."""
    parts = (slots.proposer, slots.features, slots.head)
    return [variable for part in parts for variable in part.variables]


def sample_batch_anchors(
    slots: FasterRCNNSlots,
    batch: JointBatch,
    config: AnchorSamplingConfig,
    rng: np.random.Generator,
) -> AnchorSamples:
    """The anchors that the RPN is trained on in a step."""
    anchors = slots.proposer.anchors(*batch.images.shape[1:3])
    gt_boxes = [batch.boxes_of(k) for k in range(len(batch.images))]
    return sample_anchors(anchors, gt_boxes, config, rng)


def compute_losses(
    slots: FasterRCNNSlots,
    batch: JointBatch,
    anchors: AnchorSamples,
    config: FastRCNNTrainingConfig,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """The losses of both stages.

    1. The backbone computes its maps; from one of them the RPN predicts objectness and deltas of
       all anchors. Its two losses are those of the sampled anchors.
    2. NumPy makes proposals of these and samples RoIs. To the gradient they are constants: none of
       the second stage's losses passes through their corners. This is what is approximate.
    3. The RoIs are pooled from the same maps. The head's two losses are Fast R-CNN's.

    Args:
        slots: the parts.
        batch: of images.
        anchors: sampled on them.
        config: how RoIs are sampled.
    Returns:
        Class loss and box loss of the RPN, class loss and box loss of the head; the accuracy of the
        RoIs' classes.
    """
    rpn, features, head = slots.proposer, slots.features, slots.head
    maps = features.compute_maps(normalize_images(batch.images))
    logits, deltas = rpn.compute(maps)

    def sample(logits: np.ndarray, deltas: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        return sample_rois(rpn, config, logits, deltas, JointBatch(*arrays))

    types = [tf.float32, tf.int32, tf.int32, tf.float32]
    rois, image_of_roi, labels, gt_deltas = (
        tf.ensure_shape(array, [config.rois, 4] if array.dtype == tf.float32 else [config.rois])
        for array in tf.numpy_function(sample, [logits, deltas, *batch], types)
    )
    pooled = features.pool(maps, rois, image_of_roi)
    class_logits, class_deltas = head.compute(pooled, training=True)
    gt_deltas = (gt_deltas - head.mean) / head.std
    losses = [
        *rpn_loss(logits, deltas, anchors),
        *multi_task_loss(class_logits, class_deltas, labels, gt_deltas),
    ]
    return losses, compute_accuracy(class_logits, labels)


def build_train_step(
    slots: FasterRCNNSlots,
    variables: Sequence[tf.Variable],
    optimizer: tf_keras.optimizers.Optimizer,
    config: FastRCNNTrainingConfig,
) -> Callable[[JointBatch, AnchorSamples], tf.Tensor]:
    """A function of a batch and its anchors that changes the weights and returns MEASURED."""
    update = build_update(variables, optimizer, config)

    def train_step(batch: JointBatch, anchors: AnchorSamples) -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses, accuracy = compute_losses(slots, batch, anchors, config)
            loss = tf.add_n(losses)
        update(tape.gradient(loss, variables))
        return tf.stack([*losses, accuracy])

    batch = JointBatch(
        tf.TensorSpec([None, None, None, 3], tf.uint8),
        tf.TensorSpec([None, 4], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([], tf.int64),
    )
    anchors = AnchorSamples(
        tf.TensorSpec([None, 2], tf.int64),
        tf.TensorSpec([None], tf.float32),
        tf.TensorSpec([None, 4], tf.float32),
    )
    return tf.function(train_step, input_signature=[batch, anchors])
