"""DeepFashion, Consumer-to-Shop: 239,557 photos of shops and customers, one labelled garment each.

Liu, Luo, Qiu, Wang and Tang, "DeepFashion: Powering Robust Clothes Recognition and Retrieval with Rich
Annotations", CVPR 2016. On disk: `Anno/list_bbox_consumer2shop.txt` and `Eval/list_eval_partition.txt`
(the count, the columns' names, the rows, padded with blanks), `img/DEPARTMENT/CLASS/id_NNNNNNNN/*.jpg` at the
root or below `Img/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from shopee_od.datasets.cleaning import report
from shopee_od.datasets.dataset import SPLITS, Dataset, Problems
from shopee_od.datasets.tables import photos_root, place_in, read_rows, with_boxes, with_parts, with_sizes
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
_PARTS = ("department", "leaf", "item", "photo")
_TYPES = {"1": "upper", "2": "lower", "3": "full"}
_SOURCES = {"1": "shop", "2": "consumer"}


def read_shopsim(root: str | Path) -> Dataset:
    """The data set that `shopsim` draws, which lies in the same layout."""
    return read_consumer_to_shop(root, name="shopsim")


def read_womenswear(root: str | Path) -> Dataset:
    """All departments but CLOTHING, which is reported to be largely menswear."""
    return read_consumer_to_shop(root, without=("CLOTHING",), name="deepfashion-women")


def read_consumer_to_shop(root: str | Path, without: Iterable[str] = (), name: str = "deepfashion") -> Dataset:
    """Every photo with its one garment; those of the departments `without` are left out.

    1. The corners are taken as points: x_2 and y_2 are the garment's far edges, exclusive; nothing is added.
    2. Splits are by item: a photo in no pair takes its item's split; an item that pairs put into two takes
       the one furthest from training (test before val before train); an item in no pair is in no split.
    3. A photo whose only box is of no use is left out: an unlabelled garment would teach the wrong thing.
    4. `image_id` and `box_id` are the row's number from 0, whatever else is left out.

    Raises InputError where the layout is not there; single bad rows are dropped, counted in `problems`.
    """
    root, problems = Path(root), Problems()
    photos = photos_root(root)
    rows = read_rows(root / BOX_FILE, _BOX_COLUMNS, problems)
    rows = with_parts(rows, photos, _PARTS, BOX_FILE, problems)
    rows = _without(rows, without, root)
    rows = _known(rows, problems)
    rows["split"] = _splits(read_rows(root / SPLIT_FILE, _SPLIT_COLUMNS, problems), rows, problems)
    rows = with_sizes(rows, photos, BOX_FILE, problems)
    rows = with_boxes(rows, BOX_FILE, problems)
    rows["path"] = f"{photos}/" + rows.image_name
    return Dataset.build(name, root, CLASSES, rows, rows, problems)


def _without(rows: pd.DataFrame, departments: Iterable[str], root: Path) -> pd.DataFrame:
    there = sorted(set(rows.department))
    for department in departments:
        if department not in there:
            raise InputError(f"{root}: no department {department}; there are {', '.join(there)}")
    return rows[~rows.department.isin(list(departments))]


def _known(rows: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Adds label, type and source; drops classes that are not among the 16."""
    label = rows.leaf.map({name: i for i, name in enumerate(CLASSES)})
    rows = rows.assign(label=label, type=rows.clothes_type.map(_TYPES), source=rows.source_type.map(_SOURCES))
    report(problems, "class that is not among the 16: dropped", label.isna(), place_in(BOX_FILE, rows))
    rows = rows[label.notna()]
    place = place_in(BOX_FILE, rows)
    report(problems, "clothes_type that is not 1, 2 or 3: left open", rows.type.isna(), place)
    report(problems, "source_type that is not 1 or 2: left open", rows.source.isna(), place)
    return rows.fillna({"type": "", "source": ""})


def _splits(pairs: pd.DataFrame, rows: pd.DataFrame, problems: Problems) -> pd.Series:
    """The split of each row's item, by the folder that its photos share; "" where the item is in no pair."""
    known = pairs.evaluation_status.isin(SPLITS)
    report(problems, "pair whose split is not train, val or test: dropped", ~known, place_in(SPLIT_FILE, pairs))
    photos = pairs[known].melt("evaluation_status", ["image_pair_name_1", "image_pair_name_2"], value_name="name")
    items = photos.assign(folder=photos.name.map(_folder), split=photos.evaluation_status.map(SPLITS.index))
    items = items.drop_duplicates(["folder", "split"]).sort_values("split", ascending=False)
    torn = items.folder.duplicated()
    report(problems, "item in two splits: kept out of training", torn, items.folder.iloc.__getitem__)
    split = rows.image_name.map(_folder).map(items[~torn].set_index("folder").split.map(SPLITS.__getitem__))
    report(problems, "photo of an item in no pair: in no split", split.isna(), place_in(BOX_FILE, rows))
    return split.fillna("")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
