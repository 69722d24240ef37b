import numpy as np
import pandas as pd
import pytest

from shopee_od.course.plots.data import draw_shifted_boxes
from shopee_od.course.plots.errors import _wilson_interval, plot_recall_by_size
from shopee_od.course.plots.evaluation import plot_pr_curves
from shopee_od.evaluation.curves import compute_pr_curve
from shopee_od.ops.boxes import box_iou


def test_the_classes_with_the_lowest_ap_are_in_the_legend():
    correct = {"a": [1, 1], "b": [0, 1], "c": [0, 0], "d": [1, 0], "none": [0, 0]}
    curves = {
        name: compute_pr_curve([0.9, 0.8], values, 0 if name == "none" else 2)
        for name, values in correct.items()
    }
    [axes] = plot_pr_curves(curves, curves["a"]).axes
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["the other classes", "class-agnostic: 1.00", "c: 0.00", "b: 0.25", "d: 0.50"]


def test_wilsons_interval():
    """Source: Agresti and Coull, The American Statistician 52 (1998): 0 of 10 gives 0 to 0.278."""
    low, high = _wilson_interval(np.array([0.0, 1.0, 0.5]), np.array([10, 10, 10]))
    assert low == pytest.approx([0, 0.722, 0.237], abs=0.001)
    assert high == pytest.approx([0.278, 1, 0.763], abs=0.001)


def test_recall_by_size_has_an_interval_for_each_group():
    rows = pd.DataFrame({"low": [0, 0.1], "high": [0.1, 1], "boxes": [10, 10], "recall": [0, 1]})
    [axes] = plot_recall_by_size(rows).axes
    [lines] = axes.collections
    heights = [np.ptp(segment[:, 1]) for segment in lines.get_segments()]
    assert heights == pytest.approx([0.278, 0.278], abs=0.001)


def test_shifted_boxes_have_the_iou_that_they_are_drawn_for(monkeypatch):
    drawn = []

    def draw(image, layers):
        drawn.append([layer.boxes for layer in layers])
        return image

    monkeypatch.setattr("shopee_od.course.plots.data.draw_layers", draw)
    ious = (0.9, 0.75, 0.5, 0.3)
    draw_shifted_boxes(np.zeros((90, 70, 3), np.uint8), np.array([10.0, 20, 40, 80]), ious)
    assert [box_iou(*boxes)[0, 0] for boxes in drawn] == pytest.approx(ious)
