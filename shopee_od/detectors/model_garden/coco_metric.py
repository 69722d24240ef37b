"""COCO metrics inside Model Garden's validation, computed by this package's own evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.structures import Detections


class CocoMetric:
    """What Model Garden calls a COCO evaluator, over a Dataset.

    It gives AP by class and respects `ignore`.
    Fault 4: `per_category_metrics` of its own evaluator does nothing with pycocotools 2.0.11.
    An image that is evaluated twice counts once.

    Args:
        dataset: the validation split.
    """

    name = "coco_metric"

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.detections: dict[int, Detections] = {}

    def reset_states(self) -> None:
        """Forgets all detections."""
        self.detections = {}

    def update_state(self, groundtruths: Mapping[str, Any], predictions: Mapping[str, Any]) -> None:
        """Adds a batch, or one per replica.

        Args:
            groundtruths: Model Garden's labels, of which source_id is used.
            predictions: Model Garden's detections and image_info.
        """
        arrays = {
            k: _concatenate(predictions[k])
            for k in predictions
            if k.startswith(("detection_", "num_", "image_"))
        }
        for i, image_id in enumerate(_concatenate(groundtruths["source_id"])):
            self.detections[int(image_id)] = to_detections(arrays, i)

    def result(self) -> dict[str, np.float32]:
        """AP, AP50, AP75, AR100, and "AP/NAME" of each class that has boxes; then starts over."""
        from shopee_od.evaluation import score

        scores = score(
            self.detections,
            self._dataset,
            self._dataset.classes,
            self._dataset.types,
            0.5,
            bootstrap=0,
        )
        metrics = {name: np.float32(scores[name] or 0) for name in ("AP", "AP50", "AP75", "AR100")}
        for name, values in scores["per_class"].items():
            if values["AP"] is not None:
                metrics[f"AP/{name}"] = np.float32(values["AP"])
        self.reset_states()
        return metrics


def to_detections(arrays: Mapping[str, np.ndarray], i: int) -> Detections:
    """The detections of one image of Model Garden's batch, in pixels of the image.

    Args:
        arrays: detection_boxes (B, N, 4) as y1, x1, y2, x2 of the canvas, detection_scores (B, N),
            detection_classes (B, N) from 1, num_detections (B,), image_info (B, 4, 2).
        i: the index of the image in the batch.
    """
    n = int(arrays["num_detections"][i])
    boxes = arrays["detection_boxes"][i, :n].astype(np.float32)
    (height, width), _, (scale_y, scale_x), _ = arrays["image_info"][i]
    boxes = (boxes / [scale_y, scale_x, scale_y, scale_x])[:, [1, 0, 3, 2]]
    boxes = np.clip(boxes, 0, [width, height, width, height])
    scores = arrays["detection_scores"][i, :n]
    labels = arrays["detection_classes"][i, :n] - 1
    return Detections(boxes, scores, labels)


def _concatenate(value: Any) -> np.ndarray:
    """A tensor, or one per replica -> one array."""
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return np.concatenate([np.asarray(part) for part in parts])
