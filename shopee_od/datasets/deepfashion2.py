"""DeepFashion2: 491,000 photos of shops and customers, every garment of 13 classes boxed; a JSON file a photo.

Ge, Zhang, Wang, Tang and Luo, "DeepFashion2: A Versatile Benchmark for Detection, Pose Estimation, Segmentation and
Re-Identification of Clothing Images", CVPR 2019. On disk: `train/` and `validation/`, each with `annos/NNNNNN.json` and
`image/NNNNNN.jpg`.
"""

from __future__ import annotations

import re
from pathlib import Path

from shopee_od.datasets.cache import photo_sizes
from shopee_od.datasets.cleaning import four_numbers, with_corners
from shopee_od.datasets.dataset import Dataset, Problems
from shopee_od.paths import read_json
from shopee_od.types import InputError

CLASSES = {
    "short sleeve top": "upper",
    "long sleeve top": "upper",
    "short sleeve outwear": "upper",
    "long sleeve outwear": "upper",
    "vest": "upper",
    "sling": "upper",
    "shorts": "lower",
    "trousers": "lower",
    "skirt": "lower",
    "short sleeve dress": "full",
    "long sleeve dress": "full",
    "vest dress": "full",
    "sling dress": "full",
}
"""Class -> where it is worn, in the order of the files' category_id, which counts from 1."""

_NAMES = tuple(CLASSES)
_SOURCES = {"shop": "shop", "user": "consumer"}
_FOLDERS = ("train", "validation")
_HELD_OUT = 10  # of so many pairs one is for validation


def read_deepfashion2(root: str | Path) -> Dataset:
    """Every photo with all its garments; photos are numbered through both folders, those of train first.

    1. `validation/` is the one labelled folder that training does not see, so it is the test split; of train, the pairs
       whose number ends in 1 are the validation split: a pair's photos show one garment, and stay together.
    2. A garment is a key that starts with "item", in the order of its number; keys stand in any order.
    3. `bounding_box` is x1, y1, x2, y2, taken as exclusive; style, landmarks and outlines are left aside.

    Raises InputError where neither folder is there; single bad files and garments are dropped, counted in `problems`.
    """
    root, problems = Path(root), Problems()
    files = [file for folder in _FOLDERS for file in sorted((root / folder / "annos").glob("*.json"))]
    if not files:
        raise InputError(f"{root}: no train/annos/*.json and no validation/annos/*.json; unpack the data set there")
    photos = [f"{file.parts[-3]}/image/{file.stem}.jpg" for file in files]
    images, boxes, given, sizes, places = [], [], [], [], []
    for number, (file, name, size) in enumerate(zip(files, photos, photo_sizes(root, photos), strict=True)):
        place = f"{file.parts[-3]}/annos/{file.name}"
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"{place}: {size}")
            continue
        try:
            content = read_json(file)
            if not isinstance(content, dict):
                raise InputError(f"{place}: not one JSON object")
        except InputError as e:
            problems.add("annotation not readable: photo left out", str(e))
            continue
        pair = content.get("pair_id")
        row = {"image_id": number, "path": str(root / name), "width": size[0], "height": size[1]}
        row |= {"split": _split(file.parts[-3], pair), "source": _SOURCES.get(str(content.get("source")), "")}
        images.append(row | {"item": str(pair) if _whole(pair) else ""})
        if not row["source"]:
            problems.add("source that is not shop or user: left open", place)
        if not _whole(pair):
            problems.add("pair_id that is no number: left open", place)
        for key in sorted((k for k in content if re.fullmatch(r"item\d{1,9}", k)), key=lambda k: int(k[4:])):
            garment = _garment(content[key], number)
            if garment is None:
                problems.add("garment without a category_id of 1 to 13: dropped", f"{place} {key}")
            else:
                boxes.append(garment | {"box_id": len(boxes)})
                given.append(four_numbers(content[key].get("bounding_box")))
                sizes.append(size)
                places.append(f"{place} {key}")
    boxes = with_corners(boxes, given, sizes, places, problems)
    return Dataset.build("deepfashion2", root, _NAMES, images, boxes, problems)


def _whole(value) -> bool:
    return type(value) is int and abs(value) < 2**63


def _split(folder: str, pair) -> str:
    if folder == "validation":
        return "test"
    return "val" if _whole(pair) and pair % _HELD_OUT == 1 else "train"


def _garment(item, image_id: int) -> dict | None:
    category = item.get("category_id") if isinstance(item, dict) else None
    if not _whole(category) or not 1 <= category <= len(CLASSES):
        return None
    return {"image_id": image_id, "label": category - 1, "type": CLASSES[_NAMES[category - 1]]}
