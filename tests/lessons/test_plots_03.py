"""Figures of notebook 03: what of them can be wrong without anybody's seeing it."""

import numpy as np

from shopee_od.lessons.plots_03 import painted, recall_curves


def test_regions_of_a_grey_photo_are_painted_grey():
    """White rims on white, enlarged, overshoot: cut off, they do not come round again as another colour."""
    image = np.repeat(np.random.default_rng(0).choice([0, 255], (20, 16, 1)).astype(np.uint8), 3, axis=2)
    labels = np.indices((20, 16)).sum(axis=0) // 4
    shown = painted(image, labels)
    assert shown.shape == (39, 31, 3) and shown.dtype == np.uint8
    assert np.ptp(shown.astype(int), axis=2).max() <= 1


def test_recall_counts_the_boxes_that_the_first_n_meet():
    """Three boxes: met by the first, by the third, and by none."""
    [axes] = recall_curves({("search", 0.5): np.array([0, 2, np.inf])}, marks=(4,)).axes
    number, recall = axes.lines[0].get_data()
    assert dict(zip(number.tolist(), np.round(recall, 2).tolist(), strict=True)) == {1: 0.33, 2: 0.33, 3: 0.67, 4: 0.67}
