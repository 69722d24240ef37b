"""DeepFashion, Category and Attribute Prediction: 289,222 photos, one garment each, 50 categories.

Liu, Luo, Qiu, Wang and Tang, "DeepFashion: Powering Robust Clothes Recognition and Retrieval with
Rich Annotations", CVPR 2016. On disk: `Anno_coarse/` (`Anno/` in older copies) with
`list_category_cloth.txt`, the names and types of the categories in the order of their numbers,
`list_category_img.txt` and `list_bbox.txt`; `Eval/list_eval_partition.txt`; `img/FOLDER/*.jpg` at
the root or below `Img/`.
"""

from __future__ import annotations

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
from shopee_od.structures import GARMENT_TYPES

BOX_FILES = ("Anno_coarse/list_bbox.txt", "Anno/list_bbox.txt")
SPLIT_FILE = "Eval/list_eval_partition.txt"

_BOX_COLUMNS = ("image_name", "x_1", "y_1", "x_2", "y_2")


def read_deepfashion_category(root: str | Path) -> Dataset:
    """Reads every photo with its one garment; `item` is the folder, whose photos are of one search.

    1. The classes are the rows of list_category_cloth.txt, numbered from 1 in
       list_category_img.txt.
    2. Splits are as the authors give them, photo by photo.
    3. Corners, ids, and a photo whose box is unusable: as in Consumer-to-Shop.

    Args:
        root: the folder with Anno_coarse/ or Anno/, Eval/, and img/ or Img/img/.
    Returns:
        The data set; single bad rows are dropped and counted in `problems`.
    Raises:
        InputError: the layout is not there, or list_category_cloth.txt has any fault, since its
            rows number the classes.
    """
    root = Path(root)
    problems = ProblemLog()
    photos = find_photos_root(root)
    box_files = [root / file for file in BOX_FILES]
    box_file = next((file for file in box_files if file.is_file()), box_files[0])
    categories = _read_categories(box_file.with_name("list_category_cloth.txt"))
    rows = read_rows(box_file, _BOX_COLUMNS, problems)
    rows = add_path_parts(rows, photos, ("item", "photo"), box_file, problems)
    category_file = box_file.with_name("list_category_img.txt")
    labels = read_rows(category_file, ("image_name", "category_label"), problems)
    rows = _add_labels(rows, labels, categories, box_file, problems)
    splits = read_rows(root / SPLIT_FILE, ("image_name", "evaluation_status"), problems)
    rows["split"] = _assign_splits(splits, rows, box_file, problems)
    rows = add_sizes(rows, photos, box_file, problems)
    rows = add_boxes(rows, box_file, problems)
    rows["path"] = f"{photos}/" + rows.image_name
    return Dataset.build("deepfashion-category", root, categories.name, rows, rows, problems)


def _read_categories(path: Path) -> pd.DataFrame:
    """The categories' name and type, in the order of their numbers."""
    problems = ProblemLog()
    rows = read_rows(path, ("category_name", "category_type"), problems)
    types = dict(zip("123", GARMENT_TYPES, strict=True))
    categories = pd.DataFrame({"name": rows.category_name, "type": rows.category_type.map(types)})
    is_bad = categories.type.isna() | categories.name.duplicated()
    if problems.freeze() or is_bad.any() or not len(categories):
        raise InputError(
            f"{path}: its rows number the categories, so each must be there once, with a type of "
            "1 to 3; fetch it again"
        )
    return categories


def _add_labels(
    rows: pd.DataFrame,
    labels: pd.DataFrame,
    categories: pd.DataFrame,
    box_file: Path,
    problems: ProblemLog,
) -> pd.DataFrame:
    """Adds label and type; drops photos without a valid category."""
    number = rows.image_name.map(_index_by_photo(labels, "category_label"))
    number = pd.to_numeric(number, errors="coerce")
    known = number.isin(range(1, len(categories) + 1))
    problems.add_rows(
        f"category that is not 1 to {len(categories)}: dropped",
        ~known,
        locate_rows(box_file, rows),
    )
    rows = rows[known].assign(label=number[known].astype(int) - 1)
    return rows.assign(type=rows.label.map(dict(enumerate(categories.type))))


def _index_by_photo(rows: pd.DataFrame, column: str) -> pd.Series:
    """A column by image_name; the first row where a photo has two."""
    return rows.drop_duplicates("image_name").set_index("image_name")[column]


def _assign_splits(
    splits: pd.DataFrame, rows: pd.DataFrame, box_file: Path, problems: ProblemLog
) -> pd.Series:
    split = rows.image_name.map(_index_by_photo(splits, "evaluation_status"))
    known = split.isin(SPLITS)
    problems.add_rows(
        "photo without train, val or test: in no split", ~known, locate_rows(box_file, rows)
    )
    return split.where(known, "")
