"""DeepFashion, Consumer-to-Shop: 239,557 photos of shops and customers, one labeled garment each.

Liu, Luo, Qiu, Wang and Tang, "DeepFashion: Powering Robust Clothes Recognition and Retrieval with
Rich Annotations", CVPR 2016. On disk: `Anno/list_bbox_consumer2shop.txt` and
`Eval/list_eval_partition.txt` (the count, the columns' names, the rows, padded with spaces),
`img/DEPARTMENT/CLASS/id_NNNNNNNN/*.jpg` at the root or below `Img/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS
from shopee_od.datasets.tables import (
    add_boxes,
    add_path_parts,
    add_sizes,
    find_photos_root,
    locate_rows,
    read_rows,
)
from shopee_od.errors import InputError

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
    """The synthetic data set that `shopsim` renders in the same layout.

    Args:
        root: the folder with shopsim.json, Anno/, Eval/ and Img/img/.
    Returns:
        As `read_consumer_to_shop`.
    """
    return read_consumer_to_shop(root, name="shopsim")


def read_womenswear(root: str | Path) -> Dataset:
    """All departments but CLOTHING, which is reported to be largely menswear.

    Args:
        root: as for `read_consumer_to_shop`.
    Returns:
        As `read_consumer_to_shop`.
    """
    return read_consumer_to_shop(root, without=("CLOTHING",), name="deepfashion-women")


def read_consumer_to_shop(
    root: str | Path, without: Iterable[str] = (), name: str = "deepfashion"
) -> Dataset:
    """Reads every photo with its one garment.

    1. The corners are taken as points: x_2 and y_2 are the garment's far edges, exclusive; nothing
       is added.
    2. Splits are by item. A photo in no pair takes its item's split; an item that pairs put into
       two splits takes test before val before train; an item in no pair is in no split.
    3. A photo whose only box is unusable is left out: with it, an unlabeled garment would be
       trained on as background.
    4. `image_id` and `box_id` are the row's number from 0, whichever rows are dropped.

    Args:
        root: the folder with Anno/, Eval/ and img/ or Img/img/.
        without: departments to leave out.
        name: of the data set.
    Returns:
        The data set; single bad rows are dropped and counted in `problems`.
    Raises:
        InputError: the layout is not there.
    """
    root = Path(root)
    problems = ProblemLog()
    photos = find_photos_root(root)
    rows = read_rows(root / BOX_FILE, _BOX_COLUMNS, problems)
    rows = add_path_parts(rows, photos, _PARTS, BOX_FILE, problems)
    rows = _drop_departments(rows, without, root)
    rows = _add_labels(rows, problems)
    pairs = read_rows(root / SPLIT_FILE, _SPLIT_COLUMNS, problems)
    rows["split"] = _assign_splits(pairs, rows, problems)
    rows = add_sizes(rows, photos, BOX_FILE, problems)
    rows = add_boxes(rows, BOX_FILE, problems)
    rows["path"] = f"{photos}/" + rows.image_name
    return Dataset.build(name, root, CLASSES, rows, rows, problems)


def _drop_departments(rows: pd.DataFrame, departments: Iterable[str], root: Path) -> pd.DataFrame:
    present = sorted(set(rows.department))
    for department in departments:
        if department not in present:
            raise InputError(f"{root}: no department {department}; there are {', '.join(present)}")
    return rows[~rows.department.isin(list(departments))]


def _add_labels(rows: pd.DataFrame, problems: ProblemLog) -> pd.DataFrame:
    """Adds label, type and source; drops classes that are not among the 16."""
    rows = rows.assign(
        label=rows.leaf.map({name: i for i, name in enumerate(CLASSES)}),
        type=rows.clothes_type.map(_TYPES),
        source=rows.source_type.map(_SOURCES),
    )
    known = rows.label.notna()
    where = locate_rows(BOX_FILE, rows)
    problems.add_rows("class that is not among the 16: dropped", ~known, where)
    rows = rows[known]
    where = locate_rows(BOX_FILE, rows)
    problems.add_rows("clothes_type that is not 1, 2 or 3: left open", rows.type.isna(), where)
    problems.add_rows("source_type that is not 1 or 2: left open", rows.source.isna(), where)
    return rows.fillna({"type": "", "source": ""})


def _assign_splits(pairs: pd.DataFrame, rows: pd.DataFrame, problems: ProblemLog) -> pd.Series:
    """The split of each row's item, by the folder of its photos; "" where the item has no pair."""
    known = pairs.evaluation_status.isin(SPLITS)
    problems.add_rows(
        "pair whose split is not train, val or test: dropped",
        ~known,
        locate_rows(SPLIT_FILE, pairs),
    )
    photos = pairs[known].melt(
        "evaluation_status", ["image_pair_name_1", "image_pair_name_2"], value_name="name"
    )
    items = photos.assign(
        folder=photos.name.map(_folder), split=photos.evaluation_status.map(SPLITS.index)
    )
    items = items.drop_duplicates(["folder", "split"]).sort_values("split", ascending=False)
    repeated = items.folder.duplicated()
    problems.add_rows(
        "item in two splits: kept out of training", repeated, items.folder.iloc.__getitem__
    )
    split_of = items[~repeated].set_index("folder").split.map(SPLITS.__getitem__)
    split = rows.image_name.map(_folder).map(split_of)
    problems.add_rows(
        "photo of an item in no pair: in no split", split.isna(), locate_rows(BOX_FILE, rows)
    )
    return split.fillna("")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
