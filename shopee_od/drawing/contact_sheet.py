"""Several images on one sheet, with captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from shopee_od.drawing import primitives
from shopee_od.drawing.canvas import resize, to_pil

CAPTION_COLOR = (30, 30, 30)


def make_contact_sheet(
    images: Iterable[np.ndarray | Image.Image],
    columns: int = 4,
    captions: Sequence[str] = (),
    cell: int = 360,
) -> Image.Image:
    """Puts images of any sizes into the cells of one white sheet, row by row.

    Args:
        images: uint8 (H, W, 3) arrays or Pillow images, at least one.
        columns: how many cells a row has at most.
        captions: one text per image, drawn below it; or none.
        cell: pixels of the long side that each image is resized to.
    Returns:
        A new RGB image.
    Raises:
        ValueError: there are no images.
    """
    thumbnails = [to_pil(image) for image in images]
    if not thumbnails:
        raise ValueError("a contact sheet needs at least one image")
    thumbnails = [resize(thumbnail, cell / max(thumbnail.size)) for thumbnail in thumbnails]
    columns = min(columns, len(thumbnails))
    gap = max(4, cell // 40)
    font_size = max(11, cell // 22)
    line_height = round(font_size * 1.3)
    font = primitives.load_font(font_size, bold=False)
    texts = [primitives.wrap_text(text, font, cell) for text in captions] or [[]] * len(thumbnails)
    starts = range(0, len(thumbnails), columns)
    rows = [range(start, min(start + columns, len(thumbnails))) for start in starts]
    image_heights = [max(thumbnails[i].height for i in row) for row in rows]
    text_heights = [max(len(texts[i]) for i in row) * line_height for row in rows]
    height = gap + sum(image_heights) + sum(text_heights) + len(rows) * 2 * gap
    sheet = Image.new("RGB", (gap + columns * (cell + gap), height), "white")
    pen = ImageDraw.Draw(sheet)
    top = gap
    for row, image_height, text_height in zip(rows, image_heights, text_heights, strict=True):
        for column, i in enumerate(row):
            left = gap + column * (cell + gap)
            sheet.paste(thumbnails[i], (left + (cell - thumbnails[i].width) // 2, top))
            text_top = top + image_height + gap // 2
            for number, text in enumerate(texts[i]):
                position = (left, text_top + number * line_height)
                pen.text(position, text, fill=CAPTION_COLOR, font=font)
        top += image_height + text_height + 2 * gap
    return sheet
