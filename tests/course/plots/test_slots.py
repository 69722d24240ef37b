"""The diagrams of the four slots name every stage of the course and its real shapes."""

from importlib import import_module

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch

from shopee_od.course import plots, setup_notebook, slot_shapes, stage_slots
from shopee_od.course.stage_comparison import STAGES

STAGE_KEYS = sorted(stage_slots.STAGE_SLOTS)
RECIPES = {
    "cnn_once": ("window_cnn", "WindowCNN"),
    "rcnn": ("rcnn", "RCNN"),
    "spp_net": ("spp_net", "SPPNet"),
    "fast_rcnn": ("fast_rcnn", "FastRCNN"),
    "faster_rcnn_scratch": ("faster_rcnn", "FasterRCNN"),
}
"""Module and class of the stages whose shapes are known before training."""


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def edges(figure) -> list[float]:
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    return [box.get_linewidth() for box in boxes]


def test_every_stage_of_the_comparison_has_its_slots():
    assert set(STAGES) <= set(STAGE_KEYS)


@pytest.mark.parametrize("stage", STAGE_KEYS)
def test_the_slots_of_its_chapter_are_lit(stage):
    figure = plots.plot_slots(stage)
    slots = stage_slots.STAGE_SLOTS[stage]
    is_lit = [linewidth > 2 for linewidth in edges(figure)]
    assert is_lit == [slot in slots.lit for slot in stage_slots.SLOTS]
    assert slots.title in texts(figure) and ("map" in texts(figure)) == slots.shares_map
    assert figure.get_facecolor() == (1, 1, 1, 1)  # readable in a dark notebook


@pytest.mark.parametrize("stage", STAGE_KEYS)
def test_all_text_is_inside_the_figure_and_in_its_box(stage):
    figure = plots.plot_slots(stage)
    renderer = FigureCanvasAgg(figure).get_renderer()
    axes = figure.axes[0]
    boxes = [p.get_window_extent(renderer) for p in axes.patches if isinstance(p, FancyBboxPatch)]
    for text in axes.texts:
        extent = text.get_window_extent(renderer)
        if not text.get_text():
            continue
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.x1, text.get_text()
        for box in boxes:
            inside = box.x0 < (extent.x0 + extent.x1) / 2 < box.x1 and extent.y0 > box.y0
            if inside and extent.y1 < box.y1:
                assert box.x0 <= extent.x0 and extent.x1 <= box.x1, text.get_text()


def test_what_differs_from_the_row_above_is_marked():
    rows = np.reshape([w > 2 for w in edges(plots.plot_stage_slots(bridges=True))], (-1, 4))
    slots = list(stage_slots.STAGE_SLOTS.values())
    assert not rows[0].any()
    for before, after, row in zip(slots[:-1], slots[1:], rows[1:], strict=True):
        pairs = zip(before.contents, after.contents, row, strict=True)
        assert all((one != other) == marked for one, other, marked in pairs), after.title
    assert len(edges(plots.plot_stage_slots())) == 4 * (len(slots) - 2)


@pytest.mark.slow
@pytest.mark.parametrize("stage", RECIPES)
def test_the_shapes_known_before_training_are_those_of_a_run(stage, data_root, monkeypatch):
    """Of an untrained detector: weights do not change shapes."""
    monkeypatch.setenv("SHOPEE_OD_DATA", str(data_root))
    context = setup_notebook("03_test", "smoke", output_dir=str(data_root / "out"))
    module, name = RECIPES[stage]
    detector = getattr(import_module(f"shopee_od.detectors.{module}"), name)()
    detector._slots = detector.build(len(context.data.classes), seed=0)
    monkeypatch.setattr(type(detector), "threshold", 0.5)
    before = slot_shapes.compute_shapes(stage, context)
    measured = slot_shapes.measure_shapes(stage, context, detector)
    count = measured["regions"].split()[0]
    for arrow in ("image", "features", "scores"):
        assert measured[arrow] == before[arrow].replace("N ×", f"{count} ×"), arrow
    assert measured["detections"].split()[1] == "boxes"
    if stage == "faster_rcnn_scratch":
        size = detector.slots.features.resize(context.example_image).shape[:2]
        assert before["proposer"] == f"{len(detector.slots.proposer.anchors(*size)):,} anchors"


@pytest.mark.slow
def test_the_shapes_of_model_garden_are_those_of_its_outputs(smoke_run):
    from types import SimpleNamespace

    image = np.zeros((120, 90, 3), np.uint8)
    context = SimpleNamespace(
        example_image=image, data=smoke_run.train, profile=smoke_run.profile, is_smoke=True
    )
    before = slot_shapes.compute_shapes("faster_rcnn", context)
    measured = slot_shapes.measure_shapes("faster_rcnn", context, smoke_run.detector)
    outputs = smoke_run.detector.raw_outputs(image)
    assert measured["features"] == before["features"].replace("N", str(len(outputs.rois)))
    assert before["proposer"] == f"{sum(map(len, outputs.anchors.values())):,} anchors"
    for cells in outputs.features.values():
        assert " × ".join(map(str, cells.shape)) in before["region features"]
