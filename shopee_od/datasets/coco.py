"""COCO JSON: `annotations.json` beside `images/`, as labelling tools export people's own labels."""

from __future__ import annotations

from pathlib import Path

from shopee_od.datasets.cache import photo_sizes
from shopee_od.datasets.cleaning import four_numbers, with_corners
from shopee_od.datasets.dataset import SPLITS, Dataset, Problems
from shopee_od.paths import inside, read_json
from shopee_od.types import TYPES, InputError

FILE = "annotations.json"
FOLDER = "images"


def read_coco(root: str | Path) -> Dataset:
    """The photos of `root/annotations.json` with their boxes; classes in the order of their ids.

    Ids may start at 0 and leave gaps. `bbox` is [x, y, width, height] in pixels of the upright photo. Read
    beside COCO's own fields: `ignore` (1: the box neither counts nor costs), `clothes_type` (upper, lower or
    full; else the category's `supercategory` where that is one of them) and an image's `split`.

    1. Where no image has a split, of each ten photos in the order of their ids the 2nd is val, the 3rd and
       8th are test: photos added at the end move none. Photos of one garment need a split, to stay together.
    2. A bad box is dropped alone, its photo stays.
    3. A photo whose width and height are not those of the upright file is left out: its boxes were drawn on
       another picture.

    Raises InputError where the file is not of the format or an id stands for two; single bad entries are
    dropped, counted in `problems`.
    """
    file = Path(root) / FILE
    return from_content("coco", Path(root), file, FOLDER, read_json(file), Problems())


def from_content(
    name: str,
    root: Path,
    file: Path,
    folder: str,
    content: object,
    problems: Problems,
    places: list[str] | None = None,
) -> Dataset:
    """What a COCO JSON `file` holds -> the data set `name`, its photos below root/folder; as `read_coco` says.

    places: what problems call each annotation, where it is not its number in `content`.
    """
    categories, images = (_by_id(file, content, key, problems) for key in ("categories", "images"))
    annotations = entries(file, content, "annotations")
    photos = _with_splits(_photos(root / folder, images, problems), images, problems)
    places = places or [f"annotations[{k}]" for k in range(len(annotations))]
    boxes = _boxes(annotations, places, photos, categories, images, problems)
    return Dataset.build(name, root, _names(file, categories), photos.values(), boxes, problems)


def entries(file: Path, content: object, key: str) -> list[dict]:
    """The list of objects that stands under `key`. Raises InputError where there is none."""
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InputError(f"{file}: no list of objects named {key!r}; export it as COCO JSON")
    return found


def _by_id(file: Path, content: object, key: str, problems: Problems) -> dict[int, dict]:
    """The entries of `key` by their ids, in the order of the ids."""
    found = {}
    for row, entry in enumerate(entries(file, content, key)):
        number = entry.get("id")
        if type(number) is not int or abs(number) >= 2**63:
            problems.add(f"entry of {key} without a whole number as id: dropped", f"{key}[{row}]")
        elif number in found:
            raise InputError(f"{file}: {key}[{row}] has the id {number} of another one; make ids unique")
        else:
            found[number] = entry
    return dict(sorted(found.items()))


def _names(file: Path, categories: dict[int, dict]) -> list[str]:
    names = [category.get("name") for category in categories.values()]
    for number, name in zip(categories, names, strict=True):
        if not isinstance(name, str) or not name or names.count(name) > 1:
            raise InputError(f"{file}: category {number} needs a name of its own, not {name!r}; rename it")
    return names


def _photos(folder: Path, images: dict[int, dict], problems: Problems) -> dict[int, dict]:
    """A row for each image whose file is there below `folder`, of the size that its entry says."""
    named = {}
    for number, image in images.items():
        name = image.get("file_name")
        try:
            path = inside(folder, name if isinstance(name, str) else "", f"image {number}")
        except InputError as e:
            problems.add("file_name absent or leaving images/: photo left out", str(e))
        else:
            named[number] = str(path.relative_to(folder))
    photos = {}
    for (number, name), size in zip(named.items(), photo_sizes(folder, list(named.values())), strict=True):
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"image {number}: {size}")
        elif _same_size(images[number], size, f"image {number}, {name}", problems):
            row = {
                "image_id": number,
                "path": str(folder / name),
                "split": images[number].get("split") or None,
            }
            photos[number] = row | dict(zip(("width", "height"), size, strict=True))
    return photos


def _same_size(image: dict, size: tuple[int, int], where: str, problems: Problems) -> bool:
    said = tuple(size[i] if image.get(key) is None else image[key] for i, key in enumerate(("width", "height")))
    if said == size:
        return True
    turned = "labelled before its EXIF turn: photo left out" if said == size[::-1] else "photo left out"
    problems.add(f"width and height are not those of the upright photo, {turned}; label it anew", where)
    return False


def split_by_place(place: int) -> str:
    """The split of a photo by its place from 0: of each ten the 2nd is val, the 3rd and 8th are test."""
    return {1: "val", 2: "test", 7: "test"}.get(place % 10, "train")


def _with_splits(photos: dict[int, dict], images: dict[int, dict], problems: Problems) -> dict[int, dict]:
    """`split` of each row is one of SPLITS or ""; by the image's place in the file where none has one.

    Places count photos that are absent too: fetched later, they move no other into another split.
    """
    if not any(image.get("split") for image in images.values()):
        for place, number in enumerate(images):
            if number in photos:
                photos[number]["split"] = split_by_place(place)
    for number, row in photos.items():
        if row["split"] is None:
            problems.add("no split, where other photos have one: photo in no split", f"image {number}")
        elif row["split"] not in SPLITS:
            problems.add("split that is not train, val or test: photo in no split", f"image {number}: {row['split']!r}")
        row["split"] = row["split"] if row["split"] in SPLITS else ""
    return photos


def _boxes(
    annotations: list[dict],
    places: list[str],
    photos: dict[int, dict],
    categories: dict[int, dict],
    images: dict[int, dict],
    problems: Problems,
) -> list[dict]:
    """A row for each annotation of use; `box_id` is its place in the file."""
    labels = {number: label for label, number in enumerate(categories)}
    rows = []
    for box_id, annotation in enumerate(annotations):
        image_id, category_id = annotation.get("image_id"), annotation.get("category_id")
        if type(image_id) is not int or image_id not in images:
            problems.add("box of an image that is not in the file: dropped", places[box_id])
        elif type(category_id) is not int or category_id not in categories:
            problems.add("box of a category that is not in the file: dropped", places[box_id])
        elif image_id in photos:  # those left out were counted as photos
            kind = annotation.get("clothes_type"), categories[category_id].get("supercategory")
            row = {"box_id": box_id, "image_id": image_id, "label": labels[category_id]}
            row |= {key: annotation.get(key) in (1, True) for key in ("ignore", "iscrowd")}
            row["type"] = next((name for name in kind if name in TYPES), "")
            rows.append(row)
    given = [_corners(annotations[row["box_id"]]) for row in rows]
    sizes = [(photos[row["image_id"]]["width"], photos[row["image_id"]]["height"]) for row in rows]
    return with_corners(rows, given, sizes, [places[row["box_id"]] for row in rows], problems)


def _corners(annotation: dict) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of an annotation's bbox; NaN where it is no four numbers."""
    x, y, width, height = four_numbers(annotation.get("bbox"))
    return x, y, x + width, y + height
