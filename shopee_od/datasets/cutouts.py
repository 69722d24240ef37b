"""Cutouts: each garment of a data set alone on white ground, as many shops show theirs.

On disk: `images/*.jpg`, `cutouts.csv` with one row per garment, and `cutouts.json`, which tells
what they were made from.
"""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.ccp import find_ccp_masks
from shopee_od.datasets.cleaning import clean_boxes
from shopee_od.datasets.dataset import CORNERS, Dataset
from shopee_od.datasets.grabcut import find_grabcut_masks
from shopee_od.datasets.masks import MaskError, mask_bounds
from shopee_od.datasets.photos import photo_sizes, read_photo
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder, read_json, write_json
from shopee_od.structures import GARMENT_TYPES
from shopee_od.system import usable_cores

MANIFEST = "cutouts.json"
TABLE = "cutouts.csv"
FOLDER = "images"
SOURCE = "cutout"
VERSION = 1
"""Increased when the same photos no longer give the same cutouts."""

MIN_SHARE = 0.025
"""Of the photo's pixels; a smaller garment has too few for a photo of its own."""
MARGIN = 0.08
"""White around a garment, relative to its longer side."""
MAX_SIDE = 512
"""Pixels of a cutout."""
QUALITY = 92
"""Of its JPEG."""

COLUMNS = {
    "image": str,  # name in FOLDER
    "photo": str,  # name of the photo that it is from
    "split": str,  # of that photo
    "class": str,
    "type": str,  # upper, lower, full or ""
    "certain": int,  # 0: its class may be another one
    "x1": float,  # pixels; the bounds of its mask
    "y1": float,
    "x2": float,
    "y2": float,
}
"""The columns of TABLE."""

MASK_FINDERS = {"ccp": find_ccp_masks, "clothing": find_grabcut_masks}
"""Data set -> where the masks of its garments come from."""

_FIX = "make the cutouts again: shopee-od data make"


def cut_out(photo: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A garment alone on white ground.

    The outermost pixels of its mask, whose color is mixed with that of the ground, become a soft
    edge. Nothing outside of the mask remains.

    Args:
        photo: uint8 (H, W, 3), RGB.
        mask: bool (H, W).
    Returns:
        uint8 (h, w, 3), of at most MAX_SIDE; float64 (4,), its box x1, y1, x2, y2 in pixels, x2 and
        y2 exclusive.
    Raises:
        MaskError: the garment is too small (MIN_SHARE).
    """
    core = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if core.mean() < MIN_SHARE:
        raise MaskError(f"garment under {MIN_SHARE:.1%} of its photo: left out")
    alpha = cv2.blur(core.astype(np.float32), (3, 3))[..., None]
    composite = np.rint(photo * alpha + 255 * (1 - alpha)).astype(np.uint8)
    x1, y1, x2, y2 = mask_bounds(core)
    margin = max(1, round(MARGIN * max(x2 - x1, y2 - y1)))
    white = (255, 255, 255)
    canvas = cv2.copyMakeBorder(composite, *(margin,) * 4, cv2.BORDER_CONSTANT, value=white)
    image = canvas[y1 : y2 + 2 * margin, x1 : x2 + 2 * margin]
    size = np.array(image.shape[1::-1])
    new_size = np.maximum(np.rint(size * min(1, MAX_SIDE / size.max())), 1)
    box = np.array([margin, margin, margin + x2 - x1, margin + y2 - y1])
    image = cv2.resize(image, new_size.astype(int).tolist(), interpolation=cv2.INTER_AREA)
    return image, box * np.tile(new_size / size, 2)


def make_cutouts(source: Dataset, root: str | Path) -> bool:
    """Writes the data set of a data set's cutouts into `root`, all of it or nothing.

    1. A garment gets the split of its photo, its class and its type, and is as `certain`.
    2. Garments to be ignored are left out. So are those that are too small and those without a mask
       that can be used: `cutouts.json` counts them.

    Args:
        source: ccp or clothing.
        root: the folder; created where it does not exist.
    Returns:
        Whether it was made: False where `root` already holds it.
    Raises:
        InputError: no cutouts can be made of this data set, `root` holds other files or other
            cutouts, or no garment has a mask.
    """
    root = Path(root)
    if source.name not in MASK_FINDERS:
        names = ", ".join(MASK_FINDERS)
        raise InputError(f"no cutouts can be made of {source.name}; use one of {names}")
    recipe = {"source": source.name, "fingerprint": source.fingerprint(), "version": VERSION}
    if root.is_dir() and any(root.iterdir()):
        manifest = read_json(root / MANIFEST) if (root / MANIFEST).is_file() else None
        if isinstance(manifest, dict) and recipe.items() <= manifest.items():
            return False
        raise InputError(
            f"{root} holds other files, or cutouts of other photos; remove it, or name another "
            "folder with --data-dir"
        )
    for leftover in root.parent.glob(f".{root.name}.*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with atomic_folder(root) as part:
        (part / FOLDER).mkdir()
        rows, left_out = _write_images(source, part / FOLDER)
        if not rows:
            raise InputError(f"{source.root}: no garment can be cut out: {', '.join(left_out)}")
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(part / TABLE, index=False)
        content = {"classes": source.classes, "cutouts": len(rows), "left_out": left_out}
        write_json(part / MANIFEST, recipe | content)
    return True


def read_ccp_cutouts(root: str | Path) -> Dataset:
    """Reads the cutouts of CCP's garments: 12 classes, one garment per image.

    Args:
        root: the folder with cutouts.csv, cutouts.json and images/.
    Returns:
        The data set; images that are absent or not readable are left out and counted in `problems`.
    Raises:
        InputError: the files are damaged, or of another data set.
    """
    return _read("ccp", Path(root))


def read_clothing_cutouts(root: str | Path) -> Dataset:
    """Reads the cutouts of Clothing's garments: 23 classes, one garment per image.

    Args, Returns, Raises: as `read_ccp_cutouts`.
    """
    return _read("clothing", Path(root))


def describe_cutouts(root: str | Path) -> str:
    """How many cutouts there are, and how many garments were left out.

    Args:
        root: as for `read_ccp_cutouts`.
    Returns:
        One line for the cutouts, and one for each reason to leave garments out.
    Raises:
        InputError: the manifest in `root` is damaged.
    """
    manifest = _read_manifest(Path(root))
    lines = [f"{manifest['cutouts']:,} cutouts"]
    lines += [f"{count:>7,} × {problem}" for problem, count in manifest["left_out"].items()]
    return "\n".join(lines)


def _write_images(source: Dataset, folder: Path) -> tuple[list[dict], dict[str, int]]:
    """Writes all cutouts; their rows, and how many garments were left out for which reason."""
    find_mask = MASK_FINDERS[source.name](source)
    photos = source.images[["image_id", "path", "split"]]
    garments = source.boxes[source.counted_mask].merge(photos, on="image_id")

    def write(garment: Any) -> dict | str:
        try:
            photo = read_photo(garment.path)
            image, box = cut_out(photo, find_mask(photo, garment))
        except InputError:
            return "photo or its pixel labels not readable: garment left out"
        except MaskError as e:
            return str(e)
        name = f"{Path(garment.path).stem}-{garment.box_id}.jpg"
        Image.fromarray(image).save(folder / name, quality=QUALITY)
        return {
            "image": name,
            "photo": Path(garment.path).name,
            "split": garment.split,
            "class": source.classes[garment.label],
            "type": garment.type,
            "certain": int(garment.certain),
            **dict(zip(CORNERS, np.round(box, 2), strict=True)),
        }

    with ThreadPoolExecutor(usable_cores()) as pool:
        results = list(
            tqdm(
                pool.map(write, garments.itertuples()),
                f"cutouts of {source.name}",
                len(garments),
                unit="garment",
                mininterval=1,
            )
        )
    rows = [result for result in results if isinstance(result, dict)]
    problems = Counter(result for result in results if isinstance(result, str))
    return rows, dict(problems.most_common())


def _read(source: str, root: Path) -> Dataset:
    """The cutouts of the data set `source`."""
    manifest = _read_manifest(root)
    if manifest["source"] != source:
        raise InputError(f"{root}: these are cutouts of {manifest['source']}, not of {source}")
    classes = manifest["classes"]
    rows = _read_table(root / TABLE, classes)
    problems = ProblemLog()
    sizes = photo_sizes(root / FOLDER, rows.image.tolist())
    readable = [not isinstance(size, InputError) for size in sizes]
    problems.add_rows(
        "cutout absent or not readable: left out", np.invert(readable), lambda k: str(sizes[k])
    )
    rows = rows[readable]
    read_sizes = [size for size in sizes if not isinstance(size, InputError)]
    widths, heights = np.array(read_sizes, np.int64).reshape(-1, 2).T
    images = pd.DataFrame(
        {
            "image_id": rows.index,
            "path": [str(root / FOLDER / name) for name in rows.image],
            "width": widths,
            "height": heights,
            "split": rows.split,
            "source": SOURCE,
        }
    )
    corners, usable = clean_boxes(
        rows[CORNERS].to_numpy(),
        widths,
        heights,
        rows.index.to_numpy(),
        problems,
        lambda k: f"{TABLE} row {rows.index[k] + 2}",
    )
    boxes = pd.DataFrame(
        {
            "box_id": rows.index,
            "image_id": rows.index,
            "label": rows["class"].map({name: label for label, name in enumerate(classes)}),
            "type": rows.type,
            "certain": rows.certain == 1,
            **dict(zip(CORNERS, corners.T, strict=True)),
        }
    )
    return Dataset.build(
        f"{source}-cutouts", root, classes, images[usable], boxes[usable], problems
    )


def _read_manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    manifest = read_json(path)
    types = {"source": str, "classes": list, "cutouts": int, "left_out": dict}
    if not isinstance(manifest, dict) or any(
        not isinstance(manifest.get(name), kind) for name, kind in types.items()
    ):
        raise InputError(f"{path}: damaged; {_FIX}")
    return manifest | {"classes": [str(name) for name in manifest["classes"]]}


def _read_table(path: Path, classes: list[str]) -> pd.DataFrame:
    """TABLE as a table of COLUMNS."""
    try:
        rows = pd.read_csv(path, usecols=list(COLUMNS), dtype=COLUMNS, keep_default_na=False)
    except (OSError, ValueError, OverflowError) as e:
        raise InputError(f"{path}: not readable ({e}); {_FIX}") from None
    valid = (
        rows.image.str.fullmatch(r"[^/\\\0]+\.jpg")
        & ~rows.image.duplicated()
        & rows.split.isin([*SPLITS, ""])
        & rows["class"].isin(classes)
        & rows.type.isin([*GARMENT_TYPES, ""])
    )
    if not valid.all():
        line = int(valid.argmin()) + 2  # row 1 names the columns
        raise InputError(f"{path}: row {line} is damaged; {_FIX}")
    return rows
