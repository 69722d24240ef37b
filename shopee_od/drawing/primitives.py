"""How a box, a tag and a banner are drawn on a Pillow canvas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
"""Red, green, blue in 0..255."""
Rectangle = tuple[int, int, int, int]
"""left, top, right, bottom in whole pixels of the canvas, all inclusive, as Pillow draws them."""


def compute_font_size(canvas_size: tuple[int, int]) -> int:
    """Font size in pixels of a tag on a canvas of this (width, height)."""
    return max(12, round(0.028 * math.sqrt(canvas_size[0] * canvas_size[1])))


@lru_cache(maxsize=64)
def load_font(size: int, bold: bool = True) -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib's files, `size` in pixels: the same on each machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def clip_to_canvas(box: np.ndarray, canvas_size: tuple[int, int]) -> Rectangle | None:
    """The whole pixels of a box that are on the canvas.

    Args:
        box: float (4,) x1, y1, x2, y2 in pixels of the canvas, x2 and y2 exclusive.
        canvas_size: width and height.
    Returns:
        The rectangle, or None where no pixel of it is on the canvas or a coordinate is not finite.

    >>> clip_to_canvas(np.array([-5.0, 10.2, 20.0, 30.0]), (640, 480))
    (0, 10, 19, 29)
    """
    if not np.isfinite(box).all():
        return None
    x1, y1, x2, y2 = np.clip(np.round(box), 0, [*canvas_size, *canvas_size]).astype(int).tolist()
    return (x1, y1, x2 - 1, y2 - 1) if x2 > x1 and y2 > y1 else None


def contrast_color(color: Color) -> Color:
    """Black or white, whichever is easier to read on `color`.

    Source: Web Content Accessibility Guidelines 2.1, relative luminance.
    """
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in color)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def draw_box(canvas: Image.Image, box: Rectangle, color: Color, width: int, dashed: bool) -> None:
    """Draws a box as a line between two thin rims of contrasting tone, visible on any background.

    Args:
        canvas: changed in place.
        box: the line is drawn inside its edge.
        color: of the line.
        width: of the line in pixels, without the rims.
        dashed: dashes instead of a solid line.
    """
    pen = ImageDraw.Draw(canvas)
    rim = max(1, width // 4)
    x1, y1, x2, y2 = box
    if min(x2 - x1, y2 - y1) <= 2 * (width + 2 * rim):  # too small for rims
        pen.rectangle(box, outline=color, width=width)
        return
    pen.rectangle(box, outline=contrast_color(color), width=width + 2 * rim)
    left, top, right, bottom = x1 + rim, y1 + rim, x2 - rim, y2 - rim
    if not dashed:
        pen.rectangle((left, top, right, bottom), outline=color, width=width)
        return
    for start, end in _split_into_dashes(left, right, 4 * width):
        pen.rectangle((start, top, end, top + width - 1), fill=color)
        pen.rectangle((start, bottom - width + 1, end, bottom), fill=color)
    for start, end in _split_into_dashes(top, bottom, 4 * width):
        pen.rectangle((left, start, left + width - 1, end), fill=color)
        pen.rectangle((right - width + 1, start, right, end), fill=color)


def draw_tag(
    canvas: Image.Image,
    box: Rectangle,
    text: str,
    color: Color,
    font_size: int,
    occupied: list[Rectangle],
) -> Rectangle:
    """Draws a tag at its box where it overlaps the tags drawn before it least.

    Args:
        canvas: changed in place; the tag never leaves it.
        box: the box that the tag belongs to.
        text: shortened where it is wider than the canvas.
        color: of the tag's background.
        font_size: in pixels; smaller where the text is wider than the canvas.
        occupied: where other tags are.
    Returns:
        The rectangle of the tag.
    """
    padding = max(2, font_size // 5)
    font, text = _fit_text(text, font_size, canvas.width - 2 * padding)
    ascent, descent = font.getmetrics()
    width = min(canvas.width, math.ceil(font.getlength(text)) + 2 * padding)
    height = min(canvas.height, ascent + descent + padding)
    rectangle = min(
        (
            _shift_into_canvas(corner, width, height, canvas.size)
            for corner in _candidate_corners(box, width, height)
        ),
        key=lambda candidate: sum(_overlap_area(candidate, other) for other in occupied),
    )
    pen = ImageDraw.Draw(canvas)
    text_color = contrast_color(color)
    outline_width = max(1, font_size // 20)
    pen.rounded_rectangle(
        rectangle, radius=padding, fill=color, outline=text_color, width=outline_width
    )
    text_position = (rectangle[0] + padding, (rectangle[1] + rectangle[3]) / 2)
    pen.text(text_position, text, fill=text_color, font=font, anchor="lm")
    return rectangle


def draw_banner(canvas: Image.Image, text: str) -> None:
    """Draws white text on a darkened strip across the top of the canvas."""
    font_size = compute_font_size(canvas.size)
    font, text = _fit_text(text, round(font_size * 1.3), canvas.width - font_size)
    height = min(canvas.height, round(font.size * 1.8))
    strip = canvas.crop((0, 0, canvas.width, height)).point(
        [value // 4 for value in range(256)] * 3
    )
    canvas.paste(strip, (0, 0))
    center = (canvas.width / 2, height / 2)
    ImageDraw.Draw(canvas).text(center, text, fill="white", font=font, anchor="mm")


def wrap_text(text: str, font: ImageFont.FreeTypeFont, width: int, max_lines: int = 3) -> list[str]:
    """Breaks a text into lines of at most `width` pixels; a longer text ends in an ellipsis."""
    lines = [""]
    for word in _to_one_line(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > max_lines:
        # The last line holds all the rest, which is too wide, so that `_truncate` shortens it.
        lines = [*lines[: max_lines - 1], " ".join(lines[max_lines - 1 :])]
    return [_truncate(line, font, width) for line in lines]


def _fit_text(text: str, font_size: int, width: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """Font and text that fit `width`: first the font shrinks, then the text is shortened."""
    text = _to_one_line(text)
    while font_size > 10 and load_font(font_size).getlength(text) > width:
        font_size -= 1
    return load_font(font_size), _truncate(text, load_font(font_size), width)


def _to_one_line(text: str) -> str:
    """Without line breaks and control characters, on which Pillow's layout fails."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _truncate(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """A text of at most `width` pixels, with an ellipsis where it is shortened."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _split_into_dashes(start: int, end: int, length: int) -> list[tuple[int, int]]:
    """Dashes of about `length` with gaps half as long, from a dash at `start` to one at `end`."""
    count = max(1, round((end - start) / (1.5 * length)))
    step = (end - start) / (count + 2 / 3)
    return [(round(start + i * step), round(start + (i + 2 / 3) * step)) for i in range(count + 1)]


def _candidate_corners(box: Rectangle, width: int, height: int) -> Iterable[tuple[int, int]]:
    """Upper left corners for a tag, the preferred first: above, inside, below, along the sides."""
    x1, y1, x2, y2 = box
    along_sides = range(y1 + height, y2 - height, height)
    for top in (y1 - height, y1, y2 + 1, y2 - height + 1, *along_sides):
        yield x1, top
        yield x2 - width + 1, top


def _shift_into_canvas(
    corner: tuple[int, int], width: int, height: int, canvas_size: tuple[int, int]
) -> Rectangle:
    """The rectangle of this size at `corner`, shifted so that all of it is on the canvas."""
    left = min(max(0, corner[0]), canvas_size[0] - width)
    top = min(max(0, corner[1]), canvas_size[1] - height)
    return left, top, left + width - 1, top + height - 1


def _overlap_area(a: Rectangle, b: Rectangle) -> int:
    """How many pixels two rectangles share."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    return max(0, width) * max(0, height)
