"""Pascal VOC: one XML file per photo, as LabelImg and similar tools write it.

Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes (VOC)
Challenge", IJCV 2010. On disk: `Annotations/*.xml`, the photos in `JPEGImages/`, and where there
are splits `ImageSets/Main/train.txt`, `val.txt` and `test.txt`, one photo's name per row.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from shopee_od.datasets.cleaning import add_corners, parse_four_numbers
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS, assign_split
from shopee_od.errors import InputError
from shopee_od.io import path_inside

PHOTOS = "JPEGImages"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(root: str | Path) -> Dataset:
    """Reads the photo of each annotation with its boxes; classes in the order of their names.

    1. Corners are inclusive and count from 1: the first column of pixels is xmin 1, so
       x1 = xmin - 1 and x2 = xmax.
    2. A photo is `filename` in JPEGImages/, without the folder that the annotation may name; else
       the photo named as the XML file.
    3. `difficult` 1 makes an ignore box.
    4. A bad box is dropped alone. Its photo stays, and nothing else in it is taken for background
       (`add_ignore_regions`).
    5. Splits come from ImageSets/Main; where none of its files is there, `assign_split` gives them
       in the order of the files.

    Args:
        root: the folder with Annotations/ and JPEGImages/.
    Returns:
        The data set; single bad files and boxes are dropped and counted in `problems`.
    Raises:
        InputError: there are no annotations.
    """
    root = Path(root)
    problems = ProblemLog()
    files = sorted((root / "Annotations").glob("*.xml"))
    if not files:
        raise InputError(
            f"{root}: no Annotations/*.xml; name the folder that holds Annotations/ and {PHOTOS}/"
        )
    annotations = _read_annotations(files, problems)
    names = [_photo_name(root, file, annotation) for file, annotation in annotations.items()]
    split_of = _read_splits(root, [file.stem for file in annotations], problems)
    images: list[dict] = []
    rows: list[dict] = []
    boxes = []
    sizes = []
    locations = []
    for number, (file, name, size) in enumerate(
        zip(annotations, names, photo_sizes(root / PHOTOS, names), strict=True)
    ):
        annotation = annotations[file]
        location = f"Annotations/{file.name}"
        if isinstance(size, InputError):
            problems.add("photo absent or not readable: left out", f"{location}: {size}")
            continue
        if not _has_size(annotation, size):
            kind = "size is not that of the upright photo: photo left out; label it again"
            problems.add(kind, location)
            continue
        images.append(
            {
                "image_id": number,
                "path": str(root / PHOTOS / name),
                "width": size[0],
                "height": size[1],
                "split": split_of[file.stem],
            }
        )
        for k, item in enumerate(annotation.iter("object")):
            class_name = (item.findtext("name") or "").strip()
            if not class_name:
                problems.add("object without a name: dropped", f"{location} object {k}", number)
                continue
            ignore = (item.findtext("difficult") or "").strip() == "1"
            row = {"image_id": number, "box_id": len(rows), "class": class_name, "ignore": ignore}
            rows.append(row)
            boxes.append(_parse_box(item.find("bndbox")))
            sizes.append(size)
            locations.append(f"{location} object {k}")
    classes = sorted({row["class"] for row in rows})
    rows = add_corners(rows, boxes, sizes, locations, problems)
    rows = [row | {"label": classes.index(row["class"])} for row in rows]
    return Dataset.build("voc", root, classes, images, rows, problems)


def read_annotation(file: Path) -> Element:
    """The root element of an XML file, in UTF-8, UTF-16 or an encoding that it declares.

    Args:
        file: of one photo.
    Returns:
        The element `annotation`, or what the file has instead.
    Raises:
        InputError: it is not XML, or has a document type, whose entities could expand to gigabytes
            or include other files.
    """
    try:
        return fromstring(file.read_bytes(), forbid_dtd=True)
    except DefusedXmlException:
        raise InputError(
            f"{file}: it has a document type (<!DOCTYPE …>), which is refused for safety; "
            "remove that part"
        ) from None
    except (OSError, ParseError, ValueError, LookupError, RecursionError) as e:
        raise InputError(f"{file}: not readable as XML ({e}); export it again") from None


def _read_annotations(files: list[Path], problems: ProblemLog) -> dict[Path, Element]:
    annotations = {}
    for file in files:
        try:
            annotations[file] = read_annotation(file)
        except InputError as e:
            problems.add("annotation not readable: photo left out", str(e))
    return annotations


def _photo_name(root: Path, file: Path, annotation: Element) -> str:
    """The photo's name in JPEGImages/: the last part of `filename`, which may be a whole path."""
    filename = (annotation.findtext("filename") or "").replace("\\", "/").rpartition("/")[2].strip()
    for name in (filename, f"{file.stem}.jpg"):
        try:
            if path_inside(root / PHOTOS, name, f"Annotations/{file.name}").is_file():
                return name
        except (InputError, OSError, ValueError):
            continue
    return f"{file.stem}.jpg"


def _has_size(annotation: Element, size: tuple[int, int]) -> bool:
    """Whether the boxes were drawn on this picture; tools that do not know the size write 0."""
    width, height = (
        (annotation.findtext(f"size/{key}") or "0").strip() for key in ("width", "height")
    )
    return (width, height) in (("0", "0"), (str(size[0]), str(size[1])))


def _read_splits(root: Path, names: list[str], problems: ProblemLog) -> dict[str, str]:
    """Name of an annotation -> its split; "" where ImageSets/Main does not list it."""
    folder = root / "ImageSets" / "Main"
    files = {split: folder / f"{split}.txt" for split in SPLITS}
    files = {split: file for split, file in files.items() if file.is_file()}
    if not files:
        return {name: assign_split(position) for position, name in enumerate(names)}
    split_of: dict[str, str] = {}
    # The test split comes last, so that a name in two lists is kept out of training.
    for split, file in files.items():
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        for name in (line.split()[0] for line in lines if line.split()):
            if split_of.get(name, split) != split:
                problems.add("photo in two splits: kept out of training", f"{file.name}: {name}")
            split_of[name] = split
    return {name: split_of.get(name, "") for name in names}


def _parse_box(box: Element | None) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2, exclusive; NaN where they are not numbers."""
    corners = None if box is None else [box.findtext(key) for key in _CORNERS]
    x1, y1, x2, y2 = parse_four_numbers(corners)
    return x1 - 1, y1 - 1, x2, y2
