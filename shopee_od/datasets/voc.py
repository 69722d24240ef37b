"""Pascal VOC: an XML file a photo, as LabelImg and its like write it.

Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010. On
disk: `Annotations/*.xml`, the photos in `JPEGImages/`, and where there are splits `ImageSets/Main/train.txt`,
`val.txt` and `test.txt`, a photo's name a row.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from shopee_od.datasets.cache import photo_sizes
from shopee_od.datasets.cleaning import four_numbers, with_corners
from shopee_od.datasets.coco import split_by_place
from shopee_od.datasets.dataset import SPLITS, Dataset, Problems
from shopee_od.paths import inside
from shopee_od.types import InputError

PHOTOS = "JPEGImages"
_BOX = ("xmin", "ymin", "xmax", "ymax")


def read_voc(root: str | Path) -> Dataset:
    """The photo of each annotation with its boxes; classes in the order of their names.

    1. Corners are inclusive and count from 1: the first column of pixels is xmin 1, so x1 = xmin - 1 and x2 = xmax.
    2. A photo is `filename` in JPEGImages/, whatever folder the annotation names besides; else one named as the XML.
    3. `difficult` 1 makes an ignore box.
    4. Splits come from ImageSets/Main; where there is none of its files, they go by the photos' order as in COCO JSON.

    Raises InputError where there are no annotations; single bad files and boxes are dropped, counted in `problems`.
    """
    root, problems = Path(root), Problems()
    files = sorted((root / "Annotations").glob("*.xml"))
    if not files:
        raise InputError(f"{root}: no Annotations/*.xml; name the folder that holds Annotations/ and {PHOTOS}/")
    parsed = [(file, tree) for file in files if (tree := _parsed(file, problems)) is not None]
    names = [_photo(root, file, tree, problems) for file, tree in parsed]
    split_of = _splits(root, [file.stem for file, _ in parsed], problems)
    images, rows, given, limits, places = [], [], [], [], []
    for number, ((file, tree), name, size) in enumerate(
        zip(parsed, names, photo_sizes(root / PHOTOS, names), strict=True)
    ):
        place = f"Annotations/{file.name}"
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"{place}: {size}")
            continue
        if not _same_size(tree, size, place, problems):
            continue
        row = {"image_id": number, "path": str(root / PHOTOS / name), "width": size[0], "height": size[1]}
        images.append(row | {"split": split_of[file.stem]})
        for k, found in enumerate(tree.iter("object")):
            name_of = (found.findtext("name") or "").strip()
            if not name_of:
                problems.add("object without a name: dropped", f"{place} object {k}")
                continue
            ignore = (found.findtext("difficult") or "").strip() == "1"
            rows.append({"image_id": number, "box_id": len(rows), "name": name_of, "ignore": ignore})
            given.append(_corners(found.find("bndbox")))
            limits.append(size)
            places.append(f"{place} object {k}")
    classes = sorted({row["name"] for row in rows})
    boxes = [row | {"label": classes.index(row["name"])} for row in with_corners(rows, given, limits, places, problems)]
    return Dataset.build("voc", root, classes, images, boxes, problems)


def _parsed(file: Path, problems: Problems) -> ElementTree.Element | None:
    """The file's root element. A document type is refused: entities can make gigabytes of a few bytes."""
    try:
        text = file.read_bytes()
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text or text.startswith((b"\xff\xfe", b"\xfe\xff")):
            problems.add("annotation with a document type, or not in UTF-8: photo left out", f"Annotations/{file.name}")
            return None
        return ElementTree.fromstring(text)
    except (OSError, ElementTree.ParseError, ValueError, LookupError, RecursionError) as e:
        problems.add("annotation not readable: photo left out", f"Annotations/{file.name}: {e}")
        return None


def _photo(root: Path, file: Path, tree: ElementTree.Element, problems: Problems) -> str:
    """The photo's name in JPEGImages/; from `filename`, of which tools write whole paths at times, the last part."""
    said = (tree.findtext("filename") or "").replace("\\", "/").rpartition("/")[2].strip()
    for name in (said, f"{file.stem}.jpg"):
        try:
            if (inside(root / PHOTOS, name, f"Annotations/{file.name}")).is_file():
                return name
        except (InputError, OSError, ValueError):
            continue
    return f"{file.stem}.jpg"


def _same_size(tree: ElementTree.Element, size: tuple[int, int], place: str, problems: Problems) -> bool:
    """Whether the boxes were drawn on this picture; tools that do not know the size write 0, or nothing."""
    said = tuple((tree.findtext(f"size/{key}") or "0").strip() for key in ("width", "height"))
    if said in (("0", "0"), tuple(map(str, size))):
        return True
    problems.add("size is not that of the upright photo: photo left out; label it anew", place)
    return False


def _splits(root: Path, names: list[str], problems: Problems) -> dict[str, str]:
    folder = root / "ImageSets" / "Main"
    listed = {split: folder / f"{split}.txt" for split in SPLITS}
    if not any(file.is_file() for file in listed.values()):
        return {name: split_by_place(place) for place, name in enumerate(names)}
    split_of = {}
    for split, file in listed.items():  # test last, so that a name in two lists is kept out of training
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
        for name in (line.split()[0] for line in lines if line.split()):
            if split_of.get(name, split) != split:
                problems.add("photo in two splits: kept out of training", f"{file.name}: {name}")
            split_of[name] = split
    return {name: split_of.get(name, "") for name in names}


def _corners(box: ElementTree.Element | None) -> tuple[float, ...]:
    """x1, y1, x2, y2, exclusive; NaN where they are no numbers."""
    x1, y1, x2, y2 = four_numbers(None if box is None else [box.findtext(key) for key in _BOX])
    return x1 - 1, y1 - 1, x2, y2
