"""ModaNet: 55,176 street photos, 6 classes of garments and 7 of accessories, as COCO JSON.

Zheng, Yang, Kiapour and Piramuthu, "ModaNet: A Large-Scale Street Fashion Dataset with Polygon
Annotations", ACM Multimedia 2018. On disk: `modanet2018_instances_train.json` and `images/`.
"""

from __future__ import annotations

from pathlib import Path

from shopee_od.datasets.coco import build_dataset, select_garments
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.io import read_json

CLASSES = {
    "outer": "upper",
    "dress": "full",
    "pants": "lower",
    "top": "upper",
    "shorts": "lower",
    "skirt": "lower",
}
"""Class -> where it is worn. ModaNet's others are bags, belts, shoes, hats, scarves and glasses."""

FILE = "modanet2018_instances_train.json"
FOLDER = "images"


def read_modanet(root: str | Path) -> Dataset:
    """Reads ModaNet's one labeled file; `assign_split` gives the splits, by the order of the ids.

    Args:
        root: the folder with the annotations' file and images/.
    Returns:
        The data set; single bad entries are dropped and counted in `problems`.
    Raises:
        InputError: the file is absent or not of the format.
    """
    root = Path(root)
    file = root / FILE
    problems = ProblemLog()
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; put ModaNet's annotations there")
    content, locations = select_garments(file, read_json(file), CLASSES, problems)
    return build_dataset("modanet", root, file, FOLDER, content, problems, locations)
