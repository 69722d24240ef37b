"""COCO metrics inside Model Garden's validation, computed by this package's own evaluation."""

from __future__ import annotations

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.types import Detections


class CocoMetric:
    """What Model Garden calls a COCO evaluator, over a Dataset: AP by class works, `ignore` is respected.

    Fault 4: `per_category_metrics` of its own evaluator does nothing with pycocotools 2.0.11.
    A photo seen twice counts once.
    """

    name = "coco_metric"

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        self.reset_states()

    def reset_states(self) -> None:
        self.detections: dict[int, Detections] = {}

    def update_state(self, groundtruths, predictions) -> None:
        """Batches of replicas, as Model Garden gives them: its labels' source_id, its model's detections."""
        arrays = {k: _joined(predictions[k]) for k in predictions if k.startswith(("detection_", "num_", "image_"))}
        for i, image_id in enumerate(_joined(groundtruths["source_id"])):
            self.detections[int(image_id)] = detections_of(arrays, i)

    def result(self) -> dict[str, np.ndarray]:
        """AP, AP50, AP75, AR100, and AP of every class as "AP/Coat"; classes without boxes are left out."""
        from shopee_od.evaluation import score

        found = score(self.detections, self._dataset, self._dataset.classes, self._dataset.types, 0.5, bootstrap=0)
        figures = {name: found[name] for name in ("AP", "AP50", "AP75", "AR100")}
        figures |= {f"AP/{c}": figures["AP"] for c, figures in found["per_class"].items()}
        self.reset_states()
        return {name: np.float32(value or 0) for name, value in figures.items() if value is not None or "/" not in name}


def detections_of(arrays: dict[str, np.ndarray], i: int) -> Detections:
    """One photo of Model Garden's batch -> Detections: y1, x1, y2, x2 of the canvas become pixels of the photo."""
    n = int(arrays["num_detections"][i])
    boxes = arrays["detection_boxes"][i, :n].astype(np.float32)
    (height, width), _, (scale_y, scale_x), _ = arrays["image_info"][i]
    boxes = (boxes / [scale_y, scale_x, scale_y, scale_x])[:, [1, 0, 3, 2]]
    boxes = np.clip(boxes, 0, [width, height, width, height])
    return Detections(boxes, arrays["detection_scores"][i, :n], arrays["detection_classes"][i, :n] - 1)


def _joined(value) -> np.ndarray:
    """A tensor, or one a replica, -> one array."""
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return np.concatenate([np.asarray(part) for part in parts])
