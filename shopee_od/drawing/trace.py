"""Pictures of the stages of a Trace. The type of a stage decides how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
from PIL import Image

from shopee_od.drawing.boxes import Layer, draw_layers, make_class_layer
from shopee_od.drawing.canvas import to_pil
from shopee_od.drawing.contact_sheet import make_contact_sheet
from shopee_od.drawing.heat_map import draw_heat_map, draw_value_grid
from shopee_od.structures import BoxStage, CropStage, MapStage, ScoreStage, Stage, Trace

MAX_BOXES = 50
"""How many boxes of a stage are drawn: those with the highest scores."""
MAX_CROPS = 16
"""How many crops of a stage are drawn: the first."""

Classes = Sequence[str] | None
Pictures = list[tuple[str, Image.Image]]
"""Title and picture."""


def draw_trace(
    trace: Trace, classes: Classes = None, columns: int = 3, cell: int = 420
) -> Image.Image:
    """Draws an image's way through a detector as a contact sheet: the image, then each stage.

    Args:
        trace: as `detector.explain(image)` returns it.
        classes: names, by label; None: boxes have no tags.
        columns: how many pictures a row has at most.
        cell: pixels of the long side of each picture.
    Returns:
        A new RGB image; the captions are the names of the stages with their descriptions.
    """
    pictures = [to_pil(trace.image)]
    captions = ["image"]
    for stage in trace.stages:
        for title, picture in draw_stage(stage, trace.image, classes):
            pictures.append(picture)
            captions.append(f"{title}: {stage.description}" if stage.description else title)
    return make_contact_sheet(pictures, columns, captions, cell)


@singledispatch
def draw_stage(stage: Stage, image: np.ndarray, classes: Classes = None) -> Pictures:
    """Draws one stage of a Trace, by its type.

    - BoxStage: the highest-scoring boxes; where it has `kept`, kept and rejected ones; where it has
      `before`, before and after.
    - ScoreStage: boxes with their highest-scoring class.
    - MapStage: a heat map over the image for each map.
    - CropStage: a sheet of the first crops; values pooled from a feature map as grids of squares,
      colored from the lowest to the highest value of each crop.
    - another Stage: nothing.

    Args:
        stage: boxes in pixels of the image.
        image: uint8 (H, W, 3).
        classes: names, by label; None: boxes have no tags.
    Returns:
        A title and a picture for each, none where there is nothing to draw.
    """
    return []


@draw_stage.register
def _draw_box_stage(stage: BoxStage, image: np.ndarray, classes: Classes = None) -> Pictures:
    return [(stage.name, draw_layers(image, make_box_layers(stage, classes)))]


@draw_stage.register
def _draw_score_stage(stage: ScoreStage, image: np.ndarray, classes: Classes = None) -> Pictures:
    return [(stage.name, draw_layers(image, [make_score_layer(stage, classes)]))]


@draw_stage.register
def _draw_map_stage(stage: MapStage, image: np.ndarray, classes: Classes = None) -> Pictures:
    return [
        (f"{stage.name}, {name}", draw_heat_map(image, values))
        for name, values in stage.maps.items()
        if np.size(values)
    ]


@draw_stage.register
def _draw_crop_stage(stage: CropStage, image: np.ndarray, classes: Classes = None) -> Pictures:
    crops = stage.crops[:MAX_CROPS]
    if not len(crops):
        return []
    is_pixels = np.issubdtype(crops.dtype, np.integer)
    pictures = [crop if is_pixels else draw_value_grid(crop) for crop in crops]
    columns = int(np.ceil(np.sqrt(len(pictures))))
    return [(stage.name, make_contact_sheet(pictures, columns, cell=max(60, 480 // columns)))]


def make_box_layers(stage: BoxStage, classes: Classes = None) -> list[Layer]:
    """The layers that a BoxStage is drawn as, of its highest-scoring boxes, at most `MAX_BOXES`."""
    stage = stage.top(MAX_BOXES)
    layers = [] if stage.before is None else [Layer(stage.before, "before")]
    if stage.kept is not None:
        kept = stage.kept.astype(bool)
        return [*layers, Layer(stage.boxes[~kept], "rejected"), Layer(stage.boxes[kept], "kept")]
    if stage.before is not None:
        return [*layers, Layer(stage.boxes, "after")]
    return [make_class_layer(stage.boxes, stage.labels, stage.scores, classes)]


def make_score_layer(stage: ScoreStage, classes: Classes = None) -> Layer:
    """The highest-scoring class of each box, for the `MAX_BOXES` boxes with the highest scores."""
    if not np.size(stage.scores):
        return Layer(np.zeros((0, 4)))
    scores = stage.scores.max(axis=1)
    labels = stage.scores.argmax(axis=1)
    order = np.argsort(-scores, kind="stable")[:MAX_BOXES]
    return make_class_layer(stage.boxes[order], labels[order], scores[order], classes)
