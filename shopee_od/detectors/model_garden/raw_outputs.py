"""What Faster R-CNN's network computes for one image, and in NumPy all that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from shopee_od.ops import two_stage
from shopee_od.ops.pooling import assign_fpn_level
from shopee_od.structures import BoxStage, CropStage, Detections, MapStage, Trace


@dataclass(frozen=True, eq=False)
class RawOutputs:
    """The network's outputs for one image, before anything is selected.

    Boxes are x1, y1, x2, y2 in pixels of the canvas; dictionaries are by pyramid level.

    Args:
        canvas: its height and width in pixels.
        image_size: height and width of the image in pixels.
        scale: (2,), canvas pixels per image pixel, vertically and horizontally.
        backbone: float32 (h, w, C), the backbone's feature maps.
        features: float32 (h, w, C), the pyramid's.
        anchors: float32 (N, 4).
        objectness: float32 (N,), logits of the RPN.
        deltas: float32 (N, 4), dx, dy, dw, dh of the RPN.
        rois: float32 (K, 4), the proposals.
        roi_scores: float32 (K,), their objectness in [0, 1].
        pooled: float32 (K, 7, 7, C), RoIAlign of each.
        class_logits: float32 (K, 1 + classes), background first.
        roi_deltas: float32 (K, 1, 4), or (K, 1 + classes, 4) where each class has deltas of its
            own; multiplied by two_stage.DELTA_SCALE.
        pre_nms_top_n: the RPN's candidates per level, before NMS.
        score_threshold: detections with a lower score are left out before NMS.
        nms_iou: of the NMS within each class.
    """

    canvas: tuple[int, int]
    image_size: tuple[int, int]
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
    pre_nms_top_n: int
    score_threshold: float
    nms_iou: float

    def decode_candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best anchors of each level, moved: boxes (N, 4), scores (N,), levels (N,)."""
        return two_stage.decode_anchors_by_level(
            self.objectness, self.deltas, self.anchors, self.canvas, self.pre_nms_top_n
        )

    def select_proposals(self) -> np.ndarray:
        """int64 (K,): indices of the candidates that NMS keeps, best first; `rois` in boxes."""
        return two_stage.filter_proposals(*self.decode_candidates(), len(self.rois))

    def refine_rois(self) -> np.ndarray:
        """float64 (K, 1 or classes, 4): the RoIs after the second stage's deltas."""
        boxes = two_stage.apply_deltas(self.roi_deltas, self.rois, *self.canvas)
        return boxes if boxes.shape[1] == 1 else boxes[:, 1:]

    def postprocess(self) -> Detections:
        """The detections in pixels of the image, equal to Model Garden's.

        The garment score of each is the probability that its RoI is not background.
        """
        class_scores = two_stage.class_scores(self.class_logits)
        boxes, scores, labels, rois = two_stage.postprocess_detections(
            self.refine_rois(), class_scores, self.score_threshold, self.nms_iou
        )
        garment_scores = class_scores.sum(axis=1)[rois]
        return Detections(self.to_image(boxes), scores, labels, garment_scores)

    def to_image(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (N, 4) in pixels of the canvas -> float32 (N, 4) in those of the image, clipped."""
        height, width = self.image_size
        boxes = boxes / np.tile(self.scale[::-1], 2)
        return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)

    def crop_padding(self, feature_map: np.ndarray, level: int) -> np.ndarray:
        """A map (h, w, …) of a level -> the cells that cover the image."""
        rows, columns = np.ceil(np.array(self.image_size) * self.scale / 2**level).astype(int)
        return feature_map[:rows, :columns]


def build_trace(image: np.ndarray, outputs: RawOutputs, detections: Detections) -> Trace:
    """An image's way through Faster R-CNN, stage by stage.

    Args:
        image: uint8 (H, W, 3).
        outputs: of the network for this image.
        detections: what was detected in it.
    """
    rois = outputs.to_image(outputs.rois)
    scores = two_stage.class_scores(outputs.class_logits)
    labels = scores.argmax(axis=1).astype(np.int32)
    best_scores = scores.max(axis=1)
    boxes_by_class = outputs.refine_rois()
    column = labels if boxes_by_class.shape[1] > 1 else 0
    refined = outputs.to_image(boxes_by_class[np.arange(len(rois)), column])
    min_level = min(outputs.features)
    max_level = max(outputs.features)
    stages = (
        *_map_stages(outputs),
        *_rpn_stages(outputs, rois),
        CropStage(
            name="pooled",
            description="RoIAlign pools 7 × 7 cells for each proposal, from the level of its size.",
            crops=np.abs(outputs.pooled).mean(axis=-1),
            details={"levels": assign_fpn_level(outputs.rois, min_level, max_level)},
        ),
        BoxStage(
            name="classes",
            description="The second stage classifies each proposal.",
            boxes=rois,
            scores=best_scores,
            labels=labels,
        ),
        BoxStage(
            name="refined",
            description="It also refines the box of each proposal.",
            boxes=refined,
            scores=best_scores,
            labels=labels,
            before=rois,
        ),
        BoxStage(
            name="detections",
            description="The boxes above the operating threshold that NMS keeps.",
            boxes=detections.boxes,
            scores=detections.scores,
            labels=detections.labels,
        ),
    )
    return Trace(image, stages)


def _map_stages(outputs: RawOutputs) -> tuple[MapStage, ...]:
    """Backbone, pyramid and objectness, one map per level without the canvas's padding."""

    def crop(maps: Mapping[int, np.ndarray]) -> dict[str, np.ndarray]:
        return {f"level {k}": outputs.crop_padding(cells, k) for k, cells in maps.items()}

    def magnitude(features: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        return {k: np.abs(cells).mean(axis=-1) for k, cells in features.items()}

    best_of_cell = {
        k: expit(logits.reshape(*outputs.features[k].shape[:2], -1).max(axis=-1))
        for k, logits in outputs.objectness.items()
    }
    return (
        MapStage(
            name="backbone",
            description="Where the backbone responds, one map per level.",
            maps=crop(magnitude(outputs.backbone)),
        ),
        MapStage(
            name="features",
            description="The pyramid: coarse levels pass their features down to finer ones.",
            maps=crop(magnitude(outputs.features)),
        ),
        MapStage(
            name="objectness",
            description="The RPN: the objectness of the best anchor at each cell.",
            maps=crop(best_of_cell),
        ),
    )


def _rpn_stages(outputs: RawOutputs, rois: np.ndarray) -> tuple[BoxStage, ...]:
    """Anchors, candidates and proposals."""
    anchors = np.concatenate(list(outputs.anchors.values()))
    logits = np.concatenate(list(outputs.objectness.values()))
    boxes, scores, _ = outputs.decode_candidates()
    kept = np.zeros(len(boxes), bool)
    kept[outputs.select_proposals()] = True
    return (
        BoxStage(
            name="anchors",
            description="The anchors with the highest objectness, not yet moved.",
            boxes=anchors / np.tile(outputs.scale[::-1], 2),
            scores=expit(logits),
        ),
        BoxStage(
            name="candidates",
            description="The best anchors of each level, moved by their deltas; NMS keeps the best "
            "of those that overlap.",
            boxes=outputs.to_image(boxes),
            scores=scores,
            kept=kept,
        ),
        BoxStage(
            name="proposals",
            description="The candidates of all levels that NMS keeps, best first.",
            boxes=rois,
            scores=outputs.roi_scores,
        ),
    )
