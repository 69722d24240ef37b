"""R-CNN's fine-tuning: the CNN learns to classify regions, before the SVMs do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.features.crop_cnn import CropCNN
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.training.region_examples import (
    ExamplesConfig,
    iterate_images,
    sample_proposals,
)
from shopee_od.detectors.training.seeding import set_random_seed
from shopee_od.ops.boxes import box_iou


@dataclass(frozen=True)
class FineTuningConfig:
    """How the CNN is fine-tuned; off by default, since it takes much longer.

    Args:
        enabled: whether it is.
        steps: of SGD.
        learning_rate: of SGD.
        foreground: regions with a garment per step.
        background: regions without.
        foreground_iou: the IoU from which a region counts as a garment.
    """

    enabled: bool = False
    steps: int = 200
    learning_rate: float = 1e-3
    foreground: int = 32
    background: int = 96
    foreground_iou: float = 0.5


def fine_tune(
    cnn: CropCNN,
    train: Dataset,
    seed: int,
    search: SelectiveSearch,
    examples: ExamplesConfig = ExamplesConfig(),
    config: FineTuningConfig = FineTuningConfig(),
) -> None:
    """Changes the CNN so that it tells the classes of training regions, and background, apart.

    1. Regions with IoU 0.5 or more with a box are of its class, all others background.
    2. A layer of classes + 1 is put on top, and all is trained by SGD at a small learning rate, 32
       garments and 96 others per step; batch norms stay in inference mode.
    3. The layer is thrown away: SVMs follow.

    All training crops are held in memory.

    Source: Girshick et al., CVPR 2014, section 2.3.
    """
    import tensorflow as tf
    import tf_keras

    set_random_seed(seed)
    rng = np.random.default_rng(seed)
    crops, labels = label_crops(cnn, train, seed, search, examples, config)
    classifier = tf_keras.layers.Dense(len(train.classes) + 1)
    classifier.build([None, cnn.width])
    variables = [*cnn.model.trainable_variables, *classifier.trainable_variables]
    optimizer = tf_keras.optimizers.SGD(config.learning_rate, momentum=0.9)

    @tf.function
    def train_step(images, gt_labels):
        with tf.GradientTape() as tape:
            logits = classifier(cnn.compute(images))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(gt_labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, variables)
        pairs = zip(gradients, variables, strict=True)
        optimizer.apply_gradients((g, v) for g, v in pairs if g is not None)

    foreground = np.flatnonzero(labels > 0)
    background = np.flatnonzero(labels == 0)
    sizes = ((foreground, config.foreground), (background, config.background))
    for _ in tqdm(range(config.steps), "R-CNN: fine-tuning", unit="step", mininterval=2):
        batch = np.concatenate([rng.choice(rows, n) for rows, n in sizes if len(rows)])
        train_step(tf.constant(crops[batch]), tf.constant(labels[batch]))
    cnn.tuned = True


def label_crops(
    cnn: CropCNN,
    train: Dataset,
    seed: int,
    search: SelectiveSearch,
    examples: ExamplesConfig,
    config: FineTuningConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, side, side, 3) crops of all regions, int (N,) class from 1, 0 background."""
    crops = []
    labels = []
    for labeled in iterate_images(train, search):
        proposals = sample_proposals(labeled, seed, examples)
        overlap = box_iou(proposals, labeled.gt_boxes)
        foreground = overlap.max(axis=1) >= config.foreground_iou
        classes = labeled.gt_labels[overlap.argmax(axis=1)] + 1
        crops.append(cnn.training_crops(labeled.image, labeled.gt_boxes, proposals))
        labels += [labeled.gt_labels + 1, labeled.gt_labels + 1, np.where(foreground, classes, 0)]
    return np.concatenate(crops), np.concatenate(labels)
