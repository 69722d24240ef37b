"""What Faster R-CNN's network puts out for one photo, and in NumPy all that comes after: its way to boxes, shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from shopee_od.ops import two_stage
from shopee_od.ops.pooling import level_of
from shopee_od.types import Detections, Stage, Trace


@dataclass(frozen=True, eq=False)
class Heads:
    """One photo's outputs, before anything is chosen. Boxes are in pixels of the canvas, dictionaries by level.

    canvas:       its height and width; size: those of the photo; scale: canvas pixels a photo's pixel, down and across
    backbone:     float32 (h, w, C); features: float32 (h, w, C) of the pyramid
    anchors:      float32 (N, 4); objectness: float32 (N,), logits; deltas: float32 (N, 4) dx, dy, dw, dh
    rois:         float32 (K, 4), Model Garden's proposals; roi_scores: float32 (K,)
    pooled:       float32 (K, 7, 7, C), RoIAlign of each
    class_logits: float32 (K, 1 + classes), background first
    roi_deltas:   float32 (K, 1, 4), or, where each class has its own, (K, 1 + classes, 4); scaled by DELTA_SCALE
    most:         candidates a level before NMS; score_floor: detections below it are not made
    """

    canvas: tuple[int, int]
    size: tuple[int, int]
    scale: np.ndarray
    backbone: dict[int, np.ndarray]
    features: dict[int, np.ndarray]
    anchors: dict[int, np.ndarray]
    objectness: dict[int, np.ndarray]
    deltas: dict[int, np.ndarray]
    rois: np.ndarray
    roi_scores: np.ndarray
    pooled: np.ndarray
    class_logits: np.ndarray
    roi_deltas: np.ndarray
    most: int
    score_floor: float

    def candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best anchors of each level, moved: boxes (N, 4), scores (N,), the level of each (N,)."""
        return candidates(self.objectness, self.deltas, self.anchors, self.canvas, self.most)

    def proposals(self) -> np.ndarray:
        """int64 (K,): which of the candidates NMS leaves, best first; Model Garden's are `rois`."""
        return two_stage.proposals(*self.candidates(), len(self.rois))

    def refined(self) -> np.ndarray:
        """float64 (K, 1 or classes, 4): the RoIs, moved once more."""
        boxes = two_stage.refined(self.roi_deltas, self.rois, *self.canvas)
        return boxes if boxes.shape[1] == 1 else boxes[:, 1:]

    def detections(self) -> Detections:
        """What is found, in pixels of the photo: equal to Model Garden's."""
        boxes, scores, labels = two_stage.detections(
            self.refined(), two_stage.class_scores(self.class_logits), self.score_floor
        )
        return Detections(self.in_photo(boxes), scores, labels)

    def in_photo(self, boxes: np.ndarray) -> np.ndarray:
        """(N, 4) in pixels of the canvas -> float32 (N, 4) in those of the photo, clipped to it."""
        height, width = self.size
        return np.clip(boxes / np.tile(self.scale[::-1], 2), 0, [width, height, width, height]).astype(np.float32)

    def without_padding(self, cells: np.ndarray, level: int) -> np.ndarray:
        """A level's (h, w, …) -> the cells that show the photo."""
        rows, columns = np.ceil(np.array(self.size) * self.scale / 2**level).astype(int)
        return cells[:rows, :columns]


def candidates(
    objectness: Mapping[int, np.ndarray],
    deltas: Mapping[int, np.ndarray],
    anchors: Mapping[int, np.ndarray],
    canvas: tuple[int, int],
    most: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By level logits (N,), deltas (N, 4), anchors (N, 4) -> the best `most` of each level, moved, as in `Heads`."""
    parts = []
    for level in anchors:
        boxes, scores = two_stage.candidates(objectness[level], deltas[level], anchors[level], *canvas, most)
        parts.append((boxes, scores, np.full(len(scores), level)))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def trace(image: np.ndarray, heads: Heads, kept: Detections) -> Trace:
    """uint8 (H, W, 3), its outputs, what was detected -> its way through the detector, stage by stage."""

    def maps(by_level):
        strength = {level: np.abs(cells).mean(-1) for level, cells in by_level.items()}
        return {f"level {level}": heads.without_padding(cells, level) for level, cells in strength.items()}

    best = {k: v.reshape(*heads.features[k].shape[:2], -1).max(-1) for k, v in heads.objectness.items()}
    boxes, scores, _ = heads.candidates()
    proposed = np.zeros(len(boxes), bool)
    proposed[heads.proposals()] = True
    anchors, logits = (np.concatenate(list(part.values())) for part in (heads.anchors, heads.objectness))
    rois, garments = heads.in_photo(heads.rois), two_stage.class_scores(heads.class_logits)
    likeliest, labels = garments.max(1), garments.argmax(1).astype(np.int32)
    refined = heads.refined()
    refined = heads.in_photo(refined[np.arange(len(rois)), labels if refined.shape[1] > 1 else 0])
    stages = (
        ("backbone", "Where the backbone sees something: one map a level, coarser and coarser.", maps(heads.backbone)),
        ("features", "The pyramid: coarse maps lend fine ones what they know.", maps(heads.features)),
        (
            "objectness",
            "The RPN: how like a garment's the best anchor at each cell is.",
            {f"level {k}": heads.without_padding(expit(v), k) for k, v in best.items()},
        ),
        (
            "anchors",
            "The anchors that it likes best, where they stand.",
            {"boxes": anchors / np.tile(heads.scale[::-1], 2), "scores": expit(logits)},
        ),
        (
            "candidates",
            "The best anchors of each level, moved by their deltas; of those that overlap NMS leaves the best.",
            {"boxes": heads.in_photo(boxes), "scores": scores, "kept": proposed},
        ),
        ("proposals", "What NMS has left of all levels, the best first.", {"boxes": rois, "scores": heads.roi_scores}),
        (
            "pooled",
            "RoIAlign looks into each proposal, on the level that its size calls for: 7 × 7 values a channel.",
            {
                "strength": np.abs(heads.pooled).mean(-1),
                "levels": level_of(heads.rois, min(heads.features), max(heads.features)),
            },
        ),
        (
            "classes",
            "The second stage looks into each proposal and names it.",
            {"boxes": rois, "scores": likeliest, "labels": labels},
        ),
        (
            "refined",
            "It also moves each proposal once more.",
            {"boxes": refined, "scores": likeliest, "labels": labels, "before": rois},
        ),
        (
            "kept",
            "What is left after NMS, above the operating threshold.",
            {"boxes": kept.boxes, "scores": kept.scores, "labels": kept.labels},
        ),
    )
    return Trace(image, tuple(Stage(*stage) for stage in stages))
