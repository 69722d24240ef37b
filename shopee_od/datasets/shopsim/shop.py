"""ShopSim on disk: items with their photos, in the layout of DeepFashion's Consumer-to-Shop folder."""

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
from shopee_od.datasets.shopsim.scenes import photograph
from shopee_od.datasets.shopsim.wardrobe import cut
from shopee_od.paths import read_json, whole_folder, write_json
from shopee_od.types import InputError

MANIFEST = "shopsim.json"
DRAWING = 1
"""The drawing's number: raised when the same seed no longer gives the same photos."""

_DEPARTMENTS = {
    **dict.fromkeys(("Pants", "Jeans", "Leggings"), "TROUSERS"),
    **dict.fromkeys(("Dress", "Sleeveless_Dress", "Lace_Dress", "Skirt", "Suspenders_Skirt"), "DRESSES"),
}
_TYPES = {"upper": 1, "lower": 2, "full": 3}
_SOURCES = {"shop": 1, "consumer": 2}
# The splits of a class's items in turn: 7 of 10 to train, and each split has one of the first three.
_SPLITS = ("train", "test", "val", "train", "train", "train", "test", "train", "train", "train")
_WHOLE = 0.13  # of the photos show an outfit of two garments, one of them labelled
_SMALLEST = 0.03  # share of the photo that a garment covers at least
_TRIES = 20


@dataclass(frozen=True)
class Item:
    """One garment that is sold: `number` counts them all, `turn` those of its class."""

    number: int
    turn: int
    leaf: str
    consumers: int  # photos by customers, beside the shop's one

    @property
    def folder(self) -> str:
        return f"img/{_DEPARTMENTS.get(self.leaf, 'TOPS')}/{self.leaf}/id_{self.number:08d}"

    @property
    def split(self) -> str:
        return _SPLITS[self.turn % len(_SPLITS)]

    def names(self) -> list[tuple[str, str]]:
        """(source, path) of its photos; DeepFashion spells consumers so."""
        theirs = [("consumer", f"{self.folder}/comsumer_{k:02d}.jpg") for k in range(1, self.consumers + 1)]
        return [("shop", f"{self.folder}/shop_01.jpg"), *theirs]


def make_shopsim(root: str | Path, photos: int = 1000, seed: int = 0) -> bool:
    """Draws the data set into `root`, whole or not at all -> whether there was anything to draw.

    The same photos and seed give the same files. Raises InputError where other things lie in `root`.
    """
    root = Path(root)
    if photos < 2 * len(CLASSES):
        raise InputError(f"--photos {photos}: ShopSim needs at least {2 * len(CLASSES)}, two for each class")
    wanted = {"photos": photos, "seed": seed, "drawing": DRAWING}
    if root.is_dir() and any(root.iterdir()):
        held = read_json(root / MANIFEST) if (root / MANIFEST).is_file() else None
        if not isinstance(held, dict):
            raise InputError(f"{root} holds other things than ShopSim; give it a folder of its own with --data-dir")
        theirs = {name: held.get(name) for name in wanted}
        if theirs != wanted:
            raise InputError(
                f"{root} holds another ShopSim ({_told(theirs)}, not {_told(wanted)}); remove it, or use --data-dir"
            )
        return False
    for left in root.parent.glob(f".{root.name}.*"):  # of a drawing that was killed
        shutil.rmtree(left, ignore_errors=True)
    with whole_folder(root) as part:
        _draw(part, photos, seed)
        write_json(part / MANIFEST, wanted | {"sha256": _digest(part)})
    return True


def items(photos: int, seed: int) -> Iterator[Item]:
    """Items of all classes in turn with `photos` photos together: one of the shop and one to three of customers."""
    rng, number, left = np.random.default_rng([seed, 0]), 0, photos
    while left:
        consumers = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
        if left - consumers - 1 < 2:  # nothing that would be too little for another item
            consumers = left - 1
        yield Item(number + 1, number // len(CLASSES), CLASSES[number % len(CLASSES)], consumers)
        number, left = number + 1, left - consumers - 1


def draw_item(item: Item, seed: int) -> Iterator[tuple[str, str, np.ndarray, tuple[int, int, int, int], str]]:
    """(source, path, uint8 (H, W, 3), box (x1, y1, x2, y2), type) of each of its photos."""
    made = cut(item.leaf, np.random.default_rng([seed, item.number]))
    for k, (source, name) in enumerate(item.names()):
        for attempt in range(_TRIES):
            rng = np.random.default_rng([seed, item.number, k, attempt])
            photo, mask = photograph(made, source, rng.random() < _WHOLE, rng)
            if mask.mean() >= _SMALLEST:
                break
        else:
            raise RuntimeError(f"{name}: no drawing of it shows the garment")
        yield source, name, photo, box_of(mask), made.type


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """bool (H, W) -> x1, y1, x2, y2 of its pixels, x2 and y2 exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _draw(root: Path, photos: int, seed: int) -> None:
    boxes, pairs = [], []
    with tqdm(total=photos, unit="photo", desc="ShopSim", mininterval=1) as progress:
        for item in items(photos, seed):
            for source, name, photo, box, kind in draw_item(item, seed):
                path = root / "Img" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(photo).save(path, quality=90)
                corners = " ".join(f"{corner:03d}" for corner in box)
                boxes.append(f"{name:<72} {_TYPES[kind]} {_SOURCES[source]} {corners}")
                progress.update()
            (_, shop), *consumers = item.names()
            pairs += [f"{name:<72} {shop:<72} id_{item.number:08d} {item.split}" for _, name in consumers]
    _table(root / BOX_FILE, "image_name clothes_type source_type x_1 y_1 x_2 y_2", boxes)
    _table(root / SPLIT_FILE, "image_pair_name_1 image_pair_name_2 item_id evaluation_status", pairs)


def _table(path: Path, names: str, rows: list[str]) -> None:
    """In DeepFashion's format: the count, the columns' names, the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([str(len(rows)), names, *rows]) + "\n", encoding="utf-8")


def _digest(root: Path) -> str:
    """sha256 over all files, by their names."""
    total = hashlib.sha256()
    for file in sorted(file for file in root.rglob("*") if file.is_file()):
        total.update(file.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _told(what: dict) -> str:
    return f"{what['photos']} photos, seed {what['seed']}, drawing {what['drawing']}"
