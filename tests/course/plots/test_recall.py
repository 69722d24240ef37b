import numpy as np

from shopee_od.course.plots.recall import plot_recall_curves


def test_recall_counts_the_boxes_that_the_first_n_proposals_match():
    """Three boxes: one matched by the first proposal, one by the third, one by none."""
    first_hits = {("search", 0.5): np.array([0, 2, np.inf])}
    [axes] = plot_recall_curves(first_hits, marks=(4,)).axes
    numbers, recall = axes.lines[0].get_data()
    by_number = dict(zip(numbers.tolist(), np.round(recall, 2).tolist(), strict=True))
    assert by_number == {1: 0.33, 2: 0.33, 3: 0.67, 4: 0.67}


def test_each_of_three_methods_has_a_color_and_each_threshold_a_line():
    names = ("search", "RPN", "pyramid")
    first_hits = {(name, iou): np.array([0, 5]) for name in names for iou in (0.5, 0.7)}
    [axes] = plot_recall_curves(first_hits).axes
    curves = axes.lines[:6]
    assert len({line.get_color() for line in curves}) == 3
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 6
