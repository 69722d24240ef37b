"""How a box, a tag and a banner are put on a Pillow canvas; `draw` says which and where."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]
"""left, top, right, bottom in whole pixels of the canvas, all inclusive, as Pillow draws them."""


def font_size(canvas: tuple[int, int]) -> int:
    """Pixels of a tag's letters on a canvas of this width and height."""
    return max(12, round(0.028 * math.sqrt(canvas[0] * canvas[1])))


@lru_cache(maxsize=64)
def font(size: int, bold: bool = True) -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib's own files: the same tags on every machine, no system font needed."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def in_canvas(box: np.ndarray, canvas: tuple[int, int]) -> Rectangle | None:
    """float x1, y1, x2, y2 (exclusive) -> the rectangle of whole pixels within the canvas, or None."""
    if not np.isfinite(box).all():
        return None
    x1, y1, x2, y2 = np.clip(np.round(box), 0, [*canvas, *canvas]).astype(int).tolist()
    return (x1, y1, x2 - 1, y2 - 1) if x2 > x1 and y2 > y1 else None


def contrast(colour: Colour) -> Colour:
    """Black or white, whichever reads better on `colour` (WCAG 2, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if luminance > 0.179 else (255, 255, 255)


def draw_box(canvas: Image.Image, box: Rectangle, colour: Colour, width: int, dashed: bool) -> None:
    """A line inside the box's edge between two thin ones of the contrary tone: it shows on any ground."""
    ink = ImageDraw.Draw(canvas)
    rim = max(1, width // 4)
    x1, y1, x2, y2 = box
    if min(x2 - x1, y2 - y1) <= 2 * (width + 2 * rim):  # too small for rims
        ink.rectangle(box, outline=colour, width=width)
        return
    ink.rectangle(box, outline=contrast(colour), width=width + 2 * rim)
    left, top, right, bottom = x1 + rim, y1 + rim, x2 - rim, y2 - rim
    if not dashed:
        ink.rectangle((left, top, right, bottom), outline=colour, width=width)
        return
    for start, end in _dashes(left, right, 4 * width):
        ink.rectangle((start, top, end, top + width - 1), fill=colour)
        ink.rectangle((start, bottom - width + 1, end, bottom), fill=colour)
    for start, end in _dashes(top, bottom, 4 * width):
        ink.rectangle((left, start, left + width - 1, end), fill=colour)
        ink.rectangle((right - width + 1, start, right, end), fill=colour)


def draw_tag(
    canvas: Image.Image, box: Rectangle, text: str, colour: Colour, size: int, taken: list[Rectangle]
) -> Rectangle:
    """Writes the tag by its box where it covers none of `taken`, or the least; returns where it stands."""
    pad = max(2, size // 5)
    letters, text = _fit(text, size, canvas.width - 2 * pad)
    ascent, descent = letters.getmetrics()
    width = min(canvas.width, math.ceil(letters.getlength(text)) + 2 * pad)
    height = min(canvas.height, ascent + descent + pad)
    place = min(
        (_within(corner, width, height, canvas.size) for corner in _corners(box, width, height)),
        key=lambda rectangle: sum(_overlap(rectangle, other) for other in taken),
    )
    ink, tone = ImageDraw.Draw(canvas), contrast(colour)
    ink.rounded_rectangle(place, radius=pad, fill=colour, outline=tone, width=max(1, size // 20))
    ink.text((place[0] + pad, (place[1] + place[3]) / 2), text, fill=tone, font=letters, anchor="lm")
    return place


def draw_banner(canvas: Image.Image, text: str) -> None:
    """White letters on a darkened strip across the top."""
    size = font_size(canvas.size)
    letters, text = _fit(text, round(size * 1.3), canvas.width - size)
    height = min(canvas.height, round(letters.size * 1.8))
    strip = canvas.crop((0, 0, canvas.width, height)).point(lambda value: value // 4)
    canvas.paste(strip, (0, 0))
    middle = (canvas.width / 2, height / 2)
    ImageDraw.Draw(canvas).text(middle, text, fill="white", font=letters, anchor="mm")


def wrap(text: str, letters: ImageFont.FreeTypeFont, width: int, most: int = 3) -> list[str]:
    """Words -> lines of at most `width` pixels, `most` of them; what does not fit ends in an ellipsis."""
    lines = [""]
    for word in _one_line(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and letters.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > most:
        # One line too wide for `_cut` to leave whole.
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [_cut(line, letters, width) for line in lines]


def _fit(text: str, size: int, width: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """The font and the text that fit `width`: first the font shrinks, then the text loses its end."""
    text = _one_line(text)
    while size > 10 and font(size).getlength(text) > width:
        size -= 1
    return font(size), _cut(text, font(size), width)


def _one_line(text: str) -> str:
    """Without line breaks and control characters, which Pillow's layout fails on."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _cut(text: str, letters: ImageFont.FreeTypeFont, width: int) -> str:
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _dashes(start: int, end: int, length: int) -> list[tuple[int, int]]:
    """From `start` to `end`: dashes of about `length` with gaps half as long, a dash at either end."""
    count = max(1, round((end - start) / (1.5 * length)))
    step = (end - start) / (count + 2 / 3)
    return [(round(start + i * step), round(start + (i + 2 / 3) * step)) for i in range(count + 1)]


def _corners(box: Rectangle, width: int, height: int) -> Iterable[tuple[int, int]]:
    """Where a tag's upper left corner may lie, the best place first: above, inside, below, down the sides."""
    x1, y1, x2, y2 = box
    for top in (y1 - height, y1, y2 + 1, y2 - height + 1, *range(y1 + height, y2 - height, height)):
        yield x1, top
        yield x2 - width + 1, top


def _within(corner: tuple[int, int], width: int, height: int, canvas: tuple[int, int]) -> Rectangle:
    left = min(max(0, corner[0]), canvas[0] - width)
    top = min(max(0, corner[1]), canvas[1] - height)
    return left, top, left + width - 1, top + height - 1


def _overlap(a: Rectangle, b: Rectangle) -> int:
    """Pixels that two rectangles share."""
    across = min(a[2], b[2]) - max(a[0], b[0]) + 1
    down = min(a[3], b[3]) - max(a[1], b[1]) + 1
    return max(0, across) * max(0, down)
