"""ModaNet and Fashionpedia: COCO JSON with classes of their own, in several files, in which ids may start at 0.

Zheng, Yang, Kiapour and Piramuthu, "ModaNet: A Large-Scale Street Fashion Dataset with Polygon Annotations", ACM
Multimedia 2018. Jia et al., "Fashionpedia: Ontology, Segmentation, and an Attribute Localization Dataset", ECCV 2020.
"""

from __future__ import annotations

from pathlib import Path

from shopee_od.datasets.coco import entries, from_content, split_by_place
from shopee_od.datasets.dataset import Dataset, Problems
from shopee_od.paths import read_json
from shopee_od.types import InputError

MODANET = {"outer": "upper", "dress": "full", "pants": "lower", "top": "upper", "shorts": "lower", "skirt": "lower"}
"""Class -> where it is worn. ModaNet's others are bags, belts, shoes, hats, scarves and glasses."""
MODANET_FILE = "modanet2018_instances_train.json"

FASHIONPEDIA = {
    "shirt, blouse": "upper",
    "top, t-shirt, sweatshirt": "upper",
    "sweater": "upper",
    "cardigan": "upper",
    "jacket": "upper",
    "vest": "upper",
    "pants": "lower",
    "shorts": "lower",
    "skirt": "lower",
    "coat": "upper",
    "dress": "full",
    "jumpsuit": "full",
    "cape": "upper",
}
"""Class -> where it is worn. Fashionpedia's others are accessories, and parts of garments (sleeve, collar, pocket)."""
FASHIONPEDIA_FILES = {  # file -> the folder of its photos, and the split: None is train, every tenth photo of it val
    "instances_attributes_train2020.json": ("train", None),
    "instances_attributes_val2020.json": ("test", "test"),
}


def read_modanet(root: str | Path) -> Dataset:
    """ModaNet's training photos in images/, its one labelled file; splits go by the photos' order, as in COCO JSON.

    Raises InputError where the file is absent or not of the format; single bad entries are counted in `problems`.
    """
    root, problems = Path(root), Problems()
    file = root / MODANET_FILE
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; put ModaNet's annotations there")
    content, places = _garments(file, read_json(file), MODANET, problems)
    return from_content("modanet", root, file, "images", content, problems, places)


def read_fashionpedia(root: str | Path) -> Dataset:
    """Fashionpedia's train2020 and val2020. Its val is the labelled part that training does not see: the test split.

    Photos are numbered anew, through both files, since either counts its own; of each ten of train the second is val.
    Raises InputError where neither file is there, or one is not of the format.
    """
    root, problems = Path(root), Problems()
    there = [root / name for name in FASHIONPEDIA_FILES if (root / name).is_file()]
    if not there:
        raise InputError(f"{root}: no {' and no '.join(FASHIONPEDIA_FILES)}; put Fashionpedia's annotations there")
    images, annotations, places, categories = [], [], [], []
    for file in there:
        folder, split = FASHIONPEDIA_FILES[file.name]
        content, own_places = _garments(file, read_json(file), FASHIONPEDIA, problems)
        if categories and categories != content["categories"]:
            raise InputError(f"{file}: its categories are not those of {there[0].name}; fetch both anew")
        categories = content["categories"]
        new = {}
        for image in content["images"]:
            number = image.get("id")
            if type(number) is not int or number in new:
                problems.add("image without an id of its own: left out", f"{file.name}: {str(number)[:40]}")
                continue
            new[number] = len(images)
            named = f"{folder}/{image['file_name']}" if isinstance(image.get("file_name"), str) else None
            own = split or ("val" if split_by_place(new[number]) == "val" else "train")
            images.append(image | {"id": new[number], "file_name": named, "split": own})
        for box in content["annotations"]:
            number = box.get("image_id")
            annotations.append(box | {"image_id": new.get(number) if type(number) is int else None})
        places += own_places
    content = {"images": images, "annotations": annotations, "categories": categories}
    return from_content("fashionpedia", root, there[0], "", content, problems, places)


def _garments(
    file: Path, content: object, types: dict[str, str], problems: Problems
) -> tuple[dict[str, list], list[str]]:
    """The file with only the classes of `types`, each with its type, and where its boxes stand there.

    Boxes of others are counted and left out.
    """
    every = entries(file, content, "categories")
    kept = [c for c in every if isinstance(c.get("name"), str) and c["name"] in types]
    categories = [category | {"supercategory": types[category["name"]]} for category in kept]
    if len(categories) < len(types):
        missing = sorted(types.keys() - {category["name"] for category in categories})
        raise InputError(f"{file}: no category {missing[0]!r}; fetch the file anew")
    ids, ours = ({c.get("id") for c in some if isinstance(c.get("id"), int)} for some in (every, kept))
    others = ids - ours
    boxes, places = [], []
    for row, box in enumerate(entries(file, content, "annotations")):
        if type(box.get("category_id")) is int and box["category_id"] in others:
            problems.add("accessory or part of a garment: left out", f"{file.name} annotations[{row}]")
        else:
            boxes.append(box)
            places.append(f"{file.name} annotations[{row}]")
    images = entries(file, content, "images")
    return {"images": images, "annotations": boxes, "categories": categories}, places
