import numpy as np

from shopee_od.course.plots.data import QUARTER, make_collage


def test_the_boxes_of_each_image_go_with_it_into_the_collage():
    wide = np.zeros((100, 200, 3), np.uint8)
    tall = np.zeros((150, 50, 3), np.uint8)
    wide[20:40, 50:150] = 255
    tall[30:90, 10:40] = 255
    boxes = [
        np.array([[50, 20, 150, 40]]),
        np.array([[10, 30, 40, 90]]),
        np.zeros((0, 4)),
        np.array([[50, 20, 150, 40]]),
    ]
    collage, collage_boxes = make_collage([wide, tall, tall, wide], boxes)
    assert collage.shape == (2 * QUARTER, 2 * QUARTER, 3) and collage_boxes.shape == (3, 4)
    for k, (x1, y1, x2, y2) in zip((0, 1, 3), collage_boxes.round().astype(int), strict=True):
        quarter = (k % 2, k // 2)
        assert (x1 // QUARTER, y1 // QUARTER) == quarter
        assert ((x2 - 1) // QUARTER, (y2 - 1) // QUARTER) == quarter
        assert collage[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].min() > 200
        assert collage[y1 - 6, (x1 + x2) // 2].max() < 60
