"""How the classifiers of notebook 02 score labeled boxes, given as exact windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.features.window_cnn import normalize_pixels
from shopee_od.detectors.heads.hog_templates import HOGTemplates
from shopee_od.detectors.proposers.sliding_windows import StretchConfig
from shopee_od.detectors.training.hog_svm import hog_of_box_and_mirror
from shopee_od.detectors.training.window_cnn import crop_windows
from shopee_od.ops.boxes import clip_boxes
from shopee_od.ops.hog import CELL


def score_boxes_by_templates(head: HOGTemplates, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The score of each class's template for each labeled box, scaled to the template's window.

    Args:
        head: trained templates.
        data: images; boxes smaller than a cell of HOG are left out.
    Returns:
        scores: float (N, classes), the SVMs' margins.
        labels: int (N,).
    """
    scores = []
    labels = []
    for image, boxes, classes in _labeled_boxes(data):
        for box, label in zip(boxes.round().astype(int), classes, strict=True):
            hogs = [hog_of_box_and_mirror(image, box, shape)[0] for shape in head.shapes]
            weights = zip(hogs, head.weights, head.biases, strict=True)
            scores.append([features @ template + bias for features, template, bias in weights])
            labels.append(label)
    return np.array(scores), np.array(labels, int)


def score_boxes_by_network(network: Any, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The logits of the window CNN for each labeled box, resized to its window.

    Args:
        network: as `window_cnn.build_network` makes it.
        data: images; boxes smaller than a cell of HOG are left out.
    Returns:
        logits: float32 (N, classes + 1), 0 for background.
        labels: int (N,), 0 for the first class.
    """
    side = StretchConfig.side
    parts = list(_labeled_boxes(data))
    crops = np.concatenate([crop_windows(image, boxes, side) for image, boxes, _ in parts])
    logits = network(normalize_pixels(crops)).numpy()[:, 0, 0]
    return logits, np.concatenate([labels for _, _, labels in parts])


def _labeled_boxes(data: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each image with its boxes (M, 4), clipped to it, and their labels (M,)."""
    for image_id, path in data.images[["image_id", "path"]].itertuples(index=False):
        rows = data.counted_boxes_of(image_id)
        image = read_photo(path)
        boxes = clip_boxes(rows[CORNERS].to_numpy(float), *image.shape[:2])
        is_large = (boxes[:, 2:] - boxes[:, :2] >= CELL).all(axis=1)
        if is_large.any():
            yield image, boxes[is_large], rows.label.to_numpy()[is_large]
