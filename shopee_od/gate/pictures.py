"""Boxes that no anchor meets, each in its part of the photo: the box in red, its best anchor in orange."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.draw import Layer, contact_sheet, draw_layers
from shopee_od.gate.findings import Gate

CONTEXT = 2.5  # of the box's longer side that is shown to each side of its middle


def pictures(found: Gate, dataset: Dataset, most: int = 24) -> Image.Image | None:
    """A contact sheet of the worst `most` boxes that no anchor meets; None where every box has one."""
    worst = found.uncovered.head(most)
    names = dict(zip(dataset.images.image_id, dataset.images.path, strict=True))
    sheet, captions = [], []
    for row in worst.itertuples():
        path = Path(names[row.image_id])
        box = np.array([row.x1, row.y1, row.x2, row.y2]) / row.scale
        anchor = np.array([row.a1, row.b1, row.a2, row.b2]) / row.scale
        photo, corner = _around(read_photo(path), box)
        layers = [Layer((each - corner)[None], role) for each, role in ((anchor, "before"), (box, "unmet"))]
        sheet.append(draw_layers(photo, layers))
        captions.append(f"{path.parent.name}/{path.name}: {dataset.classes[row.label]}, best anchor IoU {row.best:.2f}")
    return contact_sheet(sheet, columns=4, captions=captions, cell=320) if sheet else None


def _around(photo: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a photo about a box, several times its size -> it, and x, y, x, y of its upper left corner."""
    reach = CONTEXT * max(box[2] - box[0], box[3] - box[1])
    x, y = (box[:2] + box[2:]) / 2
    left, top = int(max(0, x - reach)), int(max(0, y - reach))
    return photo[top : int(y + reach) + 1, left : int(x + reach) + 1], np.array([left, top, left, top])
