import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shopee_od.drawing import primitives

BLUE = (0, 114, 178)
corners = st.tuples(*[st.floats(-100, 800)] * 4)


@settings(max_examples=40, deadline=None)
@given(
    box=corners, text=st.text(max_size=80), width=st.integers(1, 700), font_size=st.integers(12, 60)
)
def test_a_tag_stays_on_the_canvas_for_any_box_and_text(box, text, width, font_size):
    canvas = Image.new("RGB", (width, 400))
    rectangle = (
        round(min(box[0::2])),
        round(min(box[1::2])),
        round(max(box[0::2])),
        round(max(box[1::2])),
    )
    left, top, right, bottom = primitives.draw_tag(canvas, rectangle, text, BLUE, font_size, [])
    assert 0 <= left <= right < width and 0 <= top <= bottom < 400


def test_tags_of_one_box_do_not_overlap():
    canvas = Image.new("RGB", (640, 480))
    tags = []
    for _ in range(8):
        tags.append(primitives.draw_tag(canvas, (100, 100, 500, 400), "dress 0.93", BLUE, 16, tags))
    for a, b in itertools.combinations(tags, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]


def test_a_caption_fits_its_cell():
    font = primitives.load_font(12, bold=False)
    text = "a window of every size at every place, thousands a photo " * 4
    lines = primitives.wrap_text(text, font, 150)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(font.getlength(line) <= 150 for line in lines)
    assert primitives.wrap_text("", font, 150) == [""]


def test_control_characters_in_a_class_name_do_no_harm():
    canvas = Image.new("RGB", (300, 200))
    box = (50, 50, 200, 150)
    odd = primitives.draw_tag(canvas, box, "T\x00-shirt\n0.93\ud800", BLUE, 14, [])
    assert odd == primitives.draw_tag(canvas, box, "T-shirt 0.93", BLUE, 14, [])
