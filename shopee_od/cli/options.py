"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shopee_od.errors import InputError

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset
    from shopee_od.profiles import Profile

DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", help="A data set that `data list` names; for your own labels: coco or voc."
    ),
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", help="The data set's folder; default data/NAME.")
]
DatasetsOption = Annotated[
    list[str],
    typer.Option(
        "--dataset",
        help="A data set that `data list` names; for your own labels: coco or voc. May be "
        "repeated: several data sets are joined, and their classes are the taxonomy's categories.",
    ),
]
DataDirsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--data-dir",
        help="The data set's folder; default data/NAME. With several data sets: one for each of "
        "them, in the same order.",
    ),
]
CategoriesOption = Annotated[
    bool,
    typer.Option(
        "--categories",
        help="Take the taxonomy's categories for the classes of a single data set too.",
    ),
]
SplitOption = Annotated[str, typer.Option("--split", help="train, val, test or all.")]
SeedOption = Annotated[
    int,
    typer.Option("--seed", help="The same seed gives the same result.", min=0, max=2**32 - 1),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a setting, as in steps=500 or svm.c=0.02. May be repeated.",
    ),
]
TaxonomyOption = Annotated[
    Path | None,
    typer.Option(
        "--taxonomy", help="Your own categories; default the package's datasets/taxonomy.yaml."
    ),
]
ModelOption = Annotated[
    Path,
    typer.Option(
        "--model",
        help="A saved detector, such as RUN/detector; default the one that comes with the package.",
        show_default=False,
    ),
]

DEFAULT_PROFILE = "laptop"
PROFILE_HELP = "smoke, laptop, shop, gpu or deepfashion"


def open_datasets(names: list[str], data_dirs: list[Path] | None) -> list[Dataset]:
    """The data sets that `--dataset` and `--data-dir` name.

    Args:
        names: as `datasets.DATASETS` has them.
        data_dirs: their folders, in the same order; None for the default ones.
    Returns:
        The data sets, in the order of their names.
    Raises:
        InputError: one of them cannot be opened or is named twice, or the folders are not as many.
    """
    from shopee_od.datasets import open_dataset

    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"--dataset {repeated[0]} is given twice; name each data set once")
    if data_dirs and len(data_dirs) != len(names):
        raise InputError(
            f"--data-dir is given {len(data_dirs)} times for {len(names)} data sets; name one "
            "folder for each of them in the same order, or none"
        )
    if not data_dirs:
        return [open_dataset(name) for name in names]
    return [open_dataset(name, folder) for name, folder in zip(names, data_dirs, strict=True)]


def open_as_one(
    names: list[str],
    data_dirs: list[Path] | None,
    taxonomy: Path | None,
    categories: bool,
    required_split: str = "all",
) -> Dataset:
    """A single data set as it is; several, or one under `--categories`, joined by a taxonomy.

    Args:
        names: as for `open_datasets`.
        data_dirs: as for `open_datasets`.
        taxonomy: its file; None for the package's.
        categories: whether a single data set gets the taxonomy's categories as classes.
        required_split: each of the data sets must have photos in this split.
    Returns:
        One data set, of all splits.
    Raises:
        InputError: as `open_datasets` and `join_datasets`, or a data set has no photo in the split.
    """
    from shopee_od.datasets.joint import join_datasets
    from shopee_od.datasets.taxonomy import read_taxonomy

    is_joint = len(names) > 1 or categories
    tree = read_taxonomy(taxonomy) if is_joint else None
    datasets = open_datasets(names, data_dirs)
    for dataset in datasets:
        dataset.split(required_split)  # raises where it has none
    return join_datasets(datasets, tree) if tree else datasets[0]


def build_profile(name: str, datasets: list[str], assignments: list[str] | None) -> Profile:
    """The profile for data sets, with the values of `--set` put in.

    Args:
        name: smoke, laptop, shop, gpu or deepfashion.
        datasets: their names; some profiles have other sizes for a single one of them.
        assignments: `NAME=VALUE`, several values with commas.
    Returns:
        The profile, checked.
    Raises:
        InputError: there is no such profile or setting, or the values do not fit together.
    """
    from shopee_od.config import set_values
    from shopee_od.profiles import profile

    for assignment in assignments or []:
        if assignment.partition("=")[0].strip() in ("name", "description"):
            raise InputError(
                f"--set {assignment}: this names the profile; set one of its sizes, as in steps=500"
            )
    dataset = datasets[0] if len(datasets) == 1 else ""
    return set_values(profile(name, dataset), assignments or [])
