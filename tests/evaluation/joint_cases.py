"""Two data sets, a taxonomy of their classes, and detections on them."""

from types import SimpleNamespace

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.structures import Detections

TAXONOMY = """
shop:
  upper: {Tops: [top, shirt], Outerwear: [coat]}
  lower: {Skirts: [skirt]}
gaps:
  Swimwear: [bikini]
classes:
  street: {blouse: [top, shirt], coat: coat, mini: skirt}
  home: {tank: top, shirt: shirt, tee: top, coat: coat, bikini: bikini, hat: null}
  own: {top: top, shirt: shirt, coat: coat, skirt: skirt}
"""
CLASSES = ("top", "shirt", "coat", "skirt")
TYPES = ("upper", "upper", "upper", "lower")


def write_taxonomy(folder, text=TAXONOMY):
    """The taxonomy of a text, read from a file in a folder."""
    (folder / "taxonomy.yaml").write_text(text)
    return read_taxonomy(folder / "taxonomy.yaml")


def make_detector(trained_on="street+home", classes=CLASSES, types=TYPES):
    return SimpleNamespace(
        classes=classes,
        types=types,
        threshold=0.5,
        name="d",
        metadata={"dataset": trained_on} if trained_on else {},
    )


def make_box(k):
    return [100.0 * k, 0.0, 100.0 * k + 50, 80.0]


def make_dataset(name, classes, *rows, image_id=5):
    """One image; row k is class, type and further columns of the k-th box from the left."""
    images = [{"image_id": image_id, "path": f"/{name}.jpg", "width": 999, "height": 99}]
    boxes = [
        {"box_id": k, "image_id": image_id, "label": classes.index(c), "type": t}
        | dict(zip(("x1", "y1", "x2", "y2"), make_box(k), strict=True))
        | dict.fromkeys(flags, True)
        for k, (c, t, *flags) in enumerate(rows)
    ]
    return Dataset.build(name, f"/{name}", classes, images, boxes)


def make_street():
    classes = ("blouse", "coat", "mini")
    return make_dataset("street", classes, ("blouse", "upper"), ("mini", "lower"))


def make_home():
    """A box of each class: a tank top, a shirt, a coat, a bikini and a hat."""
    classes = ("tank", "shirt", "tee", "coat", "bikini", "hat")
    upper = [(name, "upper") for name in ("tank", "shirt", "coat")]
    return make_dataset("home", classes, *upper, ("bikini", "lower"), ("hat", ""), image_id=8)


def make_detections(*rows):
    """Rows of (k, label, score), each exactly on box k."""
    boxes = [make_box(k) for k, _, _ in rows]
    return Detections(
        np.array(boxes).reshape(-1, 4), [row[2] for row in rows], [row[1] for row in rows]
    )
