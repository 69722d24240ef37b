"""Clothing Co-Parsing (CCP): street photos whose pixel labels give exact boxes.

Yang, Luo and Lin, "Clothing Co-Parsing by Joint Image Segmentation and Labeling", CVPR 2014. On disk:
`photos/NNNN.jpg`, `annotations/pixel-level/NNNN.mat` (`groundtruth`, label ids (H, W)) and `label_list.mat`
(59 names).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage

from shopee_od.datasets.cache import per_file, photo_sizes
from shopee_od.datasets.dataset import CORNERS, Dataset, Problems
from shopee_od.datasets.matfile import read_mat
from shopee_od.types import InputError

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
"""Class -> where it is worn and the CCP labels it gathers; every other CCP label is no garment."""

MIN_PIXELS = 200
"""A garment's mask under this is a slip of the annotator's brush."""
SPECK = 0.05
"""A connected part under this share of a garment's pixels does not stretch its box."""

_MEND = "name the folder that holds label_list.mat, photos/ and annotations/"


def read_ccp(root: str | Path) -> Dataset:
    """The photos with pixel labels: 12 classes of garments, one box for each CCP label in a photo.

    Labels that share a class (a vest over a shirt) are garments of their own, each with its box. Split by the
    number of the photo: test where it divides by 5, val where it ends in 1, train otherwise.
    Raises InputError where the layout is not there; a bad photo or annotation leaves its photo out, counted
    in `problems`.
    """
    root, problems = Path(root), Problems()
    label_class = _label_classes(root / "label_list.mat")
    photos, masks = _pairs(root, problems)
    sizes = photo_sizes(root, photos)
    version = "masks-2-" + "-".join(map(str, sorted(label_class)))
    found = per_file(partial(mask_boxes, labels=frozenset(label_class)), root, masks, version)
    images, boxes = [], []
    for photo, mask, size, labelled in zip(photos, masks, sizes, found, strict=True):
        if not _fit(photo, mask, size, labelled, problems):
            continue
        images.append(_image_row(root / photo, size))
        image_id = images[-1]["image_id"]
        boxes += [_box_row(image_id, box, label_class[label]) for label, *box in labelled["boxes"]]
        for label in labelled["slips"]:
            problems.add(f"mask of a garment under {MIN_PIXELS} px: dropped", f"{mask}, {label_class[label]}")
        for label in labelled["specks"]:
            problems.add("specks far from a garment: its box leaves them out", f"{mask}, {label_class[label]}")
    boxes = [{"box_id": i, **box} for i, box in enumerate(boxes)]
    return Dataset.build("ccp", root, GARMENTS, images, boxes, problems)


def mask_boxes(path: Path, labels: frozenset[int]) -> dict[str, list]:
    """One .mat file -> {"size": [width, height], "boxes": [[label, x1, y1, x2, y2], …], "slips": …, "specks": …}.

    x2 and y2 are exclusive. slips: labels whose mask is too small to be a garment; specks: those whose box is
    smaller than their mask's bounds. Both are reported by `read_ccp`.
    Raises InputError where the file holds no `groundtruth` of (H, W) whole numbers.
    """
    try:
        mask = read_mat(path)["groundtruth"]
        if isinstance(mask, list) or mask.ndim != 2 or mask.dtype.kind not in "iu":
            raise ValueError("it is not a table of whole numbers")
    except (OSError, ValueError, KeyError) as e:
        raise InputError(f"{path}: no readable groundtruth ({e}); fetch it again") from None
    there = sorted(labels.intersection(np.unique(mask).tolist()))
    boxes = [(label, garment_box(mask == label)) for label in there]
    height, width = mask.shape
    return {
        "size": [width, height],
        "boxes": [[label, *box] for label, box in boxes if box],
        "slips": [label for label, box in boxes if not box],
        "specks": [label for label, box in boxes if box and box != _bounds(mask == label)],
    }


def garment_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """bool (H, W) -> x1, y1, x2, y2 around all its parts but specks; None for a mask of under 200 pixels."""
    total = np.count_nonzero(mask)
    if total < MIN_PIXELS:
        return None
    parts, _ = ndimage.label(mask)
    pixels = np.bincount(parts.ravel())
    pixels[0] = 0  # the background
    return _bounds((pixels >= min(SPECK * total, pixels.max()))[parts])


def _bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    """bool (H, W), true somewhere -> x1, y1, x2, y2 around all of it."""
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    return columns.start, rows.start, columns.stop, rows.stop


def _label_classes(path: Path) -> dict[int, str]:
    """CCP's label id -> our class, for the labels that are garments."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; {_MEND}")
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


def _pairs(root: Path, problems: Problems) -> tuple[list[str], list[str]]:
    """The photos that have an annotation, and these annotations, as names below `root`, by their number."""
    photos = _numbered(root, "photos", "jpg")
    masks = _numbered(root, "annotations/pixel-level", "mat")
    for number in sorted(photos.keys() - masks.keys()):
        problems.add("photo without pixel labels: left out", photos[number])
    for number in sorted(masks.keys() - photos.keys()):
        problems.add("pixel labels without their photo: left out", masks[number])
    both = sorted(photos.keys() & masks.keys())
    return [photos[n] for n in both], [masks[n] for n in both]


def _numbered(root: Path, folder: str, ending: str) -> dict[int, str]:
    if not (root / folder).is_dir():
        raise InputError(f"{root / folder}: there is no such folder; {_MEND}")
    names = (f"{folder}/{file.name}" for file in (root / folder).glob(f"*.{ending}") if file.stem.isdecimal())
    return {int(Path(name).stem): name for name in names}


def _fit(photo: str, mask: str, size: object, labelled: object, problems: Problems) -> bool:
    """Whether photo and labels were read and are of one size; else it is counted."""
    if isinstance(size, InputError):
        problems.add("photo not readable: left out", str(size))
    elif isinstance(labelled, InputError):
        problems.add("pixel labels not readable: photo left out", str(labelled))
    elif tuple(labelled["size"]) != size:
        sizes = "{}×{}, {}×{}".format(*labelled["size"], *size)
        problems.add("pixel labels and photo of unlike sizes: photo left out", f"{mask}, {photo}: {sizes}")
    else:
        return True
    return False


def _image_row(path: Path, size: tuple[int, int]) -> dict:
    number = int(path.stem)
    split = "test" if number % 5 == 0 else "val" if number % 10 == 1 else "train"
    row = {"image_id": number, "path": str(path), "split": split, "source": "street"}
    return row | dict(zip(("width", "height"), size, strict=True))


def _box_row(image_id: int, box: list[int], name: str) -> dict:
    row = {"image_id": image_id, "label": list(GARMENTS).index(name), "type": GARMENTS[name][0]}
    return row | dict(zip(CORNERS, box, strict=True))
