import numpy as np

from shopee_od.lessons.plots_01 import QUARTER, collage


def test_each_photos_boxes_go_with_it_into_the_collage():
    wide, tall = np.zeros((100, 200, 3), np.uint8), np.zeros((150, 50, 3), np.uint8)
    wide[20:40, 50:150], tall[30:90, 10:40] = 255, 255
    boxes = [
        np.array([[50, 20, 150, 40]]),
        np.array([[10, 30, 40, 90]]),
        np.zeros((0, 4)),
        np.array([[50, 20, 150, 40]]),
    ]
    picture, placed = collage([wide, tall, tall, wide], boxes)
    assert picture.shape == (2 * QUARTER, 2 * QUARTER, 3) and placed.shape == (3, 4)
    for k, box in zip((0, 1, 3), placed.round().astype(int), strict=True):
        x1, y1, x2, y2 = box
        assert (x1 // QUARTER, y1 // QUARTER) == (k % 2, k // 2) == ((x2 - 1) // QUARTER, (y2 - 1) // QUARTER)
        assert picture[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].min() > 200
        assert picture[y1 - 6, (x1 + x2) // 2].max() < 60
