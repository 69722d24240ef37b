"""Training HOG templates: random negatives first, then the windows that they misclassify."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sklearn.svm import LinearSVC
from tqdm import tqdm

from shopee_od.config import setting
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.features.hog import HOGLevel, HOGPyramid
from shopee_od.detectors.heads.hog_templates import NEVER, HOGTemplates
from shopee_od.detectors.training.hard_negative_mining import mine_hard_negatives
from shopee_od.ops.boxes import clip_boxes
from shopee_od.ops.hog import BLOCK, CELL, cell_histograms, normalize_blocks
from shopee_od.ops.pyramid import resize_image


@dataclass(frozen=True)
class HOGTrainingConfig:
    """How the templates are trained.

    Args:
        window_area: square pixels of a template's window.
        max_aspect: the largest ratio of a window's longer side to its shorter side.
        rounds: of mining hard negatives.
        negatives: of a class per image and round, random at first, then the worst mistakes.
        negative_iou: a window with less IoU with all of a class's boxes is a negative for it.
        c: of the SVM.
    """

    window_area: int = 64**2
    max_aspect: float = 2.0
    rounds: int = setting(2, at_least=0)
    negatives: int = 5
    negative_iou: float = 0.3
    c: float = 0.01


@dataclass(frozen=True, eq=False)
class HOGExamples:
    """What templates are trained on.

    Args:
        positives: for each class float32 (2 · boxes, D): HOG of its boxes and their mirror images.
        levels: for each image HOG of its pyramid levels.
        gt_boxes: for each image the boxes (M, 4) of each class, by label.
    """

    positives: list[np.ndarray]
    levels: list[list[HOGLevel]]
    gt_boxes: list[dict[int, np.ndarray]]


def train_templates(
    train: Dataset, seed: int, config: HOGTrainingConfig, pyramid: HOGPyramid, head: HOGTemplates
) -> None:
    """Trains a template for each class; changes `head`.

    1. A window has the shape of its class's median box; positives are the boxes, scaled to it, and
       their mirror images.
    2. Negatives are random windows; an SVM is trained.
    3. The windows of the training images that it is most wrong on, hard negatives, are added, and
       it is trained again; `config.rounds` times.

    Source: Felzenszwalb et al., PAMI 2010, section 4, for the hard negatives.
    """
    head.assign(window_shapes(train, config))
    examples = load_examples(train, pyramid, head)
    negatives: list[set[tuple[int, int, int]]] = [set() for _ in train.classes]
    # Of each class, so that its template does not depend on how many others there are.
    rngs = [np.random.default_rng([seed, label]) for label in range(len(train.classes))]

    def random_scores(level: HOGLevel, label: int) -> np.ndarray:
        return rngs[label].random(len(level.window_boxes(head.shapes[label])))

    for stage in range(config.rounds + 1):
        score = head.margins if stage else random_scores
        title = f"HOG templates, round {stage + 1} of {config.rounds + 1}"
        for image, levels in enumerate(tqdm(examples.levels, title, unit="photo")):
            for label, sampled in enumerate(negatives):
                scores = [score(level, label) for level in levels]
                boxes = examples.gt_boxes[image].get(label, np.zeros((0, 4)))
                mined = mine_hard_negatives(levels, head.shapes[label], scores, boxes, config)
                sampled.update((image, level, window) for _, level, window in mined)
        _train_svms(head, examples, negatives, config)


def load_examples(data: Dataset, pyramid: HOGPyramid, head: HOGTemplates) -> HOGExamples:
    """Computes HOG of all images and of their boxes, for windows of the shapes of `head`."""
    smallest = tuple(head.window_sizes.min(axis=0).tolist())
    paths = tqdm(data.images.path, "HOG of the photos", unit="photo")
    levels = [pyramid.levels(read_photo(path), smallest) for path in paths]
    gt_boxes = [boxes_by_label(data, image_id) for image_id in data.images.image_id]
    return HOGExamples(positive_features(data, head), levels, gt_boxes)


def boxes_by_label(dataset: Dataset, image_id: int) -> dict[int, np.ndarray]:
    """The boxes (M, 4) of one image, by their label."""
    rows = dataset.boxes_of(image_id)
    return {label: group[CORNERS].to_numpy() for label, group in rows.groupby("label")}


def window_shapes(train: Dataset, config: HOGTrainingConfig) -> np.ndarray:
    """int (classes, 2): blocks of a window with the shape of each class's median box.

    A class without boxes has the median shape of all boxes.
    """
    corners = train.boxes[CORNERS].to_numpy()
    size = (corners[:, 2:] - corners[:, :2]).astype(float)
    shapes = []
    for label in range(len(train.classes)):
        of_class = train.counted_mask & (train.boxes.label == label).to_numpy()
        width, height = size[of_class if of_class.any() else train.counted_mask].T
        ratio = np.clip(np.median(width / height), 1 / config.max_aspect, config.max_aspect)
        side = np.sqrt(config.window_area)
        rows = round(side / np.sqrt(ratio) / CELL) - BLOCK + 1
        columns = round(side * np.sqrt(ratio) / CELL) - BLOCK + 1
        shapes.append([rows, columns])
    return np.array(shapes)


def positive_features(train: Dataset, head: HOGTemplates) -> list[np.ndarray]:
    """For each class float32 (2 · boxes, D): HOG of its boxes and of their mirror images."""
    features = [[np.zeros((0, len(weights)), np.float32)] for weights in head.weights]
    for image_id, path in train.images[["image_id", "path"]].itertuples(index=False):
        image = read_photo(path)
        rows = train.counted_boxes_of(image_id)
        boxes = clip_boxes(rows[CORNERS].to_numpy(), *image.shape[:2]).round().astype(int)
        for label, box in zip(rows.label, boxes, strict=True):
            if (box[2:] - box[:2] >= CELL).all():
                features[label].append(hog_of_box_and_mirror(image, box, head.shapes[label]))
    return [np.concatenate(parts) for parts in features]


def hog_of_box_and_mirror(image: np.ndarray, box: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """HOG of a box, scaled to a template's window, and of its mirror image.

    It is scaled together with a cell's width around it: the outermost pixels of a window in an
    image have neighbors, and so must these, or the template would learn their missing edges.

    Args:
        image: uint8 (H, W, 3).
        box: int (4,) in pixels.
        shape: rows and columns of blocks of the window.
    Returns:
        float32 (2, rows · columns · 36).
    """
    x1, y1, x2, y2 = box
    size = (shape + BLOCK - 1) * CELL
    down, across = np.ceil(np.array([y2 - y1, x2 - x1]) * CELL / size).astype(int)
    padded = np.pad(image, ((down, down), (across, across), (0, 0)), "edge")
    crop = padded[y1 : y2 + 2 * down, x1 : x2 + 2 * across]
    patch = resize_image(crop, tuple((size + 2 * CELL).tolist()))
    both = [
        normalize_blocks(cell_histograms(view)[1:-1, 1:-1]).ravel()
        for view in (patch, patch[:, ::-1])
    ]
    return np.stack(both).astype(np.float32)


def _train_svms(
    head: HOGTemplates,
    examples: HOGExamples,
    negatives: list[set[tuple[int, int, int]]],
    config: HOGTrainingConfig,
) -> None:
    """Trains each class's SVM on its positives and the negatives mined so far."""

    def train_svm(label: int) -> tuple[np.ndarray, float]:
        positive = examples.positives[label]
        if not len(positive) or not negatives[label]:
            return np.zeros_like(head.weights[label]), NEVER
        negative = [
            examples.levels[image][level].window_features(head.shapes[label], [window])
            for image, level, window in sorted(negatives[label])
        ]
        svm = LinearSVC(C=config.c, class_weight="balanced", random_state=0)
        labels = np.repeat([1, 0], [len(positive), len(negative)])
        svm.fit(np.concatenate([positive, *negative]), labels)
        return svm.coef_[0].astype(np.float32), svm.intercept_[0]

    # scikit-learn's solver lets other threads run at the same time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        weights, biases = zip(*pool.map(train_svm, range(len(head.shapes))), strict=True)
    head.weights = weights
    head.biases = np.array(biases, np.float32)
