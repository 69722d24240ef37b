"""Open Images V7: photos of Flickr, of whose 600 classes with boxes 11 are garments of a shop.

Kuznetsova et al., "The Open Images Dataset V4", IJCV 2020; format:
https://storage.googleapis.com/openimages/web/download_v7.html. On disk: `annotations/` with the
files of boxes and of photos under their own names, whole or filtered to some photos, and
`images/train/ID.jpg`, `images/validation/ID.jpg` and `images/test/ID.jpg`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopee_od.cache import get_or_compute_per_file
from shopee_od.datasets.cleaning import add_corners
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.openimages_csv import (
    GARMENTS,
    OUTFITS,
    LabeledBox,
    has_unlabeled_garment,
    read_boxes,
    read_photo_ids,
)
from shopee_od.datasets.photos import read_orientation, read_size
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError

IMAGES = "images"


@dataclass(frozen=True)
class Subset:
    """One of the three parts of Open Images.

    Args:
        folder: of its photos, in images/ and at their public address.
        boxes_address: of the file of boxes, below the public address of the annotations.
        photos_address: of the file of the photos' authors, licenses and rotations.
    """

    folder: str
    boxes_address: str
    photos_address: str

    @property
    def box_file(self) -> str:
        """The file of boxes below a data set's folder."""
        return f"annotations/{self.boxes_address.rpartition('/')[2]}"

    @property
    def photo_file(self) -> str:
        """The file of photos below a data set's folder."""
        return f"annotations/{self.photos_address.rpartition('/')[2]}"


SUBSETS = {
    "train": Subset(
        "train",
        "v6/oidv6-train-annotations-bbox.csv",
        "2018_04/train/train-images-boxable-with-rotation.csv",
    ),
    "val": Subset(
        "validation",
        "v5/validation-annotations-bbox.csv",
        "2018_04/validation/validation-images-with-rotation.csv",
    ),
    "test": Subset(
        "test",
        "v5/test-annotations-bbox.csv",
        "2018_04/test/test-images-with-rotation.csv",
    ),
}
"""Split -> its part."""


def read_openimages(root: str | Path) -> Dataset:
    """Reads the photos that have a garment's box; `split` is the part that the authors give.

    1. Only classes that people verified for a photo have boxes in it. A photo in which a garment
       may have no box is left out (`has_unlabeled_garment`): it would be trained as background.
    2. A group is a crowd (`iscrowd`). A depiction, and the box of an inside, is ignored.
    3. A box of OUTFITS in the photos that remain is on a garment with a box of its own: dropped.
    4. A photo that is stored rotated, by the file of photos or by EXIF, is left out: its boxes are
       those of the stored pixels.

    Args:
        root: the folder with annotations/ and images/.
    Returns:
        The data set; single bad rows are dropped and counted in `problems`.
    Raises:
        InputError: there is no file of boxes, or a file is not of the format.
    """
    root = Path(root)
    problems = ProblemLog()
    subsets = {
        split: subset for split, subset in SUBSETS.items() if (root / subset.box_file).is_file()
    }
    if not subsets:
        raise InputError(
            f"{root}: no annotations/…-annotations-bbox.csv; "
            "fetch it: shopee-od data download openimages --classes Brassiere,Swimwear"
        )
    images: list[dict] = []
    boxes: list[list[LabeledBox]] = []
    for split, subset in subsets.items():
        photo_ids = _find_photos(root, subset, problems)
        boxes_of = _select_photos(read_boxes(root / subset.box_file, photo_ids, problems), problems)
        names = [f"{subset.folder}/{photo_id}.jpg" for photo_id in boxes_of]
        sizes = get_or_compute_per_file(_read_size, root / IMAGES, names, "sizes-stored-1")
        for name, size, photo_boxes in zip(names, sizes, boxes_of.values(), strict=True):
            if isinstance(size, InputError):
                problems.add("photo not readable, or rotated by EXIF: left out", str(size))
                continue
            row = {"image_id": len(images), "path": f"{root}/{IMAGES}/{name}", "split": split}
            images.append(row | {"width": size[0], "height": size[1]})
            boxes.append(photo_boxes)
    return Dataset.build(
        "openimages", root, GARMENTS, images, _box_rows(images, boxes, problems), problems
    )


def _find_photos(root: Path, subset: Subset, problems: ProblemLog) -> list[str]:
    """The ids of the listed photos that are in their folder."""
    photo_ids = read_photo_ids(root / subset.photo_file, problems)
    present = {file.stem for file in (root / IMAGES / subset.folder).glob("*.jpg")}
    for photo_id in photo_ids:
        if photo_id not in present:
            problems.add("photo absent: left out", f"{subset.folder}/{photo_id}.jpg")
    return [photo_id for photo_id in photo_ids if photo_id in present]


def _select_photos(
    boxes_of: dict[str, list[LabeledBox]], problems: ProblemLog
) -> dict[str, list[LabeledBox]]:
    """The photos that have a garment's box, and no garment that may be without one."""
    selected = {}
    for photo_id, boxes in boxes_of.items():
        if not any(box.name in GARMENTS for box in boxes):
            problems.add("photo without a garment's box: left out", photo_id)
        elif has_unlabeled_garment(boxes):
            problems.add("photo in which a garment may have no box: left out", photo_id)
        else:
            selected[photo_id] = boxes
    return selected


def _read_size(path: Path) -> tuple[int, int]:
    if read_orientation(path) != 1:
        raise InputError(f"{path}: EXIF rotates it, but not its boxes; remove it")
    return read_size(path)


def _box_rows(
    images: Sequence[dict], boxes: Sequence[Sequence[LabeledBox]], problems: ProblemLog
) -> list[dict]:
    """One row per usable box of a garment."""
    labels = {name: label for label, name in enumerate(GARMENTS)}
    rows: list[dict] = []
    corners: list[tuple[float, ...]] = []
    sizes: list[tuple[int, int]] = []
    locations: list[str] = []
    for image, photo_boxes in zip(images, boxes, strict=True):
        size = (image["width"], image["height"])
        for box in photo_boxes:
            if box.name in OUTFITS:
                problems.add("box of a class that tells no garment: dropped", box.location)
            elif box.name in GARMENTS:
                rows.append(
                    {
                        "box_id": len(rows),
                        "image_id": image["image_id"],
                        "label": labels[box.name],
                        "type": GARMENTS[box.name],
                        "ignore": box.is_depiction or box.is_inside,
                        "iscrowd": box.is_group,
                    }
                )
                corners.append(tuple(np.multiply(box.corners, size * 2).tolist()))
                sizes.append(size)
                locations.append(box.location)
    return add_corners(rows, corners, sizes, locations, problems)
