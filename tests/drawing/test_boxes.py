import itertools

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from shopee_od import drawing
from shopee_od.drawing import boxes, canvas, primitives
from shopee_od.structures import Detections


def changed_pixels(picture: Image.Image, image: np.ndarray) -> np.ndarray:
    """bool (H, W): where a drawn image differs from an image of the same size."""
    return (np.asarray(picture) != image).any(-1)


def ground_truth(*rows) -> pd.DataFrame:
    columns = ["x1", "y1", "x2", "y2", "label", "ignore"]
    return pd.DataFrame(rows, columns=columns).assign(iscrowd=False)


def test_a_detection_is_a_line_in_its_class_color_and_a_tag_above(gray, classes):
    detections = Detections([[100, 200, 300, 400]], [0.93], [1])
    picture = drawing.draw_detections(gray, detections, classes)
    changed = changed_pixels(picture, gray)
    assert picture.size == (640, 480)
    edge = np.asarray(picture)[250, 100:104].tolist()
    assert list(drawing.class_color(1)) in edge
    assert changed[399, 200] and changed[250, 299], "the last pixels of a box with exclusive ends"
    assert not changed[400:, :].any() and not changed[250, 300:].any()
    assert not changed[300, 120:280].any()
    assert changed[178:200, 100:180].mean() > 0.9, "the tag"


def test_the_tag_has_class_and_score(gray, classes, monkeypatch):
    texts = []
    monkeypatch.setattr(
        boxes, "draw_tag", lambda canvas, box, text, *rest: texts.append(text) or box
    )
    detections = Detections([[1, 1, 9, 9], [5, 5, 90, 90]], [0.5, 0.926], [0, 2])
    drawing.draw_detections(gray, detections, classes)
    assert texts == ["top 0.93", "dress 0.50"]


def test_tags_may_be_given(gray, classes, monkeypatch):
    texts = []
    monkeypatch.setattr(
        boxes, "draw_tag", lambda canvas, box, text, *rest: texts.append(text) or box
    )
    detections = Detections([[1, 1, 9, 9], [5, 5, 90, 90]], [0.9, 0.5], [0, 2])
    drawing.draw_detections(gray, detections, classes, tags=["upper garment", ""])
    assert texts == ["upper garment"]


def test_drawing_is_deterministic_and_leaves_the_image_unchanged(gray, classes):
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    before = image.copy()
    detections = Detections([[10, 10, 60, 80], [20, 15, 70, 85]], [0.9, 0.4], [0, 1])
    one, two = (drawing.draw_detections(image, detections, classes) for _ in range(2))
    assert np.array_equal(np.asarray(one), np.asarray(two))
    assert np.array_equal(image, before)
    drawing.draw_detections(Image.fromarray(gray), detections, classes)


def test_an_image_without_a_garment_says_so(gray, classes):
    picture = drawing.draw_detections(gray, Detections.empty(), classes)
    changed = changed_pixels(picture, gray)
    assert changed[:20].all() and not changed[60:].any()
    assert changed.sum() > changed_pixels(drawing.draw_layers(gray, []), gray).sum() == 0


def test_ground_truth_is_dashed_green_and_what_to_ignore_is_gray(classes):
    rows = ground_truth((50, 100, 250, 300, 0, False), (300, 100, 500, 300, 1, True))
    image = np.full((480, 640, 3), 30, np.uint8)
    green = list(drawing.STYLES["ground_truth"].color)
    pixels = np.asarray(drawing.draw_ground_truth(image, rows, classes)).reshape(480, 640, 3)
    line = pixels[200, 50:60].tolist() + pixels[150:250, 52].tolist()
    assert green in line
    assert len({tuple(color) for color in pixels[150:250, 52].tolist()}) == 2, "dash and gap"
    assert list(drawing.STYLES["ignore"].color) in pixels[150:250, 301:303].reshape(-1, 3).tolist()
    detections = Detections([[60, 110, 240, 290]], [0.9], [0])
    picture = drawing.draw_detections(image, detections, classes, ground_truth=rows)
    both = np.asarray(picture).reshape(-1, 3).tolist()
    assert green in both and list(drawing.class_color(0)) in both


def test_every_role_has_a_look_of_its_own_except_kept_and_after():
    looks = {role: (style.color, style.dashed) for role, style in drawing.STYLES.items()}
    assert looks["kept"] == looks["after"]
    assert len(set(looks.values())) == len(looks) - 1


def test_the_palette_is_distinct_and_its_tags_readable():
    def luminance(color):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in np.array(color) / 255
        ]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for one, other in itertools.combinations(drawing.PALETTE, 2):
        assert np.abs(np.subtract(one, other)).sum() >= 60, (one, other)
    for color in drawing.PALETTE:
        text_color = primitives.contrast_color(color)
        bright, dark = sorted((luminance(color), luminance(text_color)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, color  # WCAG 2, level AA
    assert drawing.class_color(0) == drawing.class_color(len(drawing.PALETTE))


@pytest.mark.parametrize("size", [(1, 1), (60, 51), (225, 300), (8, 3000), (3000, 8), (2600, 3100)])
def test_tiny_images_are_enlarged_and_huge_ones_shrunk(size, classes):
    width, height = size
    corners = [[0, 0, width, height], [width / 4, height / 4, width, height]]
    image = np.zeros((height, width, 3), np.uint8)
    picture = drawing.draw_detections(image, Detections(corners, [0.9, 0.3], [0, 1]), classes)
    longest = canvas.MAX_LONG_SIDE
    assert max(picture.size) <= longest
    assert min(picture.size) >= canvas.MIN_SHORT_SIDE or max(picture.size) == longest
    assert np.asarray(picture).any()


@pytest.mark.parametrize(
    "box",
    [
        [700, 10, 800, 90],
        [-90, -90, -1, -1],
        [30, 30, 30, 90],
        [np.nan, 0, 9, 9],
        [0, 0, np.inf, 9],
    ],
)
def test_a_box_without_a_pixel_in_the_image_is_not_drawn(box, gray):
    picture = drawing.draw_layers(gray, [drawing.Layer(np.array([box]), tags=["dress"])])
    assert not changed_pixels(picture, gray).any()


def test_a_real_photo_can_be_drawn(shared_data, classes):
    path = sorted((shared_data / "ccp" / "photos").glob("*.jpg"))[0]
    image = np.asarray(Image.open(path).convert("RGB"))
    detections = Detections([[100, 200, 300, 500]], [0.8], [0])
    picture = drawing.draw_detections(image, detections, classes)
    changed = changed_pixels(picture, image)
    assert changed[160:500, 100:300].any() and not changed[520:].any()
