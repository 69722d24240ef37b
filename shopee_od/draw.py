"""The one visual language: boxes, tags and stages look alike in notebooks, reports and `detect`. Pillow only.

>>> picture = draw_detections(image, detections, detector.classes)   # a PIL.Image to show or save
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from shopee_od import pen
from shopee_od.pen import Colour
from shopee_od.types import Detections, Stage, Trace

if TYPE_CHECKING:
    import pandas as pd

# From Okabe and Ito's and Paul Tol's sets, taken greedily so that neighbours differ most to normal,
# protanopic and deuteranopic eyes. More than 16 classes go round again: the tag tells them apart.
PALETTE: tuple[Colour, ...] = tuple(
    tuple(bytes.fromhex(code))
    for code in (
        *("0072B2", "E69F00", "CC79A7", "7A00FF", "117733", "F4A582", "99DDFF", "882255"),
        *("EECC66", "997700", "762A83", "F0E442", "EE6677", "FFAABB", "77AADD", "009E73"),
    )
)
SHORT_SIDE, LONG_SIDE = 320, 2400  # a drawn photo is enlarged towards the one, shrunk to the other
MOST_BOXES = 50  # in a picture of a stage


@dataclass(frozen=True)
class Style:
    """How boxes of one role look. Without a colour of its own, a role takes its boxes' class colours."""

    colour: Colour | None
    width: float = 1.0  # of the usual line
    dashed: bool = False


STYLES = {
    "detection": Style(None),
    "truth": Style((0, 220, 70), dashed=True),
    "ignore": Style((150, 150, 150), width=0.7, dashed=True),  # ground truth that does not count
    "before": Style((255, 150, 0), width=0.7, dashed=True),
    "after": Style((0, 130, 255)),
    "kept": Style((0, 130, 255)),
    "rejected": Style((225, 60, 60), width=0.6, dashed=True),
    "unmet": Style((240, 45, 45)),  # ground truth that no anchor meets
}


@dataclass(frozen=True)
class Layer:
    """Boxes of one role: float (N, 4) in the photo's pixels, best first; a tag and a colour each, or none."""

    boxes: np.ndarray
    role: str = "detection"
    tags: Sequence[str] = ()
    colours: Sequence[Colour] = ()


def class_colour(label: int) -> Colour:
    """The colour of class number `label`: the same wherever the list of classes is the same."""
    return PALETTE[int(label) % len(PALETTE)]


def draw_detections(
    image: np.ndarray | Image.Image,
    detections: Detections,
    classes: Sequence[str],
    truth: pd.DataFrame | None = None,
) -> Image.Image:
    """uint8 (H, W, 3) -> the photo with a tagged box a detection; with `truth`, its boxes beneath.

    Small photos are enlarged, huge ones shrunk, so that tags can be read. Where nothing is found, it says so.
    `truth`: rows of `Dataset.boxes`.
    """
    tags = [f"{classes[label]} {score:.2f}" for label, score in zip(detections.labels, detections.scores, strict=True)]
    found = Layer(detections.boxes, "detection", tags, [class_colour(label) for label in detections.labels])
    layers = [] if truth is None else _truth_layers(truth, None)
    return draw_layers(image, [*layers, found], banner="" if len(detections) else "no garment")


def draw_truth(
    image: np.ndarray | Image.Image, boxes: pd.DataFrame, classes: Sequence[str] | None = None
) -> Image.Image:
    """uint8 (H, W, 3) and rows of `Dataset.boxes` -> the photo with them; those to ignore are grey."""
    return draw_layers(image, _truth_layers(boxes, classes), banner="" if len(boxes) else "no garment")


def draw_layers(image: np.ndarray | Image.Image, layers: Iterable[Layer], banner: str = "") -> Image.Image:
    """uint8 (H, W, 3) and layers of boxes, the lowest first -> the drawn photo, `banner` across its top.

    Boxes are cut to the photo; those with nothing in it are left out. Tags never leave the photo.
    """
    canvas, scale = _canvas(image)
    size = pen.font_size(canvas.size)
    tagged, taken = [], []
    for layer in layers:
        style = STYLES[layer.role]
        # The best box is drawn last, so that it lies on top.
        for i in reversed(range(len(layer.boxes))):
            box = pen.in_canvas(layer.boxes[i] * scale, canvas.size)
            if box is None:
                continue
            colour = style.colour or (layer.colours[i] if len(layer.colours) else PALETTE[0])
            pen.draw_box(canvas, box, colour, max(2, round(size * style.width / 5)), style.dashed)
            if len(layer.tags) and layer.tags[i]:
                tagged.append((box, layer.tags[i], colour))
    for box, text, colour in reversed(tagged):  # the best chooses its place first
        taken.append(pen.draw_tag(canvas, box, text, colour, size, taken))
    if banner:
        pen.draw_banner(canvas, banner)
    return canvas


def contact_sheet(
    images: Iterable[np.ndarray | Image.Image],
    columns: int = 4,
    captions: Sequence[str] = (),
    cell: int = 360,
) -> Image.Image:
    """Photos of any sizes -> one white sheet of `columns`, each fitted to `cell` pixels, captions beneath."""
    pictures = [_pil(image) for image in images]
    if not pictures:
        raise ValueError("a contact sheet needs at least one image")
    columns, gap, size = min(columns, len(pictures)), max(4, cell // 40), max(11, cell // 22)
    font = pen.font(size, bold=False)
    fitted = [_resized(picture, cell / max(picture.size)) for picture in pictures]
    texts = [pen.wrap(text, font, cell) for text in captions] or [[] for _ in pictures]
    rows = [range(start, min(start + columns, len(fitted))) for start in range(0, len(fitted), columns)]
    line = round(size * 1.3)
    photo_heights = [max(fitted[i].height for i in row) for row in rows]
    text_heights = [max(len(texts[i]) for i in row) * line for row in rows]
    height = gap + sum(photo_heights) + sum(text_heights) + len(rows) * 2 * gap
    sheet = Image.new("RGB", (gap + columns * (cell + gap), height), "white")
    ink, top = ImageDraw.Draw(sheet), gap
    for row, photo_height, text_height in zip(rows, photo_heights, text_heights, strict=True):
        for column, i in enumerate(row):
            left = gap + column * (cell + gap)
            sheet.paste(fitted[i], (left + (cell - fitted[i].width) // 2, top))
            for number, text in enumerate(texts[i]):
                at = (left, top + photo_height + gap // 2 + number * line)
                ink.text(at, text, fill=(30, 30, 30), font=font)
        top += photo_height + text_height + 2 * gap
    return sheet


def trace(trace: Trace, classes: Sequence[str] | None = None, columns: int = 3, cell: int = 420) -> Image.Image:
    """A photo's way through a detector -> a contact sheet: it, then each stage's pictures, captioned."""
    pictures, captions = [_pil(trace.image)], ["the photo"]
    for stage in trace.stages:
        for title, picture in _stage_pictures(trace.image, stage, classes):
            pictures.append(picture)
            captions.append(f"{title}: {stage.says}" if stage.says else title)
    return contact_sheet(pictures, columns, captions, cell)


def heat_map(image: np.ndarray | Image.Image, values: np.ndarray) -> Image.Image:
    """uint8 (H, W, 3) and float (h, w) of any size -> the greyed photo, coloured by the values across it."""
    canvas, _ = _canvas(image)
    values = np.nan_to_num(np.asarray(values, np.float32))
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / (high - low) if high > low else np.zeros_like(values)
    unit = np.asarray(Image.fromarray(unit).resize(canvas.size, Image.Resampling.BILINEAR))
    stops = np.array([(10, 10, 60), (90, 20, 110), (190, 55, 80), (250, 140, 20), (252, 250, 150)])
    at = np.linspace(0, 1, len(stops))
    colours = np.stack([np.interp(unit, at, stops[:, channel]) for channel in range(3)], axis=-1)
    grey = np.asarray(canvas.convert("L"), np.float32)[..., None]
    return Image.fromarray((0.4 * grey + 0.6 * colours).astype(np.uint8))


def _stage_pictures(
    image: np.ndarray, stage: Stage, classes: Sequence[str] | None
) -> Iterable[tuple[str, Image.Image]]:
    """What of a stage can be seen, as (title, picture).

    `boxes` (N, 4): the best by `scores`, by class where `labels` are there; `kept` (bool, N) parts them into
    kept and rejected; `before` (N, 4) shows where each came from. Every other 2-D array, but those of a row a
    box (as long as `boxes`, `scores` or `labels`, or 4 wide), is a heat map over the whole photo.
    """
    arrays = {name: np.asarray(array) for name, array in stage.arrays.items()}
    per_box = {len(arrays[name]) for name in ("boxes", "scores", "labels") if name in arrays}
    if "boxes" in arrays:
        yield stage.name, draw_layers(image, _stage_layers(arrays, classes))
    for name, array in arrays.items():
        if array.ndim == 2 and array.shape[1] != 4 and len(array) not in per_box and array.size:
            yield f"{stage.name}, {name}", heat_map(image, array)


def _stage_layers(arrays: dict[str, np.ndarray], classes: Sequence[str] | None) -> list[Layer]:
    boxes = arrays["boxes"].reshape(-1, 4)
    scores = arrays.get("scores", np.zeros(len(boxes)))
    best = np.argsort(-(scores.max(1) if scores.ndim == 2 else scores), kind="stable")[:MOST_BOXES]
    if "kept" in arrays:
        kept = arrays["kept"].astype(bool)[best]
        return [Layer(boxes[best[~kept]], "rejected"), Layer(boxes[best[kept]], "kept")]
    if "before" in arrays:
        return [Layer(arrays["before"].reshape(-1, 4)[best], "before"), Layer(boxes[best], "after")]
    if "labels" not in arrays:
        return [Layer(boxes[best])]
    labels = arrays["labels"].astype(int)[best]
    tags = []
    if classes is not None and scores.ndim == 1:
        tags = [f"{classes[n]} {s:.2f}" for n, s in zip(labels, scores[best], strict=True)]
    return [Layer(boxes[best], "detection", tags, [class_colour(label) for label in labels])]


def _truth_layers(rows: pd.DataFrame, classes: Sequence[str] | None) -> list[Layer]:
    layers = []
    for role, chosen in (("ignore", rows[rows.ignore]), ("truth", rows[~rows.ignore])):
        tags = [classes[label] for label in chosen.label] if classes is not None else []
        layers.append(Layer(chosen[["x1", "y1", "x2", "y2"]].to_numpy(), role, tags))
    return layers


def _pil(image: np.ndarray | Image.Image) -> Image.Image:
    return image.convert("RGB") if isinstance(image, Image.Image) else Image.fromarray(image).convert("RGB")


def _canvas(image: np.ndarray | Image.Image) -> tuple[Image.Image, float]:
    """A copy of the photo, of a size that tags can be read on, and its scale."""
    photo = _pil(image)
    scale = min(max(1.0, math.ceil(SHORT_SIDE / min(photo.size))), LONG_SIDE / max(photo.size))
    return (photo.copy(), 1.0) if scale == 1 else (_resized(photo, scale), scale)


def _resized(picture: Image.Image, scale: float) -> Image.Image:
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
