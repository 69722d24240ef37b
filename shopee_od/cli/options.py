"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shopee_od.errors import InputError

if TYPE_CHECKING:
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
    Path, typer.Option("--model", help="A saved detector, such as RUN/detector.")
]

DEFAULT_PROFILE = "laptop"
PROFILE_HELP = "smoke, laptop, gpu or deepfashion"


def build_profile(name: str, dataset: str, assignments: list[str] | None) -> Profile:
    """The profile for a data set, with the values of `--set` put in.

    Args:
        name: smoke, laptop, gpu or deepfashion.
        dataset: the data set's name; some profiles have other sizes for some data sets.
        assignments: `NAME=VALUE`, several values with commas.
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
    return set_values(profile(name, dataset), assignments or [])
