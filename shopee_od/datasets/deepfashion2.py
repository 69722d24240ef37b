"""DeepFashion2: 491,000 photos of shops and customers, all garments of 13 classes boxed.

Ge, Zhang, Wang, Tang and Luo, "DeepFashion2: A Versatile Benchmark for Detection, Pose Estimation,
Segmentation and Re-Identification of Clothing Images", CVPR 2019. On disk: `train/` and
`validation/`, each with one JSON file per photo, `annos/NNNNNN.json`, and `image/NNNNNN.jpg`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeGuard

from shopee_od.datasets.cleaning import add_corners, parse_four_numbers
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.io import read_json

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
_PAIRS_PER_VAL_PAIR = 10


def read_deepfashion2(root: str | Path) -> Dataset:
    """Reads every photo with all its garments, numbered through both folders, train first.

    1. `validation/` is the labeled folder that training does not see, so it is the test split; of
       train, the pairs whose number ends in 1 are the validation split. A pair's photos show one
       garment, so they stay together.
    2. A garment is a key that starts with "item", in the order of its number.
    3. `bounding_box` is x1, y1, x2, y2, taken as exclusive; style, landmarks and outlines are not
       read.

    Args:
        root: the folder with train/ or validation/.
    Returns:
        The data set; single bad files and garments are dropped and counted in `problems`.
    Raises:
        InputError: neither folder is there.
    """
    root = Path(root)
    problems = ProblemLog()
    files = [
        file for folder in _FOLDERS for file in sorted((root / folder / "annos").glob("*.json"))
    ]
    if not files:
        raise InputError(
            f"{root}: no train/annos/*.json and no validation/annos/*.json; "
            "unpack the data set there"
        )
    photos = [f"{file.parts[-3]}/image/{file.stem}.jpg" for file in files]
    images: list[dict] = []
    rows: list[dict] = []
    boxes = []
    sizes = []
    locations = []
    for number, (file, photo, size) in enumerate(
        zip(files, photos, photo_sizes(root, photos), strict=True)
    ):
        location = f"{file.parts[-3]}/annos/{file.name}"
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"{location}: {size}")
            continue
        content = _read_annotation(file, location, problems)
        if content is None:
            continue
        images.append(
            _image_row(content, file.parts[-3], location, problems)
            | {"image_id": number, "path": str(root / photo), "width": size[0], "height": size[1]}
        )
        for key in _item_keys(content):
            row = _box_row(content[key])
            if row is None:
                kind = "garment without a category_id of 1 to 13: dropped"
                problems.add(kind, f"{location} {key}", number)
                continue
            rows.append(row | {"image_id": number, "box_id": len(rows)})
            boxes.append(parse_four_numbers(content[key].get("bounding_box")))
            sizes.append(size)
            locations.append(f"{location} {key}")
    rows = add_corners(rows, boxes, sizes, locations, problems)
    return Dataset.build("deepfashion2", root, _NAMES, images, rows, problems)


def _read_annotation(file: Path, location: str, problems: ProblemLog) -> dict | None:
    try:
        content = read_json(file)
        if isinstance(content, dict):
            return content
        raise InputError(f"{location}: not one JSON object")
    except InputError as e:
        problems.add("annotation not readable: photo left out", str(e))
        return None


def _image_row(content: dict, folder: str, location: str, problems: ProblemLog) -> dict:
    """split, source and item of a photo."""
    pair = content.get("pair_id")
    source = _SOURCES.get(str(content.get("source")), "")
    if not source:
        problems.add("source that is not shop or user: left open", location)
    if not _is_whole(pair):
        problems.add("pair_id that is no number: left open", location)
    item = str(pair) if _is_whole(pair) else ""
    return {"split": _assign_split(folder, pair), "source": source, "item": item}


def _assign_split(folder: str, pair: object) -> str:
    if folder == "validation":
        return "test"
    return "val" if _is_whole(pair) and pair % _PAIRS_PER_VAL_PAIR == 1 else "train"


def _item_keys(content: dict) -> list[str]:
    keys = [key for key in content if re.fullmatch(r"item\d{1,9}", key)]
    return sorted(keys, key=lambda key: int(key.removeprefix("item")))


def _box_row(item: object) -> dict | None:
    """label and type of a garment; None where its category is none."""
    category = item.get("category_id") if isinstance(item, dict) else None
    if not _is_whole(category) or not 1 <= category <= len(CLASSES):
        return None
    return {"label": category - 1, "type": CLASSES[_NAMES[category - 1]]}


def _is_whole(value: object) -> TypeGuard[int]:
    return type(value) is int and abs(value) < 2**63
