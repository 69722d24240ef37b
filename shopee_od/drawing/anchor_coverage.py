"""Ground truth that no anchor overlaps enough: each box in red with its best anchor in orange."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from shopee_od.datasets.check import DataCheck
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.drawing.boxes import Layer, draw_layers
from shopee_od.drawing.contact_sheet import make_contact_sheet

CONTEXT = 2.5
"""How far a crop reaches from the center of a box, in units of the box's longer side."""
ANCHOR_CORNERS = ["a1", "b1", "a2", "b2"]


def draw_uncovered_boxes(
    check: DataCheck, dataset: Dataset, max_boxes: int = 24
) -> Image.Image | None:
    """Draws boxes that no anchor covers, the lowest best IoU first, each in a crop of its photo.

    Args:
        check: the result of the data-set check.
        dataset: the data set that was checked.
        max_boxes: how many boxes are drawn at most.
    Returns:
        A contact sheet, or None where each box has an anchor.
    """
    paths = dict(zip(dataset.images.image_id, dataset.images.path, strict=True))
    crops = []
    captions = []
    for row in check.uncovered.head(max_boxes).to_dict("records"):
        path = Path(paths[row["image_id"]])
        box = np.array([row[name] for name in CORNERS]) / row["scale"]
        anchor = np.array([row[name] for name in ANCHOR_CORNERS]) / row["scale"]
        crop, offset = _crop_around(read_photo(path), box)
        layers = [
            Layer((anchor - offset)[None], "before"),
            Layer((box - offset)[None], "uncovered"),
        ]
        crops.append(draw_layers(crop, layers))
        class_name = dataset.label_names[row["label"]]
        captions.append(
            f"{path.parent.name}/{path.name}: {class_name}, best anchor IoU {row['best']:.2f}"
        )
    return make_contact_sheet(crops, columns=4, captions=captions, cell=320) if crops else None


def _crop_around(photo: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo around a box, and x, y, x, y of the crop's upper left corner."""
    reach = CONTEXT * max(box[2] - box[0], box[3] - box[1])
    x, y = (box[:2] + box[2:]) / 2
    x1 = int(max(0, x - reach))
    y1 = int(max(0, y - reach))
    crop = photo[y1 : int(y + reach) + 1, x1 : int(x + reach) + 1]
    return crop, np.array([x1, y1, x1, y1])
