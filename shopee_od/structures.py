"""The few types that everything passes: Detections, Trace with its typed stages, Cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shopee_od.ops.boxes import box_iou
from shopee_od.ops.nms import batched_nms, nms

GARMENT_TYPES = ("upper", "lower", "full")
"""Where on the body a garment is worn; "" means not known."""


SAME_GARMENT_IOU = 0.7
"""Boxes above this IoU are one garment, whichever their classes; one of them is shown."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one image, highest score first.

    Unsorted arrays are sorted, stably.

    Args:
        boxes: float32 (N, 4) x1, y1, x2, y2 in pixels of the upright photo, x2 and y2 exclusive.
        scores: float32 (N,) in [0, 1].
        labels: int32 (N,), 0-based into the detector's classes.
        garment_scores: float32 (N,) in [0, 1], that the box holds a garment of any class; by
            default the scores. A box that may be a top or a shirt has two low scores and one high
            garment score.
    Raises:
        ValueError: the shapes do not fit.

    >>> detections = Detections([[0, 0, 9, 9], [20, 0, 29, 9]], [0.3, 0.9], [0, 1])
    >>> detections.scores.tolist(), len(detections[detections.labels == 0])
    ([0.8999999761581421, 0.30000001192092896], 1)
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    garment_scores: np.ndarray = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, np.float32).reshape(-1, 4)
        scores = np.asarray(self.scores, np.float32)
        labels = np.asarray(self.labels, np.int32)
        garment_scores = scores if self.garment_scores is None else self.garment_scores
        garment_scores = np.asarray(garment_scores, np.float32)
        if not scores.shape == labels.shape == garment_scores.shape == (len(boxes),):
            raise ValueError(
                f"boxes {boxes.shape}, scores {scores.shape}, labels {labels.shape}, "
                f"garment scores {garment_scores.shape} do not fit"
            )
        order = np.argsort(-scores, kind="stable")
        for name, value in (
            ("boxes", boxes),
            ("scores", scores),
            ("labels", labels),
            ("garment_scores", garment_scores),
        ):
            object.__setattr__(self, name, value[order])

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: np.ndarray | slice | Sequence[int] | int) -> Detections:
        """Some of them, by a bool mask (N,), by indices, by a slice, or one by its number."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"there are {len(self)} detections, none has the number {index}")
            index = [int(index)]
        if not isinstance(index, slice):
            index = np.asarray(index)
            index = index.astype(np.int64) if not index.size else index
        return Detections(
            self.boxes[index], self.scores[index], self.labels[index], self.garment_scores[index]
        )

    def above(self, score_threshold: float) -> Detections:
        """Those with a score of at least `score_threshold`.

        Args:
            score_threshold: in [0, 1].
        """
        return self[self.scores >= score_threshold]

    def top(self, k: int) -> Detections:
        """The `k` with the highest scores.

        Args:
            k: how many; all where there are fewer.
        """
        return self[:k]

    def as_garments(self) -> Detections:
        """All as one class, 0, scored by their garment scores."""
        labels = np.zeros(len(self), np.int32)
        return Detections(self.boxes, self.garment_scores, labels)

    def nms(self, iou_threshold: float, class_agnostic: bool = False) -> Detections:
        """Non-maximum suppression within each class, or across all classes.

        Args:
            iou_threshold: of two boxes with a higher IoU, the one of the lower score is dropped.
            class_agnostic: whether boxes of different classes are compared too; then by their
                garment scores, and of equal ones by their scores.
        Returns:
            Those that are not dropped.
        """
        if class_agnostic:
            return self[nms(self.boxes, self.garment_scores, iou_threshold)]
        return self[batched_nms(self.boxes, self.scores, self.labels, iou_threshold)]

    def select_garments(self, threshold: float = 0.0) -> Detections:
        """One detection for each garment, whichever its class.

        1. NMS across classes: boxes with an IoU above SAME_GARMENT_IOU are one garment. The one
           with the highest garment score is kept.
        2. It gets the class with the highest score of all boxes of the garment. NMS within a class
           may have kept that class in another box only.
        3. Those with a garment score of at least `threshold` remain.

        Args:
            threshold: the lowest garment score.
        Returns:
            Highest score first.
        """
        keep = nms(self.boxes, self.garment_scores, SAME_GARMENT_IOU)
        is_same = box_iou(self.boxes[keep], self.boxes) > SAME_GARMENT_IOU
        is_same[np.arange(len(keep)), keep] = True  # a box without area has no IoU with itself
        best = is_same.argmax(axis=1) if len(keep) else keep  # the first has the highest score
        garments = Detections(
            self.boxes[keep], self.scores[best], self.labels[best], self.garment_scores[keep]
        )
        return garments[garments.garment_scores >= threshold]

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One step of an image's way through a detector; its type says how it is drawn.

    Args:
        name: short, to find it in the Trace.
        description: one sentence for the reader.
        seconds: how long the step took, where it was timed.
        details: further arrays by name, which are not drawn.
    """

    name: str
    description: str = ""
    seconds: float | None = None
    details: Mapping[str, np.ndarray] = field(default_factory=dict)


BOX_ARRAYS = ("boxes", "scores", "labels", "kept", "before")
"""The attributes of a BoxStage with a row for each box."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxStage(Stage):
    """Boxes in the image.

    Args:
        boxes: (N, 4) in pixels of the image.
        scores: (N,), where they are scored; the highest are drawn.
        labels: (N,), where they are classified.
        kept: bool (N,), where this step rejects some of them.
        before: (N, 4), where this step moved them.
    """

    boxes: np.ndarray
    scores: np.ndarray | None = None
    labels: np.ndarray | None = None
    kept: np.ndarray | None = None
    before: np.ndarray | None = None

    def top(self, k: int) -> BoxStage:
        """The `k` boxes with the highest scores, best first; without scores the first.

        Args:
            k: how many; all where there are fewer.
        Returns:
            A stage with their rows of every array.
        """
        scores = np.zeros(len(self.boxes)) if self.scores is None else self.scores
        order = np.argsort(-scores, kind="stable")[:k]
        arrays = {name: getattr(self, name) for name in BOX_ARRAYS}
        selected = {name: array[order] for name, array in arrays.items() if array is not None}
        return replace(self, **selected)

    def detections(self) -> Detections:
        """The boxes as Detections; without scores or labels these are 0."""
        zeros = np.zeros(len(self.boxes))
        scores = zeros if self.scores is None else self.scores
        labels = zeros if self.labels is None else self.labels
        return Detections(self.boxes, scores, labels)


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreStage(Stage):
    """A score for every class of every region.

    Args:
        boxes: (N, 4) in pixels of the image.
        scores: (N, classes).
    """

    boxes: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class MapStage(Stage):
    """Maps over the whole image, each drawn as a heat map.

    Args:
        maps: by name (h, w), of any size; of a feature map (h, w, C) the mean magnitude of its
            channels is drawn.
    """

    maps: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False, kw_only=True)
class CropStage(Stage):
    """What a network is given of each region.

    Args:
        crops: uint8 (N, S, S, 3) pixels, or float (N, s, s) values pooled from a feature map.
    """

    crops: np.ndarray


@dataclass(frozen=True, eq=False)
class Trace:
    """The stages of one image's way through a detector, in order.

    Args:
        image: uint8 (H, W, 3).
        stages: boxes in every stage are in pixels of the image.
    """

    image: np.ndarray
    stages: tuple[Stage, ...]

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(
            f"no stage {name!r}; the stages are {', '.join(s.name for s in self.stages)}"
        )


@dataclass(frozen=True)
class Cost:
    """What detecting has cost so far: counted, not estimated.

    Args:
        images: how many were detected on.
        seconds: wall time; for selective search that of when it ran, which may be earlier:
            proposals are cached.
        regions: how many were scored.
        cnn_passes: how often a CNN ran.
        peak_memory: the most bytes that the process has held.
    """

    images: int = 0
    seconds: float = 0.0
    regions: int = 0
    cnn_passes: int = 0
    peak_memory: int = 0

    def since(self, before: Cost) -> Cost:
        """What was counted after `before`; peak_memory is of the whole time."""
        return Cost(
            images=self.images - before.images,
            seconds=self.seconds - before.seconds,
            regions=self.regions - before.regions,
            cnn_passes=self.cnn_passes - before.cnn_passes,
            peak_memory=self.peak_memory,
        )

    @property
    def seconds_per_image(self) -> float:
        """The mean; 0 before the first image."""
        return self.seconds / self.images if self.images else 0.0
