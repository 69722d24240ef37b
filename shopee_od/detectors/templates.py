"""HOG templates, one a class, and how they are learnt: windows at random first, then those that fooled them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.svm import LinearSVC
from threadpoolctl import ThreadpoolController
from tqdm import tqdm

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.ops.boxes import clip, iou
from shopee_od.ops.hog import BINS, BLOCK, CELL, blocks, cells
from shopee_od.ops.pyramid import pyramid, resized, to_photo, windows

WINDOW_AREA = 64**2  # square pixels of a template's window
SLIMMEST = 2.0  # a window is at most so many times as tall as wide, or as wide as tall
LONGEST = 400  # pixels: a photo with a longer side is first scaled to it
STEP = 1.25  # between the sizes of the pyramid
ROUNDS = 2  # of looking for hard negatives
PER_PHOTO = 5  # negatives of a class that a photo gives, at random at first, then the worst mistakes
APART = 0.3  # a window with less IoU with all of a class's boxes is a negative for it
SOFTNESS = 0.01  # the SVM's C
SURE = -1.0  # a negative with a lower score changes nothing: the SVM's street ends there
BLAS = ThreadpoolController()


@dataclass(frozen=True)
class Level:
    """One size of a photo: photo and size, (height, width) in pixels, before and after; blocks: float32 (R, C, 36)."""

    photo: tuple[int, int]
    size: tuple[int, int]
    blocks: np.ndarray

    def windows(self, shape: Sequence[int]) -> np.ndarray:
        """Rows and columns of blocks -> float64 (N, 4), every window of that shape, in pixels of the photo."""
        whole, own = (tuple((side + BLOCK - 1) * CELL for side in sides) for sides in (self.blocks.shape[:2], shape))
        return to_photo(windows(*whole, own, CELL), self.size, self.photo)

    def features(self, shape: Sequence[int], places: Sequence[int]) -> np.ndarray:
        """Numbers of such windows -> float32 (len(places), rows · columns · 36): their HOG."""
        views = sliding_window_view(self.blocks, tuple(shape), axis=(0, 1))
        y, x = np.divmod(places, views.shape[1])
        return views[y, x].transpose(0, 2, 3, 1).reshape(len(places), -1)


@dataclass(frozen=True)
class Templates:
    """One linear SVM a class over the HOG blocks of its window.

    shapes:  (classes, 2) rows and columns of blocks
    weights: for each class float32 (rows · columns · 36,); biases: float32 (classes,)
    """

    shapes: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: np.ndarray

    def template(self, label: int) -> np.ndarray:
        """A class's weights as float32 (rows, columns, 36)."""
        return self.weights[label].reshape(*self.shapes[label], -1)

    def levels(self, image: np.ndarray) -> list[Level]:
        """uint8 (H, W, 3) -> the HOG of all its sizes that hold a window; half a megabyte."""
        shrunk = min(1, LONGEST / max(image.shape[:2]))
        photo = resized(image, tuple(max(1, round(side * shrunk)) for side in image.shape[:2]))
        smallest = tuple((self.shapes.min(axis=0) + BLOCK - 1) * CELL)
        return [
            Level(image.shape[:2], level.shape[:2], blocks(cells(level)).astype(np.float32))
            for level in pyramid(photo, smallest, STEP)
        ]

    def scores(self, level: Level, label: int) -> np.ndarray:
        """-> float32 (rows, columns) of windows: how far each is on the garment's side of the SVM's plane.

        The template is laid over every place, and multiplied with what lies beneath, block by block.
        """
        rows, columns = np.maximum(np.array(level.blocks.shape[:2]) - self.shapes[label] + 1, 0)
        with BLAS.limit(limits=1, user_api="blas"):  # on a busy machine, threads for so small a product cost fourfold
            parts = np.tensordot(level.blocks, self.template(label), (2, 2))  # each block with each of the template
        places = np.ndindex(*self.shapes[label])
        return sum(parts[i : i + rows, j : j + columns, i, j] for i, j in places) + self.biases[label]

    def everywhere(self, image: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """uint8 (H, W, 3) -> size by size, class by class: the label, its windows (N, 4), their scores (N,)."""
        for level in self.levels(image):
            for label, shape in enumerate(self.shapes):
                yield label, level.windows(shape), self.scores(level, label).ravel()


def learn(train: Dataset, seed: int, rounds: int = ROUNDS) -> Templates:
    """Photos with boxes -> a template for each class.

    1. A window has the shape of its class's median box; positives are the boxes, scaled to it, and these mirrored.
    2. Negatives are windows at random; an SVM is trained.
    3. The windows that it is most wrong on in the training photos, hard negatives, are added, and it is trained again;
       `rounds` times.
    """
    rng = np.random.default_rng(seed)
    templates = blank(train)
    positives = positive_features(train, templates)
    paths = tqdm(train.images.path, "HOG of the photos", unit="photo")
    photos = [templates.levels(read_photo(path)) for path in paths]
    owned = [boxes_by_label(train, image_id) for image_id in train.images.image_id]
    nothing, negatives = np.zeros((0, 4)), [set() for _ in train.classes]

    def guess(level: Level, label: int) -> np.ndarray:
        return rng.random(len(level.windows(templates.shapes[label])))

    for stage in range(rounds + 1):
        score = templates.scores if stage else guess
        for photo in tqdm(range(len(photos)), f"HOG templates, round {stage + 1} of {rounds + 1}", unit="photo"):
            for label, chosen in enumerate(negatives):
                scores = [score(level, label) for level in photos[photo]]
                found = worst(photos[photo], templates.shapes[label], scores, owned[photo].get(label, nothing))
                chosen.update((photo, number, place) for _, number, place in found)
        templates = _trained(templates, positives, photos, negatives)
    return templates


def boxes_by_label(dataset: Dataset, image_id: int) -> dict[int, np.ndarray]:
    """A photo's boxes (N, 4), by their label."""
    return {label: rows[CORNERS].to_numpy() for label, rows in dataset.boxes_of(image_id).groupby("label")}


def worst(
    levels: Sequence[Level], shape: Sequence[int], scores: Sequence[np.ndarray], own: np.ndarray
) -> list[tuple[float, int, int]]:
    """A class's scores of all windows of a photo, and its boxes (M, 4) there -> the highest that are a mistake.

    Those that hold no such garment, and are not known for sure to be none; at most 5. Of each its score, the number of
    its level, and its own there.
    """
    found = []
    for number, (level, margins) in enumerate(zip(levels, scores, strict=True)):
        margins = margins.ravel().copy()
        if len(own):
            margins[iou(level.windows(shape), own).max(axis=1) >= APART] = SURE
        best = np.argsort(-margins)[:PER_PHOTO]
        found += [(float(margins[place]), number, int(place)) for place in best if margins[place] > SURE]
    return sorted(found, reverse=True)[:PER_PHOTO]


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
    weights = tuple(np.zeros(rows * columns * BLOCK**2 * BINS, np.float32) for rows, columns in shapes)
    return Templates(shapes, weights, np.zeros(len(shapes), np.float32))


def positive_features(train: Dataset, templates: Templates) -> list[np.ndarray]:
    """For each class float32 (2 · boxes, D): HOG of its boxes, scaled to its window, as they are and mirrored."""
    found = [[np.zeros((0, len(weights)), np.float32)] for weights in templates.weights]
    for image_id, path in train.images[["image_id", "path"]].itertuples(index=False):
        image, boxes = read_photo(path), train.counted_boxes_of(image_id)
        for label, box in zip(boxes.label, clip(boxes[CORNERS].to_numpy(), *image.shape[:2]).round(), strict=True):
            if (box[2:] - box[:2] >= CELL).all():
                found[label].append(as_found(image, box.astype(int), templates.shapes[label]))
    return [np.concatenate(each) for each in found]


def as_found(image: np.ndarray, box: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) and a box of whole pixels in it -> float32 (2, D): HOG of the box and of its mirror image.

    Scaled to a template's window together with a cell's width around it: the outermost pixels of a window that is found
    in a photo have neighbours, and so must these, or their missing edges would be what is learnt.
    """
    x1, y1, x2, y2 = box
    size = (shape + BLOCK - 1) * CELL
    down, across = np.ceil(np.array([y2 - y1, x2 - x1]) * CELL / size).astype(int)
    padded = np.pad(image, ((down, down), (across, across), (0, 0)), "edge")
    patch = resized(padded[y1 : y2 + 2 * down, x1 : x2 + 2 * across], tuple(size + 2 * CELL))
    both = [blocks(cells(side)[1:-1, 1:-1]).ravel() for side in (patch, patch[:, ::-1])]
    return np.stack(both).astype(np.float32)


def _trained(
    before: Templates, positives: list[np.ndarray], photos: list[list[Level]], negatives: list[set]
) -> Templates:
    def fitted(label: int) -> tuple[np.ndarray, float]:
        right, shape = positives[label], before.shapes[label]
        if not len(right) or not negatives[label]:  # a class without boxes never fires
            return np.zeros_like(before.weights[label]), -10.0
        wrong = [photos[photo][number].features(shape, [place]) for photo, number, place in sorted(negatives[label])]
        svm = LinearSVC(C=SOFTNESS, class_weight="balanced", random_state=0)
        svm.fit(np.concatenate([right, *wrong]), np.repeat([1, 0], [len(right), len(wrong)]))
        return svm.coef_[0].astype(np.float32), svm.intercept_[0]

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # scikit-learn's solver lets other threads run beside it
        weights, biases = zip(*pool.map(fitted, range(len(before.shapes))), strict=True)
    return Templates(before.shapes, weights, np.array(biases, np.float32))
