"""Training the head of R-CNN and SPP-net: SVMs with hard negatives, and a box regression.

Source: Girshick et al., "Rich feature hierarchies", CVPR 2014, section 2.3, appendices B and C.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC
from tqdm import tqdm

from shopee_od.config import setting
from shopee_od.detectors.heads.hog_templates import NEVER
from shopee_od.detectors.heads.region_svms import LinearSVMs
from shopee_od.detectors.proposers.cached_selective_search import SelectiveSearch
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.region_examples import (
    ExamplesConfig,
    RegionExamples,
    TrainableFeatures,
    collect_examples,
)
from shopee_od.ops.boxes import encode_boxes

HARD_MARGIN = -1.0
"""A negative above this margin is a hard one."""
THREADS = 2


@dataclass(frozen=True)
class SVMConfig:
    """How the SVMs and the box regression are trained.

    Args:
        feature_norm: features are scaled so that this is their mean norm.
        c: of the SVMs; 0.001 in the paper's code, for thousands of boxes.
        positive_weight: a positive's mistake costs so many times a negative's.
        bias_scale: the bias is regularized so many times less than the weights.
        negative_iou: a region with less IoU with all of a class's boxes is a negative for it.
        first_negatives: of a class, sampled at random.
        rounds: of mining hard negatives.
        ridge: lambda of the box regression.
        box_iou: a proposal with more IoU with a box learns to move onto it.
        min_boxes: fewer such proposals, and all boxes stay where they are.
    """

    feature_norm: float = 20.0
    c: float = 1e-2
    positive_weight: float = 2.0
    bias_scale: float = 10.0
    negative_iou: float = 0.3
    first_negatives: int = 300
    rounds: int = setting(2, at_least=0)
    ridge: float = 1000.0
    box_iou: float = 0.6
    min_boxes: int = 10


def train_region_svms(
    slots: Slots[SelectiveSearch, TrainableFeatures, LinearSVMs],
    data: TrainingData,
    prefetched: float,
    examples_config: ExamplesConfig,
    svm_config: SVMConfig,
) -> TrainingResult:
    """Collects regions of the training images with their features, and fits the SVMs to them.

    Args:
        slots: their features are computed, their head is trained.
        data: the training images.
        prefetched: seconds that the search for proposals took just now.
        examples_config: which regions.
        svm_config: how the head is trained.
    """
    examples, cached_seconds = collect_examples(
        data.train, data.seed, slots.proposer, slots.features, examples_config
    )
    fit_region_svms(slots.head, examples, data.seed, svm_config)
    return TrainingResult(cached_seconds - prefetched)


def fit_region_svms(
    head: LinearSVMs, examples: RegionExamples, seed: int, config: SVMConfig = SVMConfig()
) -> None:
    """Trains the SVMs, with hard negatives, and the box regression; changes `head`."""
    norm = np.linalg.norm(examples.features, axis=1).mean()
    scale = np.asarray(config.feature_norm / max(norm, 1e-9), np.float32)
    scaled = examples.features * scale
    classes = examples.overlaps.shape[1]
    with ThreadPoolExecutor(THREADS) as pool:  # liblinear lets other threads work
        svms = pool.map(
            lambda label: fit_svm(scaled, examples, label, seed, config), range(classes)
        )
        planes = list(tqdm(svms, "one SVM per class", classes, unit="class"))
    head.scale = scale
    head.weights = np.stack([weights for weights, _ in planes], axis=1)
    head.biases = np.array([bias for _, bias in planes], np.float32)
    head.box_weights = fit_box_regression(scaled, examples, config)


def fit_svm(
    scaled: np.ndarray,
    examples: RegionExamples,
    label: int,
    seed: int,
    config: SVMConfig = SVMConfig(),
) -> tuple[np.ndarray, float]:
    """One class's SVM.

    1. Positives are the class's ground-truth boxes alone; negatives are regions that hardly
       overlap any of them (appendix B).
    2. An SVM is trained with some negatives sampled at random.
    3. Those that it gets wrong, or nearly, are added, and it is trained again: there are too many
       negatives to train on all, and most are easy (section 2.3).

    Args:
        scaled: (N, D) features of the examples, scaled.
        examples: their boxes and classes.
        label: the class.
        seed: of the random negatives.
        config: of the SVM.
    Returns:
        float32 (D,) weights, and the bias.
    """
    positive = np.flatnonzero(examples.truth == label)
    negative = np.flatnonzero(examples.overlaps[:, label] < config.negative_iou)
    if not len(positive) or not len(negative):
        return np.zeros(scaled.shape[1], np.float32), NEVER
    rng = np.random.default_rng([seed, label])
    sampled = rng.permutation(negative)[: config.first_negatives]
    for stage in range(config.rounds + 1):
        svm = LinearSVC(
            C=config.c,
            class_weight={1: config.positive_weight},
            intercept_scaling=config.bias_scale,
            random_state=0,
        )
        labels = np.repeat([1, 0], [len(positive), len(sampled)])
        svm.fit(scaled[np.concatenate([positive, sampled])], labels)
        if stage == config.rounds:
            break
        hard = negative[svm.decision_function(scaled[negative]) > HARD_MARGIN]
        if not len(np.setdiff1d(hard, sampled)):
            break
        sampled = np.union1d(sampled, hard)
    return svm.coef_[0].astype(np.float32), float(svm.intercept_[0])


def fit_box_regression(
    scaled: np.ndarray, examples: RegionExamples, config: SVMConfig = SVMConfig()
) -> np.ndarray:
    """float32 (D + 1, 4): ridge regression from scaled features to deltas (appendix C)."""
    near = np.flatnonzero((examples.truth < 0) & (examples.overlaps.max(axis=1) > config.box_iou))
    if len(near) < config.min_boxes:
        return np.zeros((scaled.shape[1] + 1, 4), np.float32)
    deltas = encode_boxes(examples.targets[near], examples.boxes[near])
    ridge = Ridge(config.ridge).fit(scaled[near].astype(float), deltas)
    return np.concatenate([ridge.coef_.T, ridge.intercept_[None]]).astype(np.float32)
