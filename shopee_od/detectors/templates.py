"""HOG templates, one a class, and how they are learnt: windows at random first, then those that fooled them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from skimage.transform import resize
from sklearn.svm import LinearSVC
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.ops.boxes import clip, iou
from shopee_od.ops.hog import BLOCK, CELL, blocks, cells, hog
from shopee_od.ops.pyramid import pyramid, to_photo, windows

WINDOW_AREA = 80**2  # square pixels of a template's window
SLIMMEST = 2.0  # a window is at most so many times as tall as wide, or as wide as tall
LONGEST = 400  # pixels: a photo with a longer side is first scaled to it
STEP = 1.2  # between the sizes of the pyramid
ROUNDS = 2  # of looking for hard negatives
PER_PHOTO = 10  # negatives of a class that a photo gives, at random at first, then the worst mistakes
APART = 0.3  # a window with less IoU with all of a class's boxes is a negative for it
SOFTNESS = 0.01  # the SVM's C
CORNERS = ["x1", "y1", "x2", "y2"]


@dataclass(frozen=True)
class Templates:
    """One linear SVM a class over the HOG blocks of its window.

    shapes:  (classes, 2) rows and columns of blocks
    weights: for each class float32 (rows · columns · 36,); biases: float32 (classes,)
    """

    shapes: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: np.ndarray

    def windows(self, image: np.ndarray) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
        """uint8 (H, W, 3) -> size by size, shape by shape: labels of that shape, its windows (N, 4), their HOG (N, D).

        Windows are float64, in pixels of the photo; a level's blocks are worked out once, for all its windows.
        """
        sides = (self.shapes + BLOCK - 1) * CELL
        shrunk = min(1, LONGEST / max(image.shape[:2]))
        size = tuple(max(1, round(side * shrunk)) for side in image.shape[:2])
        photo = image if shrunk == 1 else resize(image.astype(np.float32), size, anti_aliasing=True)
        for level in pyramid(photo, tuple(sides.min(axis=0)), STEP):
            found = blocks(cells(level)).astype(np.float32)
            for shape in sorted(set(map(tuple, self.shapes.tolist()))):
                if found.shape[0] < shape[0] or found.shape[1] < shape[1]:
                    continue
                labels = np.flatnonzero((self.shapes == shape).all(axis=1)).tolist()
                views = sliding_window_view(found, shape, axis=(0, 1)).transpose(0, 1, 3, 4, 2)
                whole = [(side + BLOCK - 1) * CELL for side in found.shape[:2]]
                boxes = windows(*whole, tuple((side + BLOCK - 1) * CELL for side in shape), CELL)
                yield labels, to_photo(boxes, level.shape[:2], image.shape[:2]), views.reshape(len(boxes), -1)

    def scores(self, labels: Sequence[int], features: np.ndarray) -> np.ndarray:
        """Labels of one shape, (N, D) -> float32 (N, labels): how far on the garment's side of the SVM's plane."""
        return features @ np.stack([self.weights[k] for k in labels], axis=1) + self.biases[list(labels)]


def learn(train: Dataset, seed: int) -> Templates:
    """Photos with boxes -> a template for each class.

    1. A window has the shape of its class's median box; positives are the boxes, scaled to it, and these mirrored.
    2. Negatives are windows at random; an SVM is trained.
    3. The windows that it is most wrong on in the training photos, hard negatives, are added, and it is trained again.
    """
    rng = np.random.default_rng(seed)
    untrained = blank(train)
    positives = positive_features(train, untrained)
    templates = untrained
    negatives: list[list[np.ndarray]] = [[] for _ in train.classes]
    for stage in range(ROUNDS + 1):
        rows = train.images[["image_id", "path"]].itertuples(index=False)
        for image_id, path in tqdm(rows, f"HOG templates, round {stage + 1} of {ROUNDS + 1}", len(train), unit="photo"):
            rank = templates.scores if stage else lambda labels, features: rng.random((len(features), len(labels)))
            for label, found in worst(templates, read_photo(path), train.boxes_of(image_id), rank):
                negatives[label].append(found)
        templates = _trained(untrained, positives, negatives)
    return templates


def blank(train: Dataset) -> Templates:
    """Templates of zeros, each with the shape of its class's median box, or of all boxes' where a class has none."""
    size = (train.boxes[["x2", "y2"]].to_numpy() - train.boxes[["x1", "y1"]].to_numpy()).astype(float)
    shapes = []
    for label in range(len(train.classes)):
        own = train.counts & (train.boxes.label == label).to_numpy()
        width, height = size[own if own.any() else train.counts].T
        ratio = np.sqrt(np.clip(np.median(width / height), 1 / SLIMMEST, SLIMMEST))
        side = np.sqrt(WINDOW_AREA)
        shapes.append([round(side / ratio / CELL) - BLOCK + 1, round(side * ratio / CELL) - BLOCK + 1])
    shapes = np.array(shapes)
    weights = tuple(np.zeros(rows * columns * BLOCK**2 * 9, np.float32) for rows, columns in shapes)
    return Templates(shapes, weights, np.zeros(len(shapes), np.float32))


def positive_features(train: Dataset, templates: Templates) -> list[np.ndarray]:
    """For each class float32 (2 · boxes, D): HOG of its boxes, scaled to its window, as they are and mirrored."""
    found = [[np.zeros((0, len(weights)), np.float32)] for weights in templates.weights]
    for image_id, path in train.images[["image_id", "path"]].itertuples(index=False):
        image, boxes = read_photo(path), train.boxes_of(image_id)
        for box in boxes[~(boxes.ignore | boxes.iscrowd)].itertuples():
            x1, y1, x2, y2 = (round(side) for side in clip([[box.x1, box.y1, box.x2, box.y2]], *image.shape[:2])[0])
            if min(x2 - x1, y2 - y1) < CELL:
                continue
            height, width = (templates.shapes[box.label] + BLOCK - 1) * CELL
            patch = resize(image[y1:y2, x1:x2].astype(np.float32), (height, width), anti_aliasing=True)
            found[box.label].append(np.stack([hog(patch), hog(patch[:, ::-1])]).astype(np.float32))
    return [np.concatenate(each) for each in found]


def worst(templates: Templates, image: np.ndarray, boxes, rank) -> Iterator[tuple[int, np.ndarray]]:
    """A photo and its boxes -> for each label float32 (up to 10, D): its negatives that `rank` puts highest."""
    own = {label: rows[CORNERS].to_numpy() for label, rows in boxes.groupby("label")}
    best: dict[int, list[tuple[float, np.ndarray]]] = {}
    for labels, found, features in templates.windows(image):
        scores = rank(labels, features)
        for column, label in enumerate(labels):
            apart = iou(found, own.get(label, np.zeros((0, 4)))).max(axis=1, initial=0) < APART
            order = np.argsort(-np.where(apart, scores[:, column], -np.inf))[:PER_PHOTO]
            best.setdefault(label, []).extend((scores[k, column], features[k]) for k in order if apart[k])
    for label, candidates in best.items():
        chosen = sorted(candidates, key=lambda pair: -pair[0])[:PER_PHOTO]
        if chosen:
            yield label, np.stack([features for _, features in chosen])


def _trained(untrained: Templates, positives: list[np.ndarray], negatives: list[list[np.ndarray]]) -> Templates:
    weights, biases = [], []
    for zeros, right, wrong in zip(untrained.weights, positives, negatives, strict=True):
        if not len(right) or not wrong:  # a class without boxes never fires
            weights.append(zeros)
            biases.append(-10.0)
            continue
        wrong = np.concatenate(wrong)
        given = np.repeat([1, 0], [len(right), len(wrong)])
        svm = LinearSVC(C=SOFTNESS, class_weight="balanced", random_state=0)
        svm.fit(np.concatenate([right, wrong]), given)
        weights.append(svm.coef_[0].astype(np.float32))
        biases.append(svm.intercept_[0])
    return Templates(untrained.shapes, tuple(weights), np.array(biases, np.float32))
