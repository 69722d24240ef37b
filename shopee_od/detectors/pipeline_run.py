"""One image's way through the slots: its scored regions, the selection of them, and its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from shopee_od.detectors.postprocessing import postprocess
from shopee_od.detectors.slots import Proposals, RegionFeatures, ScoredProposals
from shopee_od.ops.boxes import clip_boxes, decode_boxes
from shopee_od.structures import BoxStage, Detections, ScoreStage, Trace


@dataclass(frozen=True, eq=False)
class Run:
    """What the first three slots make of an image, before any threshold; seconds by slot."""

    image: np.ndarray
    proposals: Proposals
    features: RegionFeatures
    scored: ScoredProposals
    seconds: Mapping[str, float]

    @property
    def cnn_passes(self) -> int:
        """How often a CNN ran: the proposer's own pass counts too."""
        return self.features.cnn_passes + (self.proposals.maps is not None)

    def select(self, score_threshold: float) -> Detections:
        """(region, class) pairs that score at least `score_threshold`, boxes moved, before NMS."""
        regions, labels = np.nonzero(self.scored.scores >= score_threshold)
        boxes = self.refine(regions, labels)
        return Detections(boxes, self.scored.scores[regions, labels], labels)

    def refine(self, regions: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Boxes of some regions, moved by their deltas and clipped to the image.

        Args:
            regions: int (K,) indices.
            labels: int (K,) the class of each, whose deltas count.
        Returns:
            (K, 4); as proposed where the head does not regress boxes.
        """
        boxes = self.proposals.boxes[regions]
        deltas = self.scored.deltas
        if deltas is None:
            return boxes
        deltas = deltas[regions] if deltas.ndim == 2 else deltas[regions, labels]
        return clip_boxes(decode_boxes(deltas, boxes), *self.image.shape[:2])

    def trace(self, threshold: float) -> Trace:
        """The stages proposals, features, scores, candidates and detections.

        Args:
            threshold: the score from which a region is a candidate.
        """
        boxes = self.proposals.boxes
        best = self.scored.scores.argmax(axis=1)
        highest = self.scored.scores.max(axis=1, initial=0)
        high = np.flatnonzero(highest >= threshold)
        moved = self.scored.deltas is not None
        how = "moved by their deltas" if moved else "where each garment is found many times"
        detections = postprocess(self.select(threshold))
        stages = (
            BoxStage(
                name="proposals",
                description="The regions that are classified.",
                boxes=boxes,
                seconds=self.seconds["proposals"],
            ),
            replace(self.features.stage, seconds=self.seconds["features"]),
            ScoreStage(
                name="scores",
                description="The highest-scoring class of each proposal.",
                boxes=boxes,
                scores=self.scored.scores,
                seconds=self.seconds["head"],
            ),
            BoxStage(
                name="candidates",
                description=f"Proposals above the operating threshold, {how}.",
                boxes=self.refine(high, best[high]),
                scores=highest[high],
                labels=best[high],
                before=boxes[high] if moved else None,
            ),
            BoxStage(
                name="detections",
                description="What NMS within each class keeps.",
                boxes=detections.boxes,
                scores=detections.scores,
                labels=detections.labels,
            ),
        )
        return Trace(self.image, stages)
