"""Fashionpedia: 46,781 photos, 13 classes of garments, accessories and parts, as COCO JSON.

Jia et al., "Fashionpedia: Ontology, Segmentation, and an Attribute Localization Dataset", ECCV
2020. On disk: `instances_attributes_train2020.json` with the photos in `train/`, and
`instances_attributes_val2020.json` with those in `test/`. Ids start at 0 in each file.
"""

from __future__ import annotations

from pathlib import Path

from shopee_od.datasets.coco import build_dataset, select_garments
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import assign_split
from shopee_od.errors import InputError
from shopee_od.io import read_json

CLASSES = {
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
"""Class -> where it is worn. The others are accessories, and parts of garments (sleeve, collar)."""

TRAIN_FILE = "instances_attributes_train2020.json"
VAL_FILE = "instances_attributes_val2020.json"
FOLDERS = {TRAIN_FILE: "train", VAL_FILE: "test"}
"""File -> the folder of its photos."""


def read_fashionpedia(root: str | Path) -> Dataset:
    """Reads train2020 and val2020, or the one of them that is there.

    1. val2020 is the labeled part that training does not see, so it is the test split; of every
       ten photos of train2020 the second is val.
    2. `image_id` is the photo's number through both files, since each counts its own from 0.

    Args:
        root: the folder with the annotations' files, train/ and test/.
    Returns:
        The data set; single bad entries are dropped and counted in `problems`.
    Raises:
        InputError: neither file is there, one is not of the format, or their categories differ.
    """
    root = Path(root)
    problems = ProblemLog()
    files = [root / name for name in FOLDERS if (root / name).is_file()]
    if not files:
        raise InputError(
            f"{root}: no {' and no '.join(FOLDERS)}; put Fashionpedia's annotations there"
        )
    images: list[dict] = []
    annotations: list[dict] = []
    locations: list[str] = []
    categories: list[dict] = []
    for file in files:
        content, file_locations = select_garments(file, read_json(file), CLASSES, problems)
        if categories and categories != content["categories"]:
            raise InputError(
                f"{file}: its categories are not those of {files[0].name}; fetch both again"
            )
        categories = content["categories"]
        new_ids = _renumber_images(file, content["images"], images, problems)
        for annotation in content["annotations"]:
            number = annotation.get("image_id")
            new_id = new_ids.get(number) if type(number) is int else None
            annotations.append(annotation | {"image_id": new_id})
        locations += file_locations
    content = {"images": images, "annotations": annotations, "categories": categories}
    return build_dataset("fashionpedia", root, files[0], "", content, problems, locations)


def _renumber_images(
    file: Path, new_images: list[dict], images: list[dict], problems: ProblemLog
) -> dict[int, int]:
    """Appends a file's images to `images`, with new ids and their splits -> old id: new id."""
    new_ids = {}
    for image in new_images:
        number = image.get("id")
        if type(number) is not int or number in new_ids:
            location = f"{file.name}: {str(number)[:40]}"
            problems.add("image without an id of its own: left out", location)
            continue
        new_id = len(images)
        new_ids[number] = new_id
        name = image.get("file_name")
        path = f"{FOLDERS[file.name]}/{name}" if isinstance(name, str) else None
        images.append(image | {"id": new_id, "file_name": path, "split": _split(file, new_id)})
    return new_ids


def _split(file: Path, position: int) -> str:
    if file.name == VAL_FILE:
        return "test"
    return "val" if assign_split(position) == "val" else "train"
