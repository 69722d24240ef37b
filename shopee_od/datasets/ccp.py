"""Clothing Co-Parsing (CCP): street photos whose pixel labels give exact boxes.

Yang, Luo and Lin, "Clothing Co-Parsing by Joint Image Segmentation and Labeling", CVPR 2014. On
disk: `photos/NNNN.jpg`, `annotations/pixel-level/NNNN.mat` (`groundtruth`, label ids (H, W)) and
`label_list.mat` (59 names).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shopee_od.cache import get_or_compute_per_file
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.masks import (
    MIN_PIXELS,
    MaskFinder,
    drop_specks,
    garment_box,
    mask_bounds,
    require_whole,
)
from shopee_od.datasets.matlab import read_mat
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError

GARMENTS = {
    "top": ("upper", ("blouse", "shirt", "top", "vest")),
    "t-shirt": ("upper", ("t-shirt",)),
    "sweater": ("upper", ("cardigan", "hoodie", "jumper", "sweater", "sweatshirt")),
    "jacket": ("upper", ("blazer", "jacket", "suit")),
    "coat": ("upper", ("cape", "coat")),
    "dress": ("full", ("dress",)),
    "romper": ("full", ("bodysuit", "romper")),
    "skirt": ("lower", ("skirt",)),
    "shorts": ("lower", ("shorts",)),
    "pants": ("lower", ("pants",)),
    "jeans": ("lower", ("jeans",)),
    "leggings": ("lower", ("leggings", "tights")),
}
"""Class -> where it is worn and the CCP labels that belong to it; other labels are no garments."""

_FIX = "name the folder that holds label_list.mat, photos/ and annotations/"


def read_ccp(root: str | Path) -> Dataset:
    """Reads the photos with pixel labels: 12 classes, one box for each CCP label in a photo.

    1. Labels that share a class (a vest over a shirt) are separate garments, each with its box.
    2. All photos show people who are dressed. Where none of their garments is labeled, nothing in
       the photo is taken for background (`add_ignore_regions`).
    3. The split follows from the photo's number: test where it divides by 5, val where it ends in
       1, train otherwise.

    Args:
        root: the folder with label_list.mat, photos/ and annotations/.
    Returns:
        The data set; a photo that cannot be read, or whose annotation cannot, is left out and
        counted in `problems`.
    Raises:
        InputError: the layout is not there.
    """
    root = Path(root)
    problems = ProblemLog()
    class_of = _read_label_classes(root / "label_list.mat")
    photos, masks = _pair_files(root, problems)
    version = "masks-2-" + "-".join(map(str, sorted(class_of)))
    find_boxes = partial(mask_boxes, labels=frozenset(class_of))
    sizes = photo_sizes(root, photos)
    annotations = get_or_compute_per_file(find_boxes, root, masks, version)
    images = []
    boxes = []
    for photo, mask, size, annotation in zip(photos, masks, sizes, annotations, strict=True):
        if isinstance(size, InputError):
            problems.add("photo not readable: left out", str(size))
        elif isinstance(annotation, InputError):
            problems.add("pixel labels not readable: photo left out", str(annotation))
        elif tuple(annotation["size"]) != size:
            kind = "pixel labels and photo of different sizes: photo left out"
            sizes_text = "{}×{}, {}×{}".format(*annotation["size"], *size)
            problems.add(kind, f"{mask}, {photo}: {sizes_text}")
        else:
            row = _image_row(root / photo, size)
            images.append(row)
            boxes += [
                _box_row(row["image_id"], box, class_of[label])
                for label, *box in annotation["boxes"]
            ]
            _log_dropped_parts(annotation, mask, class_of, problems)
            if not annotation["boxes"]:
                kind = "no garment among the pixel labels: nothing in the photo is background"
                problems.add(kind, mask, row["image_id"])
    boxes = [{"box_id": i, **box} for i, box in enumerate(boxes)]
    return Dataset.build("ccp", root, GARMENTS, images, boxes, problems)


def mask_boxes(path: Path, labels: frozenset[int]) -> dict[str, list]:
    """The boxes of the garments in one .mat file of pixel labels.

    Args:
        path: the file.
        labels: ids of the CCP labels that are garments.
    Returns:
        `size`: [width, height] in pixels. `boxes`: [label, x1, y1, x2, y2], x2 and y2 exclusive.
        `slips`: labels whose mask is too small to be a garment. `specks`: labels whose box is
        smaller than their mask's bounds.
    Raises:
        InputError: the file holds no `groundtruth` of (H, W) whole numbers.
    """
    mask = _read_pixel_labels(path)
    present = sorted(labels.intersection(np.unique(mask).tolist()))
    boxes = [(label, garment_box(mask == label)) for label in present]
    height, width = mask.shape
    return {
        "size": [width, height],
        "boxes": [[label, *box] for label, box in boxes if box],
        "slips": [label for label, box in boxes if not box],
        "specks": [label for label, box in boxes if box and box != mask_bounds(mask == label)],
    }


def find_ccp_masks(source: Dataset) -> MaskFinder:
    """The masks, from CCP's pixel labels, of the garments that hardly anything hides.

    Args:
        source: from `read_ccp`.
    Returns:
        What finds the mask that a garment's box is the bounds of, without its specks.
    Raises:
        InputError: the layout is not there; or, when a mask is looked for, the pixel labels cannot
            be read, or hold no such garment.
    """
    class_of = _read_label_classes(source.root / "label_list.mat")
    files = _index_by_number(source.root, "annotations/pixel-level", "mat")

    def find_mask(photo: np.ndarray, garment: Any) -> np.ndarray:
        path = source.root / files[garment.image_id]
        pixels = _read_pixel_labels(path)
        class_name = source.classes[garment.label]
        box = (garment.x1, garment.y1, garment.x2, garment.y2)
        for label in [label for label, name in class_of.items() if name == class_name]:
            mask = drop_specks(pixels == label)
            if mask is not None and mask_bounds(mask) == box:
                require_whole(mask, garment.type)
                return mask
        raise InputError(f"{path}: no {class_name} with these bounds; read the data set again")

    return find_mask


def _read_pixel_labels(path: Path) -> np.ndarray:
    """The whole numbers (H, W) of a .mat file of pixel labels."""
    try:
        pixels = read_mat(path)["groundtruth"]
        if isinstance(pixels, list) or pixels.ndim != 2 or pixels.dtype.kind not in "iu":
            raise ValueError("it is not a table of whole numbers")
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"{path}: no readable groundtruth ({e}); fetch it again") from None
    return pixels


def _read_label_classes(path: Path) -> dict[int, str]:
    """CCP's label id -> our class, for the labels that are garments."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; {_FIX}")
    try:
        names = read_mat(path)["label_list"]
        if not isinstance(names, list):
            raise ValueError("it is not a list of names")
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"{path}: no readable label_list ({e}); fetch it again") from None
    absent = {label for _, labels in GARMENTS.values() for label in labels} - set(names)
    if absent:
        raise InputError(f"{path}: the labels {sorted(absent)} are missing; fetch it again")
    return {names.index(label): name for name, (_, labels) in GARMENTS.items() for label in labels}


def _pair_files(root: Path, problems: ProblemLog) -> tuple[list[str], list[str]]:
    """The photos that have an annotation, and these annotations, as names below `root`."""
    photos = _index_by_number(root, "photos", "jpg")
    masks = _index_by_number(root, "annotations/pixel-level", "mat")
    for number in sorted(photos.keys() - masks.keys()):
        problems.add("photo without pixel labels: left out", photos[number])
    for number in sorted(masks.keys() - photos.keys()):
        problems.add("pixel labels without their photo: left out", masks[number])
    numbers = sorted(photos.keys() & masks.keys())
    return [photos[n] for n in numbers], [masks[n] for n in numbers]


def _index_by_number(root: Path, folder: str, extension: str) -> dict[int, str]:
    if not (root / folder).is_dir():
        raise InputError(f"{root / folder}: there is no such folder; {_FIX}")
    names = (
        f"{folder}/{file.name}"
        for file in (root / folder).glob(f"*.{extension}")
        if file.stem.isdecimal()
    )
    return {int(Path(name).stem): name for name in names}


def _log_dropped_parts(
    annotation: dict[str, list], mask: str, class_of: dict[int, str], problems: ProblemLog
) -> None:
    """Counts the slips and specks of `mask_boxes`."""
    for label in annotation["slips"]:
        kind = f"mask of a garment under {MIN_PIXELS} px: dropped"
        problems.add(kind, f"{mask}, {class_of[label]}")
    for label in annotation["specks"]:
        kind = "specks far from a garment: its box leaves them out"
        problems.add(kind, f"{mask}, {class_of[label]}")


def _image_row(path: Path, size: tuple[int, int]) -> dict:
    number = int(path.stem)
    split = "test" if number % 5 == 0 else "val" if number % 10 == 1 else "train"
    row = {"image_id": number, "path": str(path), "split": split, "source": "street"}
    return row | dict(zip(("width", "height"), size, strict=True))


def _box_row(image_id: int, box: list[int], name: str) -> dict:
    row = {"image_id": image_id, "label": list(GARMENTS).index(name), "type": GARMENTS[name][0]}
    return row | dict(zip(CORNERS, box, strict=True))
