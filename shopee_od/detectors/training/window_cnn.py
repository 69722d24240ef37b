"""Training the window CNN: random windows first, then those that it misclassifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from shopee_od.config import setting
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.features.window_cnn import normalize_pixels
from shopee_od.detectors.proposers.sliding_windows import StretchConfig
from shopee_od.detectors.training.hard_negative_mining import WindowSlots, mine_hard_windows
from shopee_od.ops.boxes import box_iou, clip_boxes
from shopee_od.ops.pyramid import boxes_to_image, window_grid


@dataclass(frozen=True)
class WindowTrainingConfig:
    """How the window CNN is trained.

    Args:
        positives: windows per box.
        negatives: random windows per image without a garment.
        hard_negatives: per image, at most.
        jitter: share of its sides by which a positive's corners are moved, at most.
        negative_iou: a window with less IoU with every box is background.
        epochs: before the hard negatives are added.
        hard_epochs: after they are added.
        batch_size: windows.
        learning_rate: of Adam; a cosine takes it to 0.
    """

    positives: int = 8
    negatives: int = setting(16, at_least=0)
    hard_negatives: int = setting(16, at_least=0)
    jitter: float = setting(0.12, at_least=0)
    negative_iou: float = 0.3
    epochs: int = 8
    hard_epochs: int = setting(4, at_least=0)
    batch_size: int = 64
    learning_rate: float = 1e-3


def train_window_cnn(
    slots: WindowSlots, train: Dataset, seed: int, config: WindowTrainingConfig
) -> None:
    """Trains the network of `slots`.

    1. Windows: every box, jittered, and random windows without a garment; half of a batch is
       mirrored.
    2. The network is trained by softmax cross-entropy.
    3. The windows of training images that it is most confident hold a garment, and that hold none,
       are added, and it is trained for half as long again.
    """
    rng = np.random.default_rng(seed)
    network = slots.features.network
    windows = slots.features.config
    photos = [read_photo(path) for path in tqdm(train.images.path, "windows: photos", unit="photo")]
    gt_boxes = [train.counted_boxes_of(image_id) for image_id in train.images.image_id]
    crops, labels = sample_windows(photos, gt_boxes, windows, config, rng)
    train_network(network, crops, labels, config.epochs, config, rng)
    pairs = tqdm(list(zip(photos, gt_boxes, strict=True)), "windows: hard negatives", unit="photo")
    mistakes = [
        crop_windows(photo, mine_hard_windows(slots, photo, boxes, config), windows.side)
        for photo, boxes in pairs
    ]
    crops = np.concatenate([crops, *mistakes])
    labels = np.concatenate([labels, np.zeros(len(crops) - len(labels), int)])
    train_network(network, crops, labels, config.hard_epochs, config, rng)


def sample_windows(
    photos: list[np.ndarray],
    gt_boxes: list[pd.DataFrame],
    windows: StretchConfig,
    config: WindowTrainingConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Photos and their boxes -> uint8 (N, side, side, 3) crops, int (N,) labels, 0 background."""
    crops = []
    labels = []
    for photo, boxes in zip(photos, gt_boxes, strict=True):
        corners = np.repeat(boxes[CORNERS].to_numpy(float), config.positives, axis=0)
        sides = np.tile(corners[:, 2:] - corners[:, :2], 2)
        offsets = rng.uniform(-config.jitter, config.jitter, corners.shape) * sides
        jittered = clip_boxes(corners + offsets, *photo.shape[:2])
        background = sample_background(photo, boxes, windows, config, rng)
        crops += [crop_windows(photo, part, windows.side) for part in (jittered, background)]
        labels.append(np.repeat(boxes.label.to_numpy() + 1, config.positives))
        labels.append(np.zeros(len(background), int))
    return np.concatenate(crops), np.concatenate(labels)


def sample_background(
    photo: np.ndarray,
    boxes: pd.DataFrame,
    windows: StretchConfig,
    config: WindowTrainingConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """Random background windows (N, 4) of the detector's own sizes."""
    size = photo.shape[:2]
    window = (windows.side, windows.side)
    parts = [np.zeros((0, 4))]
    for level in windows.level_sizes(*size):
        parts.append(boxes_to_image(window_grid(*level, window, windows.side // 2), level, size))
    candidates = np.concatenate(parts)
    overlap = box_iou(candidates, boxes[CORNERS].to_numpy()).max(axis=1, initial=0)
    background = candidates[overlap < config.negative_iou]
    return background[rng.permutation(len(background))[: config.negatives]]


def crop_windows(photo: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """uint8 (H, W, 3), boxes (N, 4) -> uint8 (N, side, side, 3): each box stretched to a window."""
    image = Image.fromarray(photo)
    crops = [
        np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=tuple(box)))
        for box in boxes.tolist()
    ]
    return np.stack(crops) if crops else np.zeros((0, side, side, 3), np.uint8)


def train_network(
    network: Any,
    crops: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    config: WindowTrainingConfig,
    rng: np.random.Generator,
) -> None:
    """Trains by Adam, its learning rate falling to 0 as a cosine; half of a batch is mirrored."""
    import tensorflow as tf
    import tf_keras

    size = min(config.batch_size, len(crops))
    schedule = tf_keras.optimizers.schedules.CosineDecay(
        config.learning_rate, len(crops) // size * epochs
    )
    optimizer = tf_keras.optimizers.Adam(schedule)

    @tf.function
    def train_step(images: tf.Tensor, gt_labels: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = network(images, training=True)[:, 0, 0]
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(gt_labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    for _ in tqdm(range(epochs), "windows: epochs", unit="epoch"):
        order = rng.permutation(len(crops))
        for start in range(0, len(order) - size + 1, size):
            batch = order[start : start + size]
            images = normalize_pixels(crops[batch])
            mirror = rng.random(size)[:, None, None, None] < 0.5
            images = np.where(mirror, images[:, :, ::-1], images)
            train_step(tf.constant(images), tf.constant(labels[batch]))
