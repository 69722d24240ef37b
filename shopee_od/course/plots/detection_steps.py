"""Pictures of an image's way from proposals to detections, with few enough boxes to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from shopee_od.course.colors import LIGHT_GRAY_RGB
from shopee_od.drawing import (
    Layer,
    draw_layers,
    make_class_layer,
    make_color_layer,
    make_contact_sheet,
)
from shopee_od.structures import BoxStage, Trace

MAX_TAGS = 6
MAX_PROPOSALS = 60


def draw_detection_steps(
    trace: Trace,
    classes: Sequence[str],
    gt_boxes: np.ndarray,
    threshold: float = 0.0,
    count: int = MAX_TAGS,
) -> Image.Image:
    """Proposals, the highest-scoring of them, these moved by their deltas, and what NMS keeps.

    Args:
        trace: of a detector that moves its proposals.
        classes: names, by label.
        gt_boxes: (M, 4) in pixels of the image, dashed in the last picture.
        threshold: detections with a lower score are not drawn.
        count: how many of the highest-scoring proposals are drawn.
    Returns:
        A contact sheet of four pictures.
    """
    image = trace.image
    proposals = _get_boxes(trace, "proposals").boxes
    step = max(1, -(-len(proposals) // MAX_PROPOSALS))
    drawn = proposals[::step]
    candidates = _get_boxes(trace, "candidates").top(count)
    detections = _get_boxes(trace, "detections").detections().above(threshold)
    before = candidates.boxes if candidates.before is None else candidates.before
    scored = replace(candidates, boxes=before).detections()
    tagged, kept = (
        make_class_layer(part.boxes, part.labels, part.scores, classes)
        for part in (scored, detections)
    )
    moved = [Layer(before, "before"), Layer(candidates.boxes, "after")]
    pictures = [
        draw_layers(image, [make_color_layer(drawn, LIGHT_GRAY_RGB)]),
        draw_layers(image, [tagged]),
        draw_layers(image, moved),
        draw_layers(image, [Layer(gt_boxes, "ground_truth"), kept]),
    ]
    captions = [
        f"1. {len(proposals)} proposals" + (f" (one in {step} is drawn)" if step > 1 else ""),
        f"2. the {len(scored)} highest-scoring, with their class scores",
        "3. these moved by their deltas: before in orange, after in blue",
        "4. after the threshold and NMS within each class; ground truth dashed",
    ]
    return make_contact_sheet(pictures, columns=2, captions=captions, cell=420)


def _get_boxes(trace: Trace, name: str) -> BoxStage:
    stage = trace[name]
    if not isinstance(stage, BoxStage):
        raise TypeError(f"the stage {name!r} has no boxes")
    return stage
