"""How the CNN of `window_cnn` learns: from windows on garments, beside them, and from those that fooled it."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.window_cnn import SIDE, levels, network, normalised, probabilities, scored
from shopee_od.ops.boxes import clip, iou
from shopee_od.ops.pyramid import to_photo, windows

POSITIVES, NEGATIVES, HARD = 8, 16, 16  # windows a box, a photo, and a photo's worst mistakes at most
SHAKEN = 0.12  # share of its sides by which a positive's corners are moved at most
APART = 0.3  # a window with less IoU with every box is background
EPOCHS, AGAIN = 8, 4  # before and after the hard negatives
BATCH = 64
RATE = 1e-3


def learn(train: Dataset, seed: int):
    """Photos with boxes -> a trained network.

    1. Windows: every box, shaken, and places at random that hold no garment; half are mirrored, batch by batch.
    2. Trained by softmax cross-entropy.
    3. Hard negatives: the windows of training photos that it is surest of and that hold no garment are added, and it is
       trained for half as long again.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    photos = [read_photo(path) for path in tqdm(train.images.path, "windows: photos", unit="photo")]
    truths = [train.counted_boxes_of(image_id) for image_id in train.images.image_id]
    patches, labels = first_windows(photos, truths, rng)
    model = network(len(train.classes))
    train_on(model, patches, labels, EPOCHS, rng)
    mistakes = [
        cut(photo, hard_negatives(model, photo, boxes))
        for photo, boxes in tqdm(list(zip(photos, truths, strict=True)), "windows: hard negatives", unit="photo")
    ]
    patches = np.concatenate([patches, *mistakes])
    labels = np.concatenate([labels, np.zeros(len(patches) - len(labels), int)])
    train_on(model, patches, labels, AGAIN, rng)
    return model


def first_windows(photos, truths, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Photos and their boxes -> uint8 (N, 48, 48, 3) windows and int (N,) labels, 0 where there is no garment."""
    patches, labels = [], []
    for photo, boxes in zip(photos, truths, strict=True):
        corners = np.repeat(boxes[CORNERS].to_numpy(float), POSITIVES, axis=0)
        sides = np.tile(corners[:, 2:] - corners[:, :2], 2)
        shaken = clip(corners + rng.uniform(-SHAKEN, SHAKEN, corners.shape) * sides, *photo.shape[:2])
        empty = background(photo, boxes, rng)
        patches += [cut(photo, shaken), cut(photo, empty)]
        labels += [np.repeat(boxes.label.to_numpy() + 1, POSITIVES), np.zeros(len(empty), int)]
    return np.concatenate(patches), np.concatenate(labels)


def background(photo: np.ndarray, boxes, rng: np.random.Generator) -> np.ndarray:
    """Windows (N, 4) of the detector's own sizes, at random, with little of any garment in them."""
    size = photo.shape[:2]
    every = [to_photo(windows(*level, (SIDE, SIDE), SIDE // 2), level, size) for level in levels(*size)]
    every = np.concatenate([np.zeros((0, 4)), *every])
    free = every[iou(every, boxes[CORNERS].to_numpy()).max(axis=1, initial=0) < APART]
    return free[rng.permutation(len(free))[:NEGATIVES]]


def hard_negatives(model, photo: np.ndarray, boxes) -> np.ndarray:
    """Windows (N, 4) that the network is surest hold a garment, where none is."""
    found = [(window, probabilities(logits)[:, 0]) for _, window, logits in scored(model, photo, shared=True)]
    if not found:
        return np.zeros((0, 4))
    places, empty = (np.concatenate(each) for each in zip(*found, strict=True))
    wrong = iou(places, boxes[CORNERS].to_numpy()).max(axis=1, initial=0) < APART
    order = np.argsort(np.where(wrong, empty, np.inf))[:HARD]
    return places[order][wrong[order] & (empty[order] < 0.5)]


def cut(photo: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), (N, 4) -> uint8 (N, 48, 48, 3): what lies in each box, stretched to the window."""
    image = Image.fromarray(photo)
    size, smooth = (SIDE, SIDE), Image.Resampling.BILINEAR
    parts = [np.asarray(image.resize(size, smooth, box=tuple(box))) for box in boxes.tolist()]
    return np.stack(parts) if parts else np.zeros((0, SIDE, SIDE, 3), np.uint8)


def train_on(model, patches: np.ndarray, labels: np.ndarray, epochs: int, rng: np.random.Generator) -> None:
    """Adam, its rate falling to 0 as a cosine."""
    import tensorflow as tf
    import tf_keras

    size = min(BATCH, len(patches))
    steps = len(patches) // size * epochs
    optimizer = tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(RATE, steps))

    @tf.function
    def step(images, wanted):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)[:, 0, 0]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    for _ in tqdm(range(epochs), "windows: epochs", unit="epoch"):
        order = rng.permutation(len(patches))
        for i in range(0, len(order) - size + 1, size):
            images = normalised(patches[order[i : i + size]])
            mirrored = np.where(rng.random(size)[:, None, None, None] < 0.5, images[:, :, ::-1], images)
            step(tf.constant(mirrored), tf.constant(labels[order[i : i + size]]))
