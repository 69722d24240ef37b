"""DeepFashion, Consumer-to-Shop: 239,557 photos of shops and customers, one labelled garment each.

Liu, Luo, Qiu, Wang and Tang, "DeepFashion: Powering Robust Clothes Recognition and Retrieval with Rich
Annotations", CVPR 2016. On disk: `Anno/list_bbox_consumer2shop.txt` and `Eval/list_eval_partition.txt`
(the count, the columns' names, the rows, padded with blanks), `img/DEPARTMENT/CLASS/id_NNNNNNNN/*.jpg` at the
root or below `Img/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from shopee_od.datasets.cache import photo_sizes
from shopee_od.datasets.cleaning import clean_boxes, report
from shopee_od.datasets.dataset import SPLITS, Dataset, Problems
from shopee_od.paths import inside
from shopee_od.types import InputError

CLASSES = (
    "Blouse",
    "Summer_Wear",
    "Coat",
    "Sleeveless_Dress",
    "Lace_Dress",
    "Pants",
    "Tank_Top",
    "Lace_Shirt",
    "Chiffon",
    "Skirt",
    "Jeans",
    "Leggings",
    "Suspenders_Skirt",
    "T_Shirt",
    "Dress",
    "Polo_Shirt",
)
BOX_FILE = "Anno/list_bbox_consumer2shop.txt"
SPLIT_FILE = "Eval/list_eval_partition.txt"

_BOX_COLUMNS = ("image_name", "clothes_type", "source_type", "x_1", "y_1", "x_2", "y_2")
_SPLIT_COLUMNS = ("image_pair_name_1", "image_pair_name_2", "item_id", "evaluation_status")
_PATH = r"img/([^/\\\x00]+)/([^/\\\x00]+)/([^/\\\x00]+)/([^/\\\x00]+)"
_TYPES = {"1": "upper", "2": "lower", "3": "full"}
_SOURCES = {"1": "shop", "2": "consumer"}


def read_shopsim(root: str | Path) -> Dataset:
    """The data set that `shopsim` draws, which lies in the same layout."""
    return read_consumer_to_shop(root, name="shopsim")


def read_consumer_to_shop(
    root: str | Path, departments: Iterable[str] | None = None, name: str = "deepfashion"
) -> Dataset:
    """Every photo with its one garment; `departments` keeps only these (CLOTHING is said to be menswear).

    1. The corners are taken as points: x_2 and y_2 are the garment's far edges, exclusive; nothing is added.
    2. Splits are by item: a photo in no pair takes its item's split; an item that pairs put into two takes
       the one furthest from training (test before val before train); an item in no pair is in no split.
    3. A photo whose only box is of no use is left out: an unlabelled garment would teach the wrong thing.
    4. `image_id` and `box_id` are the row's number from 0, whatever else is left out.

    Raises InputError where the layout is not there; single bad rows are dropped, counted in `problems`.
    """
    root, problems = Path(root), Problems()
    photos = _photos_root(root)
    rows = _read_rows(root / BOX_FILE, _BOX_COLUMNS, problems)
    rows = _with_parts(rows, photos, problems)
    rows = _of_departments(rows, departments, root)
    rows = _known(rows, problems)
    rows["split"] = _splits(_read_rows(root / SPLIT_FILE, _SPLIT_COLUMNS, problems), rows, problems)
    rows = _with_sizes(rows, photos, problems)
    rows = _with_boxes(rows, problems)
    rows["path"] = f"{photos}/" + rows.image_name
    return Dataset.build(name, root, CLASSES, rows, rows, problems)


def _photos_root(root: Path) -> Path:
    for folder in (root / "Img", root):
        if (folder / "img").is_dir():
            return folder
    raise InputError(f"{root}: there is no img/ and no Img/img/; unpack the data set's photos there")


def _read_rows(path: Path, columns: tuple[str, ...], problems: Problems) -> pd.DataFrame:
    """A table in DeepFashion's format: strings by its columns' names, and `place`, each row's for `problems`.

    Split by hand: pandas' reader knows neither which line was short nor a quotation mark in a name.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except OSError as e:
        raise InputError(f"{path}: not readable ({e.strerror}); unpack the data set's {path.parent.name}/") from None
    count, names = [*(line.split() for line in lines[:2]), [], []][:2]
    if len(count) != 1 or not count[0].isdecimal() or any(names.count(column) != 1 for column in columns):
        raise InputError(f"{path}: row 1 must be the count and row 2 name {' '.join(columns)}; fetch it again")
    rows, filled, wanted = [], 0, [names.index(column) for column in columns]
    for number, fields in enumerate(map(str.split, lines[2:]), 3):
        filled += bool(fields)
        if len(fields) == len(names):
            rows.append((*(fields[i] for i in wanted), number))
        elif fields:
            problems.add(f"row without its {len(names)} columns: dropped", f"{path.name} row {number}")
    if int(count[0]) != filled:
        problems.add("wrong count in row 1: every row was read", f"{path.name}: {count[0]}, not {filled}")
    table = pd.DataFrame(rows, columns=[*columns, "line"])
    return table.assign(place=f"{path.name} row " + table.line.astype(str))


def _with_parts(rows: pd.DataFrame, photos: Path, problems: Problems) -> pd.DataFrame:
    """Adds what the path says (department, leaf, item, folder) and the ids; drops other paths and repeats."""
    parts = rows.image_name.str.extract(f"^{_PATH}$")
    fine = parts.notna().all(axis=1) & ~parts.isin([".", ".."]).any(axis=1)
    for row in rows[~fine].itertuples():
        try:
            inside(photos, row.image_name, row.place)
            problems.add("path is not img/DEPARTMENT/CLASS/id/file: dropped", row.place)
        except InputError as e:
            problems.add("path leaves the data set: dropped", str(e))
    twice = rows.image_name.duplicated()
    report(problems, "second row for a photo: dropped", fine & twice, rows.place.iloc.__getitem__)
    folder = rows.image_name.map(_folder)
    rows = rows.assign(department=parts[0], leaf=parts[1], item=parts[2], folder=folder)
    rows = rows.assign(image_id=rows.line - 3, box_id=rows.line - 3)
    return rows[fine & ~twice]


def _of_departments(rows: pd.DataFrame, departments: Iterable[str] | None, root: Path) -> pd.DataFrame:
    if departments is None:
        return rows
    there, wanted = sorted(set(rows.department)), set(departments)
    if not wanted <= set(there):
        raise InputError(f"{root}: no department {sorted(wanted - set(there))}; choose from {there}")
    return rows[rows.department.isin(wanted)]


def _known(rows: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Adds label, type and source; drops classes that are not among the 16."""
    label = rows.leaf.map({name: i for i, name in enumerate(CLASSES)})
    rows = rows.assign(label=label, type=rows.clothes_type.map(_TYPES), source=rows.source_type.map(_SOURCES))
    report(problems, "class that is not among the 16: dropped", label.isna(), rows.place.iloc.__getitem__)
    rows = rows[label.notna()]
    place = rows.place.iloc.__getitem__
    report(problems, "clothes_type that is not 1, 2 or 3: left open", rows.type.isna(), place)
    report(problems, "source_type that is not 1 or 2: left open", rows.source.isna(), place)
    return rows.fillna({"type": "", "source": ""})


def _splits(pairs: pd.DataFrame, rows: pd.DataFrame, problems: Problems) -> pd.Series:
    """The split of each row's item, by the folder that its photos share; "" where the item is in no pair."""
    known = pairs.evaluation_status.isin(SPLITS)
    report(problems, "pair whose split is not train, val or test: dropped", ~known, pairs.place.iloc.__getitem__)
    photos = pairs[known].melt(
        ["evaluation_status", "place"], ["image_pair_name_1", "image_pair_name_2"], value_name="name"
    )
    items = photos.assign(folder=photos.name.map(_folder), split=photos.evaluation_status.map(SPLITS.index))
    items = items.drop_duplicates(["folder", "split"]).sort_values("split", ascending=False)
    torn = items.folder.duplicated()
    report(problems, "item in two splits: kept out of training", torn, items.folder.iloc.__getitem__)
    split = rows.folder.map(items[~torn].set_index("folder").split.map(SPLITS.__getitem__))
    report(problems, "photo of an item in no pair: in no split", split.isna(), rows.place.iloc.__getitem__)
    return split.fillna("")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _with_sizes(rows: pd.DataFrame, photos: Path, problems: Problems) -> pd.DataFrame:
    """Adds width and height of the upright photos; drops those that are absent or not readable."""
    sizes = photo_sizes(photos, rows.image_name.tolist())
    bad = np.array([isinstance(size, InputError) for size in sizes], bool)
    place = rows.place.to_numpy()
    report(problems, "photo absent or not readable: dropped", bad, lambda i: f"{place[i]}: {sizes[i]}")
    read = np.array([size for size in sizes if not isinstance(size, InputError)], np.int64).reshape(-1, 2)
    return rows[~bad].assign(width=read[:, 0], height=read[:, 1])


def _with_boxes(rows: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Adds x1, y1, x2, y2 inside the photo; drops photos whose box is of no use."""
    given = rows[["x_1", "y_1", "x_2", "y_2"]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    boxes, usable = clean_boxes(given, rows.width, rows.height, problems, rows.place.iloc.__getitem__)
    return rows.assign(**dict(zip(("x1", "y1", "x2", "y2"), boxes.T, strict=True)))[usable]
