"""The step of R-CNN's training that changes the CNN: it learns to tell the regions' classes, before the SVMs do."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.rcnn_network import CropCNN, training_crops
from shopee_od.detectors.svm_training import photo_regions
from shopee_od.ops.boxes import iou

BATCH = {True: 32, False: 96}  # regions with a garment, and without, in a step (section 2.3)
GARMENT = 0.5  # IoU from which a region counts as one there
STEPS, RATE = 200, 1e-3


def fine_tune(train: Dataset, seed: int, cnn: CropCNN, steps: int = STEPS) -> None:
    """Changes the CNN so that it tells the classes, and background, of training regions apart.

    1. Regions with IoU 0.5 or more with a box are of its class, all others background.
    2. A layer of classes + 1 is put on top, and all is trained by SGD at a small rate, 32 garments and 96 others a
       step; batch norms stay as they are.
    3. The layer is thrown away: SVMs follow.

    All training crops are held in memory, 2 MB a photo. Girshick et al., CVPR 2014, section 2.3.
    """
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    crops, labels = labelled_crops(train, seed)
    head = tf_keras.layers.Dense(len(train.classes) + 1)
    head.build([None, cnn.width])
    variables = [*cnn.model.trainable_variables, *head.trainable_variables]
    optimizer = tf_keras.optimizers.SGD(RATE, momentum=0.9)

    @tf.function
    def step(pixels, wanted):
        with tf.GradientTape() as tape:
            logits = head(cnn.features(pixels))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits))
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients((g, v) for g, v in zip(gradients, variables, strict=True) if g is not None)

    of_each = {garment: np.flatnonzero((labels > 0) == garment) for garment in BATCH}
    for _ in tqdm(range(steps), "R-CNN: fine-tuning", unit="step", mininterval=2):
        drawn = np.concatenate([rng.choice(of_each[g], n) for g, n in BATCH.items() if len(of_each[g])])
        step(tf.constant(crops[drawn]), tf.constant(labels[drawn]))
    cnn.changed()


def labelled_crops(train: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, side, side, 3) of all training regions, and int (N,) their classes from 1; 0 is background."""
    crops, labels = [], []
    for image, corners, own, found in photo_regions(train, seed):
        overlap = iou(found.boxes, corners)
        classes = np.where(overlap.max(axis=1) >= GARMENT, own[overlap.argmax(axis=1)] + 1, 0)
        crops.append(training_crops(image, corners, found.boxes))
        labels.append(np.concatenate([own + 1, own + 1, classes]))
    return np.concatenate(crops), np.concatenate(labels)
