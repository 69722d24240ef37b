"""ShopSim on disk: items with their photos, in DeepFashion's Consumer-to-Shop layout."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder, read_json, write_json
from shopee_od.shopsim.class_cuts import sample_cut
from shopee_od.shopsim.scenes import render_photo

MANIFEST = "shopsim.json"
RENDERER_VERSION = 1
"""Increased when the same seed no longer gives the same photos; "drawing" in the manifest."""

_DEPARTMENTS = {
    **dict.fromkeys(("Pants", "Jeans", "Leggings"), "TROUSERS"),
    **dict.fromkeys(
        ("Dress", "Sleeveless_Dress", "Lace_Dress", "Skirt", "Suspenders_Skirt"), "DRESSES"
    ),
}
_TYPES = {"upper": 1, "lower": 2, "full": 3}
_SOURCES = {"shop": 1, "consumer": 2}
# The splits of the items of a class, in order: 7 of 10 for training. The first three items are in
# different splits, so that each split has each class.
_SPLITS = ("train", "test", "val", "train", "train", "train", "test", "train", "train", "train")
_FULL_FIGURE_SHARE = 0.13
"""Share of the photos with an outfit of two garments, one of them labeled."""
_MIN_GARMENT_SHARE = 0.03
"""Share of the pixels that the labeled garment covers at least."""
_MAX_ATTEMPTS = 20


@dataclass(frozen=True)
class Item:
    """One garment for sale.

    Args:
        number: counts the items of all classes.
        index_in_class: counts the items of its class.
        class_name: one of DeepFashion's 16 classes.
        consumers: how many photos customers took of it; the shop has one.
    """

    number: int
    index_in_class: int
    class_name: str
    consumers: int

    @property
    def folder(self) -> str:
        """The folder of its photos, below Img/."""
        department = _DEPARTMENTS.get(self.class_name, "TOPS")
        return f"img/{department}/{self.class_name}/id_{self.number:08d}"

    @property
    def split(self) -> str:
        """train, val or test, the same for all its photos."""
        return _SPLITS[self.index_in_class % len(_SPLITS)]

    def list_photos(self) -> list[tuple[str, str]]:
        """Source and path of each photo. "comsumer" is DeepFashion's spelling."""
        numbers = range(1, self.consumers + 1)
        consumer_photos = [("consumer", f"{self.folder}/comsumer_{k:02d}.jpg") for k in numbers]
        return [("shop", f"{self.folder}/shop_01.jpg"), *consumer_photos]


def make_shopsim(root: str | Path, photos: int = 1000, seed: int = 0) -> bool:
    """Renders the data set into `root`, all of it or nothing.

    The same photos and seed give the same files.

    Args:
        root: the folder; created where it does not exist.
        photos: how many, at least two for each class.
        seed: of all random choices.
    Returns:
        Whether it was rendered: False where `root` already holds it.
    Raises:
        InputError: too few photos, or `root` holds other files or another ShopSim.
    """
    root = Path(root)
    if photos < 2 * len(CLASSES):
        raise InputError(
            f"--photos {photos}: ShopSim needs at least {2 * len(CLASSES)}, two for each class"
        )
    requested = {"photos": photos, "seed": seed, "drawing": RENDERER_VERSION}
    if root.is_dir() and any(root.iterdir()):
        manifest = read_json(root / MANIFEST) if (root / MANIFEST).is_file() else None
        if not isinstance(manifest, dict):
            raise InputError(
                f"{root} holds files that are not ShopSim's; name an empty folder with --data-dir"
            )
        existing = {name: manifest.get(name) for name in requested}
        if existing != requested:
            raise InputError(
                f"{root} holds another ShopSim ({_describe(existing)}, not {_describe(requested)});"
                " remove it, or name another folder with --data-dir"
            )
        return False
    for leftover in root.parent.glob(f".{root.name}.*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with atomic_folder(root) as part:
        _render_dataset(part, photos, seed)
        write_json(part / MANIFEST, requested | {"sha256": _hash_files(part)})
    return True


def generate_items(photos: int, seed: int) -> Iterator[Item]:
    """Yields items, class by class in turn: each with one shop photo and one to three by customers.

    Args:
        photos: how many all items have together.
        seed: of the numbers of photos by customers.
    """
    rng = np.random.default_rng([seed, 0])
    number = 0
    remaining = photos
    while remaining:
        consumers = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
        if remaining - consumers - 1 < 2:  # too few photos for another item
            consumers = remaining - 1
        class_name = CLASSES[number % len(CLASSES)]
        yield Item(number + 1, number // len(CLASSES), class_name, consumers)
        number += 1
        remaining -= consumers + 1


def render_item(
    item: Item, seed: int
) -> Iterator[tuple[str, str, np.ndarray, tuple[int, int, int, int], str]]:
    """Yields the photos of an item.

    Args:
        item: all its photos show the same garment.
        seed: of the data set.
    Yields:
        Source, path, uint8 (H, W, 3) image, box (x1, y1, x2, y2) and type (upper, lower or full).
    """
    cut = sample_cut(item.class_name, np.random.default_rng([seed, item.number]))
    for k, (source, path) in enumerate(item.list_photos()):
        for attempt in range(_MAX_ATTEMPTS):
            rng = np.random.default_rng([seed, item.number, k, attempt])
            full_figure = rng.random() < _FULL_FIGURE_SHARE
            photo, mask = render_photo(cut, source, full_figure, rng)
            if mask.mean() >= _MIN_GARMENT_SHARE:
                break
        else:
            raise RuntimeError(f"{path}: the garment is hidden in all {_MAX_ATTEMPTS} attempts")
        yield source, path, photo, mask_to_box(mask), cut.type


def mask_to_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """bool (H, W) with a True pixel -> x1, y1, x2, y2 around them, x2 and y2 exclusive."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _render_dataset(root: Path, photos: int, seed: int) -> None:
    """Writes the photos, the table of boxes and the table of pairs with their splits."""
    boxes = []
    pairs = []
    with tqdm(total=photos, unit="photo", desc="ShopSim", mininterval=1) as progress:
        for item in generate_items(photos, seed):
            for source, name, photo, box, garment_type in render_item(item, seed):
                path = root / "Img" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(photo).save(path, quality=90)
                corners = " ".join(f"{corner:03d}" for corner in box)
                boxes.append(f"{name:<72} {_TYPES[garment_type]} {_SOURCES[source]} {corners}")
                progress.update()
            (_, shop), *consumers = item.list_photos()
            for _, consumer in consumers:
                pairs.append(f"{consumer:<72} {shop:<72} id_{item.number:08d} {item.split}")
    box_columns = "image_name clothes_type source_type x_1 y_1 x_2 y_2"
    pair_columns = "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    _write_table(root / BOX_FILE, box_columns, boxes)
    _write_table(root / SPLIT_FILE, pair_columns, pairs)


def _write_table(path: Path, columns: str, rows: list[str]) -> None:
    """Writes DeepFashion's format: the number of rows, the names of the columns, the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([str(len(rows)), columns, *rows]) + "\n", encoding="utf-8")


def _hash_files(root: Path) -> str:
    """sha256 over the names and contents of all files, in the order of their names."""
    total = hashlib.sha256()
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        name = file.relative_to(root).as_posix().encode()
        total.update(name + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _describe(manifest: dict) -> str:
    return (
        f"{manifest['photos']} photos, seed {manifest['seed']},"
        f" renderer version {manifest['drawing']}"
    )
