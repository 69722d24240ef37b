"""Clothing: garments that people laid flat or hung up at home, each photo with one garment or none.

Photos: Alexey Grigorev's Clothing dataset (github.com/alexeygrigorev/clothing-dataset, CC0), on
disk `images/ID.jpg`. It has no boxes: these, and the names of the garments, come with this package
in `clothing_boxes.csv`; `clothing_boxes.md` tells how they were made.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.cleaning import clean_boxes
from shopee_od.datasets.dataset import CORNERS, LAID, Dataset
from shopee_od.datasets.photo_identity import PhotoIdentity
from shopee_od.datasets.photos import photo_sizes
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS
from shopee_od.errors import InputError

GARMENTS = {
    "t-shirt": "upper",
    "long-sleeved tee": "upper",
    "polo shirt": "upper",
    "tank top": "upper",
    "top": "upper",
    "blouse": "upper",
    "shirt": "upper",
    "sweater": "upper",
    "sweatshirt": "upper",
    "cardigan": "upper",
    "vest": "upper",
    "blazer": "upper",
    "jacket": "upper",
    "coat": "upper",
    "dress": "full",
    "jumpsuit": "full",
    "bodysuit": "full",
    "skirt": "lower",
    "shorts": "lower",
    "trousers": "lower",
    "jeans": "lower",
    "sweatpants": "lower",
    "leggings": "lower",
}
"""Class -> where it is worn."""

OTHER = "other"
"""The name of a garment that no class fits, such as a snowsuit: its box is ignored."""
IGNORED_LABEL = list(GARMENTS).index("jumpsuit")

BOX_FILE = Path(__file__).with_name("clothing_boxes.csv")
COLUMNS = {
    "image": str,  # ID of the photo
    "width": int,  # pixels of the copy whose boxes were drawn
    "height": int,
    "phash": str,  # from `perceptual_hash`
    "split": str,  # "" for a copy of a photo that is in another split
    "sender_id": int,  # who took the photo; the splits are by sender
    "kids": int,  # 1: for a child
    "label": str,  # the author's name for what it shows
    "garment": str,  # of GARMENTS, OTHER, or "" in a photo without a garment
    "label_certain": float,  # 0 where two names were possible
    "x1": float,  # of the photo's width; the garment's visible cloth
    "y1": float,  # of its height
    "x2": float,
    "y2": float,
    "box_source": str,  # cut: proposed by GrabCut and accepted by eye; eye: drawn by eye
}
"""The columns of BOX_FILE, one row per photo."""

FOLDER = "images"
_FIX = "fetch them: shopee-od data download clothing"
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def read_clothing(root: str | Path) -> Dataset:
    """Reads the photos that have a row in BOX_FILE: 23 classes, at most one box per photo.

    1. Photos of hats and shoes have no box: there is no garment in them.
    2. Boxes are relative, so that copies of any size can be read. A photo whose shape is not that
       of the labeled one is left out: it was rotated or cropped, or is another photo.
    3. Where two names were possible for a garment, its box is not `certain`: where the data set is
       joined, the box may be any category of its type; alone, it has the name given. Where no name
       is right, its box is ignored.

    A box file in `root` is not read: the package's comes with the code that knows its names.

    Args:
        root: the folder with images/.
    Returns:
        The data set; `image_id` is the photo's position in BOX_FILE. Photos that are absent, not
        readable or of another shape are left out and counted in `problems`.
    Raises:
        InputError: there is none of the photos, or BOX_FILE is damaged.
    """
    root = Path(root)
    problems = ProblemLog()
    rows = _read_box_file()
    rows = _add_sizes(_select_present(rows, root, problems), root, problems)
    images = pd.DataFrame(
        {
            "image_id": rows.index,
            "path": [f"{root}/{FOLDER}/{image}.jpg" for image in rows.image],
            "width": rows.photo_width,
            "height": rows.photo_height,
            "split": rows.split,
            "source": LAID,
        }
    )
    return Dataset.build("clothing", root, GARMENTS, images, _box_rows(rows, problems), problems)


def photo_identities() -> dict[str, PhotoIdentity]:
    """The labeled photos, by their paths below the data set's folder.

    Returns:
        The identity of each, by `images/ID.jpg`.
    Raises:
        InputError: BOX_FILE is damaged.
    """
    return _index_identities(_read_box_file())


def _read_box_file() -> pd.DataFrame:
    """BOX_FILE as a table of COLUMNS."""
    empty = {name: [""] for name in ("label_certain", *CORNERS)}  # in photos without a garment
    try:
        rows = pd.read_csv(
            BOX_FILE, usecols=list(COLUMNS), dtype=COLUMNS, keep_default_na=False, na_values=empty
        )
    except (OSError, ValueError, OverflowError) as e:
        raise InputError(f"{BOX_FILE}: not readable ({e}); install shopee-od again") from None
    valid = (
        rows.image.str.fullmatch(_ID)
        & ~rows.image.duplicated()
        & rows.phash.str.fullmatch("[0-9a-f]{16}")
        & (rows[["width", "height"]] > 0).all(axis=1)
        & rows.split.isin([*SPLITS, ""])
        & rows.garment.isin([*GARMENTS, OTHER, ""])
    )
    if not valid.all():
        line = int(valid.argmin()) + 2  # row 1 names the columns
        raise InputError(f"{BOX_FILE}: row {line} is damaged; install shopee-od again")
    return rows


def _index_identities(rows: pd.DataFrame) -> dict[str, PhotoIdentity]:
    columns = (rows.image, rows.width, rows.height, rows.phash)
    return {
        f"{FOLDER}/{image}.jpg": PhotoIdentity(width, height, phash)
        for image, width, height, phash in zip(*columns, strict=True)
    }


def _select_present(rows: pd.DataFrame, root: Path, problems: ProblemLog) -> pd.DataFrame:
    """The rows whose photo is in `root`."""
    folder = root / FOLDER
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; {_FIX}")
    present = rows.image.isin([file.stem for file in folder.glob("*.jpg")]).to_numpy()
    if not present.any():
        raise InputError(f"{folder}: none of the {len(rows):,} labeled photos is here; {_FIX}")
    problems.add_rows(
        "photo that has labels is not here: left out; shopee-od data download clothing fetches it",
        ~present,
        lambda k: f"{FOLDER}/{rows.image.iloc[k]}.jpg",
    )
    return rows[present]


def _add_sizes(rows: pd.DataFrame, root: Path, problems: ProblemLog) -> pd.DataFrame:
    """Adds photo_width and photo_height, without the rows of photos that cannot be used."""
    identities = _index_identities(rows)
    usable = []
    sizes = []
    photos = zip(identities.items(), photo_sizes(root, list(identities)), strict=True)
    for k, ((name, identity), size) in enumerate(photos):
        if isinstance(size, InputError):
            problems.add("photo not readable: left out", str(size))
        elif not identity.has_shape(size):
            kind = "photo of another shape than the labeled one: left out; download it again"
            shapes = "{}×{}, not {}×{}".format(*size, identity.width, identity.height)
            problems.add(kind, f"{name}: {shapes}")
        else:
            usable.append(k)
            sizes.append(size)
    widths, heights = np.array(sizes, np.int64).reshape(-1, 2).T
    return rows.iloc[usable].assign(photo_width=widths, photo_height=heights)


def _box_rows(rows: pd.DataFrame, problems: ProblemLog) -> pd.DataFrame:
    """One row per garment, in pixels of its photo."""
    rows = rows[rows.garment != ""]
    scale = rows[["photo_width", "photo_height"] * 2].to_numpy()
    corners, usable = clean_boxes(
        rows[CORNERS].to_numpy() * scale,
        rows.photo_width.to_numpy(),
        rows.photo_height.to_numpy(),
        rows.index.to_numpy(),
        problems,
        lambda k: f"{BOX_FILE.name} row {rows.index[k] + 2}",
    )
    ignored = rows.garment == OTHER
    labels = {name: label for label, name in enumerate(GARMENTS)} | {OTHER: IGNORED_LABEL}
    boxes = pd.DataFrame(
        {
            "box_id": rows.index,
            "image_id": rows.index,
            "label": rows.garment.map(labels),
            "type": rows.garment.map(GARMENTS).fillna(""),
            "ignore": ignored,
            "certain": (rows.label_certain == 1) & ~ignored,
        }
    )
    boxes[CORNERS] = corners
    return boxes[usable]
