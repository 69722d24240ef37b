"""COCO JSON: `annotations.json` with `images/`, as labeling tools export labels of your own.

What ModaNet and Fashionpedia share with it, whose files are COCO JSON too, is here as well.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; format:
https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shopee_od.datasets.cleaning import add_corners, parse_four_numbers
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS, assign_split
from shopee_od.errors import InputError
from shopee_od.io import path_inside, read_json
from shopee_od.structures import GARMENT_TYPES

FILE = "annotations.json"
FOLDER = "images"


def read_coco(root: str | Path) -> Dataset:
    """Reads the photos of `root/annotations.json` with their boxes; classes in the order of ids.

    Ids may start at 0 and leave gaps. `bbox` is [x, y, width, height] in pixels of the upright
    photo. Three fields that COCO does not have are read too: `ignore` (1: the box is neither
    trained on nor evaluated), `clothes_type` (upper, lower or full; else the category's
    `supercategory`, where it is one of these) and an image's `split`.

    1. Where no image has a split, `assign_split` gives them in the order of the ids. Photos of one
       garment need a split, to stay together.
    2. A bad box is dropped alone. Its photo stays, and nothing else in it is taken for background
       (`add_ignore_regions`).
    3. A photo whose width and height are not those of the upright file is left out: its boxes were
       drawn on another picture.

    Args:
        root: the folder with annotations.json and images/.
    Returns:
        The data set; single bad entries are dropped and counted in `problems`.
    Raises:
        InputError: the file is not of the format, or an id is used twice.
    """
    file = Path(root) / FILE
    return build_dataset("coco", Path(root), file, FOLDER, read_json(file), ProblemLog())


def build_dataset(
    name: str,
    root: Path,
    file: Path,
    folder: str,
    content: object,
    problems: ProblemLog,
    locations: list[str] | None = None,
) -> Dataset:
    """The data set of a COCO JSON file's content, by the rules of `read_coco`.

    Args:
        name: of the data set.
        root: its folder.
        file: for the messages.
        folder: of the photos, below `root`.
        content: of `file`, parsed.
        problems: to count what is dropped in.
        locations: what `problems` calls each annotation; by default its number in `content`.
    Returns:
        The data set; single bad entries are dropped and counted in `problems`.
    Raises:
        InputError: as `read_coco`.
    """
    categories = _index_by_id(file, content, "categories", problems)
    images = _index_by_id(file, content, "images", problems)
    annotations = get_entries(file, content, "annotations")
    photos = _read_photos(root / folder, images, problems)
    _add_splits(photos, images, problems)
    locations = locations or [f"annotations[{k}]" for k in range(len(annotations))]
    boxes = _read_boxes(annotations, locations, photos, categories, images, problems)
    classes = _class_names(file, categories)
    return Dataset.build(name, root, classes, photos.values(), boxes, problems)


def get_entries(file: Path, content: object, key: str) -> list[dict]:
    """The list of objects under a key of the content of a COCO JSON file.

    Args:
        file: for the message.
        content: of `file`, parsed.
        key: such as images.
    Returns:
        The objects, in the file's order.
    Raises:
        InputError: there is none.
    """
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{file}: no list of objects named {key!r}; export it as COCO JSON")
    return entries


def select_garments(
    file: Path, content: object, types: Mapping[str, str], problems: ProblemLog
) -> tuple[dict[str, list[dict]], list[str]]:
    """The content of a COCO JSON file with the categories that are garments only.

    Args:
        file: for the messages.
        content: of `file`, parsed.
        types: garment category -> upper, lower or full.
        problems: to count boxes of other categories in.
    Returns:
        The images, and the categories and annotations of garments, each category with its type as
        `supercategory`; and the location of each annotation in the file.
    Raises:
        InputError: the file is not of the format, or a category is missing.
    """
    entries = get_entries(file, content, "categories")
    garments = [c for c in entries if isinstance(c.get("name"), str) and c["name"] in types]
    categories = [category | {"supercategory": types[category["name"]]} for category in garments]
    if len(categories) < len(types):
        missing = sorted(types.keys() - {category["name"] for category in categories})
        raise InputError(f"{file}: no category {missing[0]!r}; fetch the file again")
    other_ids = _whole_ids(entries) - _whole_ids(garments)
    annotations = []
    locations = []
    for row, annotation in enumerate(get_entries(file, content, "annotations")):
        location = f"{file.name} annotations[{row}]"
        category_id = annotation.get("category_id")
        if type(category_id) is int and category_id in other_ids:
            problems.add("accessory or part of a garment: left out", location)
        else:
            annotations.append(annotation)
            locations.append(location)
    images = get_entries(file, content, "images")
    return {"images": images, "annotations": annotations, "categories": categories}, locations


def _whole_ids(entries: list[dict]) -> set[int]:
    return {entry["id"] for entry in entries if isinstance(entry.get("id"), int)}


def _index_by_id(file: Path, content: object, key: str, problems: ProblemLog) -> dict[int, dict]:
    """The entries of `key` by their ids, in the order of the ids."""
    by_id = {}
    for row, entry in enumerate(get_entries(file, content, key)):
        number = entry.get("id")
        if type(number) is not int or abs(number) >= 2**63:
            problems.add(f"entry of {key} without a whole number as id: dropped", f"{key}[{row}]")
        elif number in by_id:
            raise InputError(
                f"{file}: {key}[{row}] has the id {number} of another one; make ids unique"
            )
        else:
            by_id[number] = entry
    return dict(sorted(by_id.items()))


def _class_names(file: Path, categories: dict[int, dict]) -> list[str]:
    names: list[str] = []
    for number, category in categories.items():
        name = category.get("name")
        if not isinstance(name, str) or not name or name in names:
            raise InputError(
                f"{file}: category {number} needs a name of its own, not {name!r}; rename it"
            )
        names.append(name)
    return names


def _read_photos(folder: Path, images: dict[int, dict], problems: ProblemLog) -> dict[int, dict]:
    """One row per image whose file is below `folder` and has the size that its entry gives."""
    names = {}
    for number, image in images.items():
        name = image.get("file_name")
        try:
            path = path_inside(folder, name if isinstance(name, str) else "", f"image {number}")
        except InputError as e:
            problems.add("file_name absent or leaving images/: photo left out", str(e))
        else:
            names[number] = str(path.relative_to(folder))
    photos = {}
    sizes = photo_sizes(folder, list(names.values()))
    for (number, name), size in zip(names.items(), sizes, strict=True):
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"image {number}: {size}")
        elif _has_size(images[number], size, f"image {number}, {name}", problems):
            photos[number] = {
                "image_id": number,
                "path": str(folder / name),
                "split": images[number].get("split") or None,
                "width": size[0],
                "height": size[1],
            }
    return photos


def _has_size(image: dict, size: tuple[int, int], where: str, problems: ProblemLog) -> bool:
    """Whether the entry's width and height, where it has them, are the upright photo's."""
    width, height = size
    labeled = (
        width if image.get("width") is None else image["width"],
        height if image.get("height") is None else image["height"],
    )
    if labeled == size:
        return True
    cause = "labeled before the EXIF rotation: " if labeled == (height, width) else ""
    problems.add(
        "width and height are not those of the upright photo, "
        f"{cause}photo left out; label it again",
        where,
    )
    return False


def _add_splits(photos: dict[int, dict], images: dict[int, dict], problems: ProblemLog) -> None:
    """Makes `split` of each photo's row one of SPLITS or "".

    Where no image has a split, positions count images without a photo too: a photo that is fetched
    later changes no other's split.
    """
    if not any(image.get("split") for image in images.values()):
        for position, number in enumerate(images):
            if number in photos:
                photos[number]["split"] = assign_split(position)
    for number, row in photos.items():
        if row["split"] is None:
            problems.add(
                "no split, where other photos have one: photo in no split", f"image {number}"
            )
        elif row["split"] not in SPLITS:
            problems.add(
                "split that is not train, val or test: photo in no split",
                f"image {number}: {row['split']!r}",
            )
        row["split"] = row["split"] if row["split"] in SPLITS else ""


def _read_boxes(
    annotations: list[dict],
    locations: list[str],
    photos: dict[int, dict],
    categories: dict[int, dict],
    images: dict[int, dict],
    problems: ProblemLog,
) -> list[dict]:
    """One row per usable annotation; `box_id` is its position in the file."""
    labels = {number: label for label, number in enumerate(categories)}
    rows: list[dict] = []
    for box_id, annotation in enumerate(annotations):
        image_id = annotation.get("image_id")
        category_id = annotation.get("category_id")
        if type(image_id) is not int or image_id not in images:
            problems.add("box of an image that is not in the file: dropped", locations[box_id])
        elif type(category_id) is not int or category_id not in categories:
            kind = "box of a category that is not in the file: dropped"
            problems.add(kind, locations[box_id], image_id)
        elif image_id in photos:  # those left out were counted as photos
            category = categories[category_id]
            types = (annotation.get("clothes_type"), category.get("supercategory"))
            rows.append(
                {
                    "box_id": box_id,
                    "image_id": image_id,
                    "label": labels[category_id],
                    "type": next((name for name in types if name in GARMENT_TYPES), ""),
                    "ignore": annotation.get("ignore") in (1, True),
                    "iscrowd": annotation.get("iscrowd") in (1, True),
                }
            )
    boxes = [_parse_bbox(annotations[row["box_id"]]) for row in rows]
    sizes = [(photos[row["image_id"]]["width"], photos[row["image_id"]]["height"]) for row in rows]
    return add_corners(rows, boxes, sizes, [locations[row["box_id"]] for row in rows], problems)


def _parse_bbox(annotation: dict) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of an annotation; NaN where its bbox is not four numbers."""
    x, y, width, height = parse_four_numbers(annotation.get("bbox"))
    return x, y, x + width, y + height
