import numpy as np

from shopee_od.course.plots.proposals import draw_regions


def test_regions_of_a_gray_image_are_drawn_gray():
    """White borders on white, enlarged, overshoot: clipped, they do not wrap to another color."""
    rng = np.random.default_rng(0)
    image = np.repeat(rng.choice([0, 255], (20, 16, 1)).astype(np.uint8), 3, axis=2)
    segments = np.indices((20, 16)).sum(axis=0) // 4
    picture = draw_regions(image, segments)
    assert picture.shape == (39, 31, 3) and picture.dtype == np.uint8
    assert np.ptp(picture.astype(int), axis=2).max() <= 1
