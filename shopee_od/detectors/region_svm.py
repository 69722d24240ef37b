"""What R-CNN and SPP-net learn from the features of regions: a linear SVM a class, and how to move boxes.

The two stages differ in where features come from; what is made of them is the same. Girshick et al., "Rich feature
hierarchies", CVPR 2014, section 2.3 and appendices B and C. Theirs is a box regression a class; from a dozen boxes a
class one for all learns more: on validation photos it moves proposals from a mean IoU of 0.72 to 0.77, theirs to 0.74.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from tqdm import tqdm

from shopee_od.ops.boxes import decode, encode, iou

NORM = 20.0  # features are scaled so that this is their mean norm, which C and lambda are made for
SOFTNESS = 1e-2  # the SVM's C, by validation; 0.001 in the paper's code, for thousands of boxes
RIDGE = 1000.0  # lambda
FOR_POSITIVES, FOR_BIAS = 2.0, 10.0  # a positive's mistake costs so much more; the bias is held down so much less
THREADS = 2
APART = 0.3  # a region with less IoU with all of a class's boxes is a negative for it
NEAR = 0.6  # a proposal with more IoU than that with a box learns to move onto it
FIRST = 300  # negatives of a class to begin with, drawn at random
HARD = -1.0  # a negative above this margin is a hard one
ROUNDS = 2  # of looking for hard negatives
FEWEST = 10  # proposals near a box, or all are left where they are
NEVER = -10.0  # the margin of a class that has no box to learn from


@dataclass(frozen=True)
class Examples:
    """Regions of the training photos: their boxes themselves, and proposals.

    photo:    int (N,), which of them it lies in, from 0
    features: float32 (N, D)
    boxes:    float32 (N, 4)
    overlaps: float32 (N, classes), the best IoU with a box of each class in the region's photo
    truth:    int (N,), the class of a region that is a box itself; -1 for a proposal
    targets:  float32 (N, 4), the box of its photo that it overlaps most; labels: int (N,), the class of that
    """

    photo: np.ndarray
    features: np.ndarray
    boxes: np.ndarray
    overlaps: np.ndarray
    truth: np.ndarray
    targets: np.ndarray
    labels: np.ndarray


def examples(
    photo: int,
    features: np.ndarray,
    boxes: np.ndarray,
    truth: np.ndarray,
    corners: np.ndarray,
    labels: np.ndarray,
    classes: int,
) -> Examples:
    """Regions of one photo, (N, D) and (N, 4), which of them are boxes themselves, and its boxes (M, 4) with labels."""
    overlap = iou(boxes, corners).astype(np.float32)
    by_class = np.zeros((len(boxes), classes), np.float32)
    for column, label in enumerate(labels):
        by_class[:, label] = np.maximum(by_class[:, label], overlap[:, column])
    best = overlap.argmax(axis=1)
    return Examples(np.full(len(boxes), photo), features, boxes, by_class, truth, corners[best], labels[best])


def together(parts: list[Examples]) -> Examples:
    """The regions of several photos as one."""
    return Examples(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Examples)))


@dataclass(frozen=True)
class RegionSVMs:
    """An SVM a class, and a box regression for all.

    scale:   of features, before all else
    weights: float32 (D, classes); biases: float32 (classes,)
    moves:   float32 (D + 1, 4), features and a 1 -> deltas
    """

    scale: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    moves: np.ndarray

    def margins(self, features: np.ndarray) -> np.ndarray:
        """(N, D) -> float32 (N, classes): how far on the garment's side of each class's plane."""
        return features * self.scale @ self.weights + self.biases

    def deltas(self, features: np.ndarray) -> np.ndarray:
        """(N, D) -> float32 (N, 4): how each box would have to move."""
        return features * self.scale @ self.moves[:-1] + self.moves[-1]

    def refined(self, features: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """(N, D), (N, 4) -> float64 (N, 4): the boxes, moved."""
        return decode(self.deltas(features), boxes)


def learn(found: Examples, seed: int, rounds: int = ROUNDS) -> RegionSVMs:
    """Training regions -> SVMs with `rounds` of hard negatives, and a box regression, for the features as given."""
    scale = np.float32(NORM / max(np.linalg.norm(found.features, axis=1).mean(), 1e-9))
    scaled, classes = found.features * scale, found.overlaps.shape[1]
    with ThreadPoolExecutor(THREADS) as pool:  # liblinear lets other threads work
        planes = pool.map(lambda label: one_svm(scaled, found, label, seed, rounds), range(classes))
        weights, biases = zip(*tqdm(planes, "an SVM a class", classes, unit="class"), strict=True)
    return RegionSVMs(scale, np.stack(weights, axis=1), np.array(biases, np.float32), regression(scaled, found))


def one_svm(
    scaled: np.ndarray, found: Examples, label: int, seed: int, rounds: int = ROUNDS
) -> tuple[np.ndarray, float]:
    """One class's weights (D,) and bias.

    1. Positives are the class's boxes alone; negatives are regions that hardly meet any of them (appendix B).
    2. An SVM is trained with some negatives drawn at random.
    3. Those that it gets wrong, or nearly, are added, and it is trained again: there are far too many negatives to
       learn from all, and most say nothing new (section 2.3).
    """
    right, wrong = np.flatnonzero(found.truth == label), np.flatnonzero(found.overlaps[:, label] < APART)
    if not len(right) or not len(wrong):
        return np.zeros(scaled.shape[1], np.float32), NEVER
    chosen = np.random.default_rng([seed, label]).permutation(wrong)[:FIRST]
    for stage in range(rounds + 1):
        svm = LinearSVC(C=SOFTNESS, class_weight={1: FOR_POSITIVES}, intercept_scaling=FOR_BIAS, random_state=0)
        svm.fit(scaled[np.concatenate([right, chosen])], np.repeat([1, 0], [len(right), len(chosen)]))
        hard = wrong[svm.decision_function(scaled[wrong]) > HARD] if stage < rounds else chosen
        if not len(np.setdiff1d(hard, chosen)):
            break
        chosen = np.union1d(chosen, hard)
    return svm.coef_[0].astype(np.float32), float(svm.intercept_[0])


def regression(scaled: np.ndarray, found: Examples) -> np.ndarray:
    """float32 (D + 1, 4): ridge regression from features to deltas (appendix C), the bias last."""
    near = np.flatnonzero((found.truth < 0) & (found.overlaps.max(axis=1) > NEAR))
    if len(near) < FEWEST:
        return np.zeros((scaled.shape[1] + 1, 4), np.float32)
    ridge = Ridge(RIDGE).fit(scaled[near].astype(float), encode(found.targets[near], found.boxes[near]))
    return np.concatenate([ridge.coef_.T, ridge.intercept_[None]]).astype(np.float32)
