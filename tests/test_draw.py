import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shopee_od import draw, pen
from shopee_od.types import Detections, Stage, Trace

CLASSES = ("dress", "skirt", "top")
GREY = np.full((480, 640, 3), 128, np.uint8)


def changed(picture: Image.Image, image: np.ndarray) -> np.ndarray:
    """bool (H, W): where a drawn photo differs from a photo of its own size."""
    return (np.asarray(picture) != image).any(-1)


def truth_rows(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["x1", "y1", "x2", "y2", "label", "ignore"])


def test_a_detection_is_a_line_in_its_class_colour_and_a_tag_above():
    found = Detections([[100, 200, 300, 400]], [0.93], [1])
    picture = draw.draw_detections(GREY, found, CLASSES)
    where = changed(picture, GREY)
    assert picture.size == (640, 480)
    edge = np.asarray(picture)[250, 100:104].tolist()
    assert list(draw.class_colour(1)) in edge
    assert where[399, 200] and where[250, 299]  # x2 and y2 are exclusive: the last pixels of the box
    assert not where[400:, :].any() and not where[250, 300:].any() and not where[300, 120:280].any()
    assert where[178:200, 100:180].mean() > 0.9  # the tag


def test_the_tag_says_class_and_score(monkeypatch):
    said = []
    monkeypatch.setattr(pen, "draw_tag", lambda canvas, box, text, *rest: said.append(text) or box)
    draw.draw_detections(GREY, Detections([[1, 1, 9, 9], [5, 5, 90, 90]], [0.5, 0.926], [0, 2]), CLASSES)
    assert said == ["top 0.93", "dress 0.50"]


def test_the_same_twice_and_the_photo_untouched():
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    before = image.copy()
    found = Detections([[10, 10, 60, 80], [20, 15, 70, 85]], [0.9, 0.4], [0, 1])
    one, two = (draw.draw_detections(image, found, CLASSES) for _ in range(2))
    assert np.array_equal(np.asarray(one), np.asarray(two))
    assert np.array_equal(image, before)
    draw.draw_detections(Image.fromarray(GREY), found, CLASSES)


def test_nothing_found_is_said_across_the_top():
    where = changed(draw.draw_detections(GREY, Detections.empty(), CLASSES), GREY)
    assert where[:20].all() and not where[60:].any()
    assert where.sum() > changed(draw.draw_layers(GREY, []), GREY).sum() == 0


def test_truth_is_dashed_green_and_what_to_ignore_is_grey():
    rows = truth_rows((50, 100, 250, 300, 0, False), (300, 100, 500, 300, 1, True))
    image = np.full((480, 640, 3), 30, np.uint8)
    pixels = np.asarray(draw.draw_truth(image, rows, CLASSES)).reshape(480, 640, 3)
    line = pixels[200, 50:60].tolist() + pixels[150:250, 52].tolist()
    assert list(draw.STYLES["truth"].colour) in line
    assert len({tuple(colour) for colour in pixels[150:250, 52].tolist()}) == 2  # dash and gap
    assert list(draw.STYLES["ignore"].colour) in pixels[150:250, 301:303].reshape(-1, 3).tolist()
    found = Detections([[60, 110, 240, 290]], [0.9], [0])
    both = np.asarray(draw.draw_detections(image, found, CLASSES, truth=rows)).reshape(-1, 3).tolist()
    assert list(draw.STYLES["truth"].colour) in both and list(draw.class_colour(0)) in both


def test_every_role_looks_unlike_every_other_but_kept_and_after():
    looks = {role: (style.colour, style.dashed) for role, style in draw.STYLES.items()}
    assert looks["kept"] == looks["after"]
    assert len(set(looks.values())) == len(looks) - 1


def test_the_palette_is_distinct_and_its_tags_readable():
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for one, other in itertools.combinations(draw.PALETTE, 2):
        assert np.abs(np.subtract(one, other)).sum() >= 60, (one, other)
    for colour in draw.PALETTE:
        bright, dark = sorted((luminance(colour), luminance(pen.contrast(colour))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, colour  # WCAG 2, level AA
    assert draw.class_colour(0) == draw.class_colour(len(draw.PALETTE))


@pytest.mark.parametrize("size", [(1, 1), (60, 51), (225, 300), (8, 3000), (3000, 8), (2600, 3100)])
def test_tiny_photos_grow_and_huge_ones_shrink(size):
    width, height = size
    found = Detections([[0, 0, width, height], [width / 4, height / 4, width, height]], [0.9, 0.3], [0, 1])
    picture = draw.draw_detections(np.zeros((height, width, 3), np.uint8), found, CLASSES)
    assert max(picture.size) <= draw.LONG_SIDE
    assert min(picture.size) >= draw.SHORT_SIDE or max(picture.size) == draw.LONG_SIDE
    assert np.asarray(picture).any()


@pytest.mark.parametrize(
    "box", [[700, 10, 800, 90], [-90, -90, -1, -1], [30, 30, 30, 90], [np.nan, 0, 9, 9], [0, 0, np.inf, 9]]
)
def test_a_box_with_nothing_in_the_photo_is_left_out(box):
    picture = draw.draw_layers(GREY, [draw.Layer(np.array([box]), tags=["dress"])])
    assert not changed(picture, GREY).any()


boxes = st.tuples(*[st.floats(-100, 800)] * 4)


@settings(max_examples=40, deadline=None)
@given(box=boxes, text=st.text(max_size=80), side=st.integers(1, 700), size=st.integers(12, 60))
def test_tags_stay_inside_whatever_the_box_and_the_text(box, text, side, size):
    canvas = Image.new("RGB", (side, 400))
    x1, y1, x2, y2 = (round(v) for v in (min(box[0::2]), min(box[1::2]), max(box[0::2]), max(box[1::2])))
    left, top, right, bottom = pen.draw_tag(canvas, (x1, y1, x2, y2), text, (0, 114, 178), size, [])
    assert 0 <= left <= right < side and 0 <= top <= bottom < 400


def test_tags_of_one_spot_do_not_cover_each_other():
    canvas, taken = Image.new("RGB", (640, 480)), []
    for _ in range(8):
        taken.append(pen.draw_tag(canvas, (100, 100, 500, 400), "dress 0.93", (0, 114, 178), 16, taken))
    for a, b in itertools.combinations(taken, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_a_contact_sheet_holds_photos_of_unlike_sizes():
    images = [np.full((h, w, 3), v, np.uint8) for h, w, v in ((50, 100, 10), (300, 100, 90), (9, 9, 170))]
    sheet = draw.contact_sheet(images, columns=2, captions=["one", "a long caption " * 20, ""], cell=120)
    colours = {tuple(c) for c in np.asarray(sheet).reshape(-1, 3).tolist()}
    assert {(10,) * 3, (90,) * 3, (170,) * 3} <= colours
    assert sheet.width == 4 + 2 * 124
    assert draw.contact_sheet(images[:1], columns=5, cell=120).width < sheet.width
    with pytest.raises(ValueError, match="at least one"):
        draw.contact_sheet([])


def test_a_caption_fits_its_cell():
    letters = pen.font(12, bold=False)
    lines = pen.wrap("a window of every size at every place, thousands a photo " * 4, letters, 150)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(letters.getlength(line) <= 150 for line in lines)
    assert pen.wrap("", letters, 150) == [""]


def test_control_characters_in_a_class_name_do_no_harm():
    canvas = Image.new("RGB", (300, 200))
    place = pen.draw_tag(canvas, (50, 50, 200, 150), "T\x00-shirt\n0.93\ud800", (0, 114, 178), 14, [])
    assert place == pen.draw_tag(canvas, (50, 50, 200, 150), "T-shirt 0.93", (0, 114, 178), 14, [])


def test_a_heat_map_is_bright_where_the_values_are_high():
    values = np.zeros((6, 8))
    values[:, 4:] = 5
    picture = np.asarray(draw.heat_map(GREY, values), int).sum(-1)
    assert picture.shape == (480, 640)
    assert picture[:, 500:].min() > picture[:, :140].max()
    draw.heat_map(GREY, np.full((3, 3), np.nan))


def stage_titles(**arrays) -> list[str]:
    return [title for title, _ in draw._stage_pictures(GREY, Stage("s", "", arrays), CLASSES)]


def test_a_stage_shows_its_boxes_and_its_maps_and_nothing_else():
    boxes = np.array([[10, 10, 60, 60], [20, 20, 90, 90.0]])
    assert stage_titles(boxes=boxes, scores=np.ones(2), deltas=np.ones((2, 4)), logits=np.ones((2, 3))) == ["s"]
    assert stage_titles(objectness=np.ones((30, 40)), features=np.ones((30, 40, 8))) == ["s, objectness"]
    assert stage_titles(deltas=np.ones((7, 4)), seconds=np.ones(3)) == []


def test_a_stage_tells_kept_from_rejected_and_before_from_after():
    def colours(**arrays):
        layers = draw._stage_layers(arrays, CLASSES)
        pixels = np.asarray(draw.draw_layers(GREY, layers)).reshape(-1, 3)
        return {role for role, s in draw.STYLES.items() if s.colour and (pixels == s.colour).all(-1).any()}

    boxes = np.array([[10, 200, 90, 300], [200, 20, 300, 90.0]])
    assert colours(boxes=boxes, kept=np.array([True, False])) == {"kept", "after", "rejected"}
    assert colours(boxes=boxes, before=boxes + 20) == {"kept", "after", "before"}


def test_only_the_best_boxes_of_a_stage_are_drawn():
    scores = np.linspace(0, 1, 300)
    boxes = np.tile([[0, 0, 9, 9.0]], (300, 1))
    (layer,) = draw._stage_layers({"boxes": boxes, "scores": scores, "labels": np.zeros(300)}, CLASSES)
    assert len(layer.boxes) == draw.MOST_BOXES and layer.tags[0] == "dress 1.00"


def test_a_trace_is_one_sheet():
    found = Detections([[100, 100, 300, 400]], [0.9], [0])
    stages = (
        Stage("objectness", "how much each place looks like a thing", {"map": np.eye(12)}),
        Stage("detections", "", {"boxes": found.boxes, "scores": found.scores, "labels": found.labels}),
    )
    sheet = draw.trace(Trace(GREY, stages), CLASSES, columns=3, cell=200)
    assert sheet.width > 600
    assert sheet.height < 300  # three pictures in one row


def test_a_real_photo_can_be_drawn(shared_data):
    path = sorted((shared_data / "ccp" / "photos").glob("*.jpg"))[0]
    image = np.asarray(Image.open(path).convert("RGB"))
    picture = draw.draw_detections(image, Detections([[100, 200, 300, 500]], [0.8], [0]), CLASSES)
    where = changed(picture, image)
    assert where[160:500, 100:300].any() and not where[520:].any()
