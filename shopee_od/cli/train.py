"""`shopee-od train`: trains any stage of the course from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shopee_od.cli.options import (
    DEFAULT_PROFILE,
    PROFILE_HELP,
    CategoriesOption,
    DataDirsOption,
    DatasetsOption,
    SeedOption,
    SettingsOption,
    TaxonomyOption,
    build_profile,
    open_as_one,
)
from shopee_od.detectors import KINDS
from shopee_od.errors import InputError
from shopee_od.models import SHIPPED

if TYPE_CHECKING:
    from shopee_od.datasets.dataset import Dataset
    from shopee_od.profiles import Profile

FASTER_RCNN = "faster_rcnn"
SPEEDS = [5.0, 50.0, 200.0]
"""Images per second for which `--dry-run` computes times by default."""


def train(
    dataset: DatasetsOption,
    run: Annotated[
        Path | None,
        typer.Option(help="The folder of this run; a stopped run resumes from it."),
    ] = None,
    detector: Annotated[
        str,
        typer.Option(metavar="KIND", help=f"One of {', '.join(KINDS)}."),
    ] = FASTER_RCNN,
    data_dir: DataDirsOption = None,
    categories: CategoriesOption = False,
    taxonomy: TaxonomyOption = None,
    profile: Annotated[
        str | None,
        typer.Option(help=f"For faster_rcnn: {PROFILE_HELP}; default {DEFAULT_PROFILE}."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="For faster_rcnn: what to start from: shipped (the detector that comes with the "
            "package), RUN, RUN/detector, or a Model Garden checkpoint."
        ),
    ] = None,
    settings: SettingsOption = None,
    seed: SeedOption = 0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="For faster_rcnn: print configuration, memory and hours; train nothing.",
        ),
    ] = False,
    images_per_second: Annotated[
        list[float] | None,
        typer.Option(help="For --dry-run: a training speed to compute the hours for."),
    ] = None,
) -> None:
    """Train a detector; it is saved in RUN/detector.

    With several data sets, or with --categories, the detector's classes are the taxonomy's
    categories. A box of which its data set tells several possible categories is trained as one of
    these.

    --set changes any setting of the detector: for faster_rcnn a size of its profile, for the others
    a field of their config.
    """
    if weights is not None and detector != FASTER_RCNN:
        raise InputError(
            f"--weights {weights}: only {FASTER_RCNN} starts from others; leave it out"
        )
    if weights is not None:
        start = SHIPPED if weights == "shipped" else weights
        settings = [*(settings or []), f"weights={start}"]
    config = _build_config(detector, dataset, profile, settings)
    if dry_run:
        if len(dataset) > 1 or categories:
            raise InputError("--dry-run: it estimates training on the classes of one data set only")
        folder = data_dir[0] if data_dir else None
        _print_estimate(detector, config, dataset[0], folder, images_per_second or SPEEDS)
        return
    if run is None:
        raise InputError("name the folder of the run: --run runs/NAME")
    if run.exists() and not run.is_dir():
        raise InputError(f"--run {run}: this is a file; name a folder")
    data = open_as_one(dataset, data_dir, taxonomy, categories, required_split="train")
    train_data = data.split("train")
    val_data = data.split("val") if (data.images.split == "val").any() else None
    if detector == FASTER_RCNN:
        _print_data_check(train_data, config)

    from shopee_od.detectors import create

    model = create(detector, config)
    directory = run / "detector"
    if detector == FASTER_RCNN:
        model.fit(train_data, val_data, run, seed)
        model.save(directory)
    else:  # its run folder is the detector's own
        model.fit(train_data, val_data, directory, seed)
    typer.echo(f"{model.name}: operating threshold {model.threshold:.2f}; saved in {directory}")


def _build_config(
    kind: str, datasets: list[str], profile: str | None, assignments: list[str] | None
) -> Any:
    """The config of a kind of detector, with the values of `--set`."""
    from shopee_od.config import set_values
    from shopee_od.detectors import default_config

    if kind not in KINDS:
        raise InputError(f"--detector {kind}: not known; choose one of {', '.join(KINDS)}")
    if kind == FASTER_RCNN:
        return build_profile(profile or DEFAULT_PROFILE, datasets, assignments)
    if profile is not None:
        raise InputError(
            f"--profile {profile}: only {FASTER_RCNN} has profiles; for {kind} use --set instead"
        )
    return set_values(default_config(kind), assignments or [])


def _print_data_check(train_data: Dataset, profile: Profile) -> None:
    from shopee_od.datasets.check import check_dataset

    typer.echo(f"data-set check of the {len(train_data):,} training photos:")
    typer.echo(f"{check_dataset(train_data, profile)}\n")


def _print_estimate(
    kind: str, config: Any, dataset: str, data_dir: Path | None, speeds: list[float]
) -> None:
    if kind != FASTER_RCNN:
        raise InputError(f"--dry-run: it estimates {FASTER_RCNN} only; leave it out for {kind}")
    from shopee_od.detectors.model_garden.estimate import estimate

    typer.echo("building the model to count its parameters", err=True)
    typer.echo(estimate(config, dataset, data_dir, speeds))
