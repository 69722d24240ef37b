"""Small rendered photos with a box file in the format of the package's, for several tests."""

import csv
import uuid
from pathlib import Path

import numpy as np
from PIL import Image

from shopee_od.datasets.clothing import COLUMNS
from shopee_od.datasets.duplicates import perceptual_hash

ROWS = (  # split, label, garment, label_certain, box
    ("train", "T-Shirt", "t-shirt", 1, (0.1, 0.2, 0.9, 0.8)),
    ("val", "Pants", "trousers", 0, (0.25, 0.0, 0.75, 1.0)),
    ("test", "Dress", "dress", 1, (0.0, 0.05, 0.5, 0.95)),
    ("train", "Shoes", "", "", ()),
    ("train", "Outwear", "other", 0, (0.3, 0.1, 0.7, 0.9)),
)


def photo_id(k: int) -> str:
    return str(uuid.UUID(int=k))


def render(k: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """The k-th picture, the same at any size."""
    cells = np.random.default_rng(k).integers(0, 255, (8, 6, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def write_photos(root: Path, size: tuple[int, int] = (60, 80)) -> list[Path]:
    """The photos of ROWS as ROOT/images/ID.jpg."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    photos = [root / "images" / f"{photo_id(k)}.jpg" for k in range(len(ROWS))]
    for k, photo in enumerate(photos):
        render(k, size).save(photo, quality=90)
    return photos


def write_box_file(file: Path, photos: list[Path]) -> None:
    """The box file of `photos`, 60 × 80 pixels each, with ROWS."""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for photo, (split, label, garment, certain, box) in zip(photos, ROWS, strict=True):
            row = {"image": photo.stem, "width": 60, "height": 80, "split": split, "label": label}
            row |= {"phash": perceptual_hash(photo), "sender_id": 3, "kids": 0}
            row |= {"garment": garment, "label_certain": certain}
            corners = dict(zip(("x1", "y1", "x2", "y2"), box or [""] * 4, strict=True))
            writer.writerow(row | corners | {"box_source": "eye" if box else ""})
