import numpy as np
import pytest

from shopee_od import drawing
from shopee_od.drawing.trace import MAX_BOXES, MAX_CROPS, make_box_layers, make_score_layer
from shopee_od.structures import (
    BoxStage,
    CropStage,
    Detections,
    MapStage,
    ScoreStage,
    Stage,
    Trace,
)

BOXES = np.array([[10, 200, 90, 300], [200, 20, 300, 90.0]])


def titles(stage, image, classes) -> list[str]:
    return [title for title, _ in drawing.draw_stage(stage, image, classes)]


def test_a_stage_is_drawn_by_its_type_and_its_details_are_not(gray, classes):
    details = {"deltas": np.ones((2, 4)), "logits": np.ones((2, 3)), "map": np.ones((30, 40))}
    boxes = BoxStage(name="s", boxes=BOXES, scores=np.ones(2), details=details)
    assert titles(boxes, gray, classes) == ["s"]
    maps = {"objectness": np.ones((30, 40)), "features": np.ones((30, 40, 8))}
    stage = MapStage(name="s", maps=maps)
    assert titles(stage, gray, classes) == ["s, objectness", "s, features"]
    assert titles(Stage(name="s", details=details), gray, classes) == []


@pytest.mark.parametrize("shape", [(7, 4), (2, 9), (1, 1), (2, 4)])
def test_a_map_of_any_shape_is_drawn(shape, gray):
    """A map 4 cells wide, or with as many rows as there are boxes, is a map like all others."""
    values = np.zeros(shape)
    values[-1, -1] = 1
    stage = MapStage(name="objectness", maps={"level 3": values})
    ((title, picture),) = drawing.draw_stage(stage, gray)
    assert title == "objectness, level 3"
    assert np.array_equal(np.asarray(picture), np.asarray(drawing.draw_heat_map(gray, values)))
    boxes = BoxStage(name="boxes", boxes=BOXES, scores=np.ones(2))
    both, boxes_only = (
        drawing.draw_trace(Trace(gray, stages), cell=200) for stages in ((boxes, stage), (boxes,))
    )
    assert both.width > boxes_only.width


def test_kept_and_rejected_boxes_differ_as_do_before_and_after(gray):
    def roles(**arrays) -> set[str]:
        layers = make_box_layers(BoxStage(name="s", **arrays))
        pixels = np.asarray(drawing.draw_layers(gray, layers)).reshape(-1, 3)
        return {
            role
            for role, style in drawing.STYLES.items()
            if style.color and (pixels == style.color).all(-1).any()
        }

    kept = np.array([True, False])
    assert roles(boxes=BOXES, kept=kept) == {"kept", "after", "rejected"}
    assert roles(boxes=BOXES, before=BOXES + 20) == {"kept", "after", "before"}
    assert roles(boxes=BOXES, before=BOXES + 20, kept=kept) == {
        "kept",
        "after",
        "rejected",
        "before",
    }


def test_only_the_highest_scoring_boxes_of_a_stage_are_drawn(classes):
    stage = BoxStage(
        name="s",
        boxes=np.tile([[0, 0, 9, 9.0]], (300, 1)),
        scores=np.linspace(0, 1, 300),
        labels=np.zeros(300),
    )
    (layer,) = make_box_layers(stage, classes)
    assert len(layer.boxes) == MAX_BOXES and layer.tags[0] == "dress 1.00"
    (untagged,) = make_box_layers(stage)
    assert len(untagged.boxes) == MAX_BOXES and not untagged.tags


def test_scores_are_drawn_as_the_highest_scoring_class_of_each_box(classes):
    scores = np.array([[0.1, 0.3, 0.2], [0.7, 0.1, 0.2]])
    layer = make_score_layer(ScoreStage(name="s", boxes=BOXES, scores=scores), classes)
    assert layer.tags == ["dress 0.70", "skirt 0.30"]
    assert np.array_equal(layer.boxes, BOXES[::-1])
    assert layer.colors == [drawing.class_color(0), drawing.class_color(1)]


def test_crops_are_drawn_as_pixels_and_pooled_values_as_grids(gray):
    pixels = np.stack([np.full((32, 32, 3), value, np.uint8) for value in range(40, 140, 5)])
    ((_, picture),) = drawing.draw_stage(CropStage(name="crops", crops=pixels), gray)
    colors = {tuple(color) for color in np.asarray(picture).reshape(-1, 3).tolist()}
    drawn = [crop for crop in pixels if tuple(crop[0, 0].tolist()) in colors]
    assert np.array_equal(drawn, pixels[:MAX_CROPS]), "the first crops only"
    pooled = np.zeros((2, 7, 7))
    pooled[:, 0, 0] = 1
    ((_, picture),) = drawing.draw_stage(CropStage(name="crops", crops=pooled), gray)
    assert (np.asarray(picture) == (252, 250, 150)).all(-1).any()


def test_an_empty_stage_is_no_error(gray, classes):
    nothing = np.zeros((0, 4))
    stages = (
        BoxStage(name="boxes", boxes=nothing, scores=np.zeros(0), labels=np.zeros(0)),
        BoxStage(name="kept", boxes=nothing, kept=np.zeros(0, bool), before=nothing),
        ScoreStage(name="scores", boxes=nothing, scores=np.zeros((0, 3))),
        MapStage(name="maps", maps={}),
        CropStage(name="crops", crops=np.zeros((0, 32, 32, 3), np.uint8)),
    )
    assert [len(drawing.draw_stage(s, gray, classes)) for s in stages] == [1, 1, 1, 0, 0]
    drawing.draw_trace(Trace(gray, stages), classes)


def test_a_trace_is_one_sheet(gray, classes):
    detections = Detections([[100, 100, 300, 400]], [0.9], [0])
    stages = (
        MapStage(
            name="objectness",
            description="how likely each cell is to hold an object",
            maps={"map": np.eye(12)},
        ),
        BoxStage(
            name="detections",
            boxes=detections.boxes,
            scores=detections.scores,
            labels=detections.labels,
        ),
    )
    sheet = drawing.draw_trace(Trace(gray, stages), classes, columns=3, cell=200)
    assert sheet.width > 600
    assert sheet.height < 300  # three pictures in one row
