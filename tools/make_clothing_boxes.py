"""Writes the package's table of Clothing's boxes from a box file and the photos it was made on.

    python -m tools.make_clothing_boxes FOLDER

FOLDER holds boxes.csv and images/. Nothing at run time needs this.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from shopee_od.datasets.clothing import BOX_FILE, COLUMNS, FOLDER
from shopee_od.datasets.duplicates import perceptual_hash
from shopee_od.datasets.photos import read_size
from shopee_od.io import atomic_file

CORRECTIONS = {  # a copy of test photo 6075b4a5-5b1a-4ce0-aea0-9dbfbca7c35c, which shows shorts
    "637a56e4-7fa6-4f75-8859-0f8902461554": {"split": "", "garment": "shorts"}
}


def make_table(folder: Path) -> pd.DataFrame:
    """The rows of boxes.csv with the size and the perceptual hash of each photo.

    Args:
        folder: with boxes.csv and images/.
    Returns:
        All values as text, as they are in boxes.csv, except for CORRECTIONS.
    """
    rows = pd.read_csv(folder / "boxes.csv", dtype=str, keep_default_na=False)
    photos = [folder / FOLDER / f"{image}.jpg" for image in rows.image]
    sizes = [read_size(photo) for photo in photos]
    rows["width"], rows["height"] = zip(*sizes, strict=True)
    rows["phash"] = [perceptual_hash(photo) for photo in tqdm(photos, unit="photo")]
    rows["kids"] = rows.kids.map({"False": "0", "True": "1"})
    for image, values in CORRECTIONS.items():
        rows.loc[rows.image == image, list(values)] = list(values.values())
    return rows[list(COLUMNS)]


if __name__ == "__main__":
    table = make_table(Path(sys.argv[1]))
    with atomic_file(BOX_FILE) as part:
        table.to_csv(part, index=False, lineterminator="\n")
