"""DeepFashion, Category and Attribute Prediction: 289,222 photos, one labelled garment each, of 50 categories.

Liu, Luo, Qiu, Wang and Tang, "DeepFashion: Powering Robust Clothes Recognition and Retrieval with Rich
Annotations", CVPR 2016. On disk: `Anno_coarse/` (`Anno/` in older copies) with `list_category_cloth.txt`, the names and
types of the categories in the order of their numbers, `list_category_img.txt` and `list_bbox.txt`;
`Eval/list_eval_partition.txt`; `img/FOLDER/*.jpg` at the root or below `Img/`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from shopee_od.datasets.cleaning import report
from shopee_od.datasets.dataset import SPLITS, Dataset, Problems
from shopee_od.datasets.tables import photos_root, place_in, read_rows, with_boxes, with_parts, with_sizes
from shopee_od.types import TYPES, InputError

BOX_FILES = ("Anno_coarse/list_bbox.txt", "Anno/list_bbox.txt")
SPLIT_FILE = "Eval/list_eval_partition.txt"

_BOX_COLUMNS = ("image_name", "x_1", "y_1", "x_2", "y_2")


def read_category(root: str | Path) -> Dataset:
    """Every photo with its one garment; `item` is the folder, whose photos come from one search.

    1. The classes are the rows of list_category_cloth.txt, numbered from 1 in list_category_img.txt.
    2. Splits are as the authors give them, photo by photo.
    3. Corners, ids, and a photo whose box is of no use: as in Consumer-to-Shop.

    Raises InputError where the layout is not there, and where the categories' file has any fault, since its rows number
    the classes; single bad rows of the others are dropped, counted in `problems`.
    """
    root, problems = Path(root), Problems()
    photos = photos_root(root)
    box_file = next((root / file for file in BOX_FILES if (root / file).is_file()), root / BOX_FILES[0])
    categories = _categories(box_file.with_name("list_category_cloth.txt"))
    rows = read_rows(box_file, _BOX_COLUMNS, problems)
    rows = with_parts(rows, photos, ("item", "photo"), box_file, problems)
    given = read_rows(box_file.with_name("list_category_img.txt"), ("image_name", "category_label"), problems)
    number = pd.to_numeric(rows.image_name.map(_by_photo(given, "category_label")), errors="coerce")
    known = number.isin(range(1, len(categories) + 1))
    report(problems, f"category that is not 1 to {len(categories)}: dropped", ~known, place_in(box_file, rows))
    rows = rows[known].assign(label=number[known].astype(int) - 1)
    rows = rows.assign(type=rows.label.map(dict(enumerate(categories.type))))
    given = read_rows(root / SPLIT_FILE, ("image_name", "evaluation_status"), problems)
    rows["split"] = _splits(given, rows, box_file, problems)
    rows = with_sizes(rows, photos, box_file, problems)
    rows = with_boxes(rows, box_file, problems)
    rows["path"] = f"{photos}/" + rows.image_name
    return Dataset.build("deepfashion-category", root, categories.name, rows, rows, problems)


def _categories(path: Path) -> pd.DataFrame:
    """The categories' name and type, in the order of their numbers."""
    faults = Problems()
    rows = read_rows(path, ("category_name", "category_type"), faults)
    types = dict(zip("123", TYPES, strict=True))
    found = pd.DataFrame({"name": rows.category_name, "type": rows.category_type.map(types)})
    if faults or found.type.isna().any() or found.name.duplicated().any() or not len(found):
        raise InputError(
            f"{path}: its rows number the categories, so each must be there once, with a type of 1 to 3; fetch it again"
        )
    return found


def _by_photo(rows: pd.DataFrame, column: str) -> pd.Series:
    """A column by image_name; of a photo that stands twice the first row."""
    return rows.drop_duplicates("image_name").set_index("image_name")[column]


def _splits(given: pd.DataFrame, rows: pd.DataFrame, box_file: Path, problems: Problems) -> pd.Series:
    split = rows.image_name.map(_by_photo(given, "evaluation_status"))
    known = split.isin(SPLITS)
    report(problems, "photo without train, val or test: in no split", ~known, place_in(box_file, rows))
    return split.where(known, "")
