"""`shopee-od report`: the notebooks as HTML pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shopee_od.cli.options import (
    DEFAULT_PROFILE,
    PROFILE_HELP,
    DataDirOption,
    DatasetOption,
    SeedOption,
)
from shopee_od.errors import InputError


def report(
    dataset: DatasetOption = "shopsim",
    data_dir: DataDirOption = None,
    profile: Annotated[str, typer.Option(help=f"{PROFILE_HELP}.")] = DEFAULT_PROFILE,
    seed: SeedOption = 0,
    name: Annotated[
        str | None, typer.Option(help="The report's folder in OUT; default the data set's name.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="One notebook: 07 or 07_train. May be repeated.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a report, or bring it up to date.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds per cell at most; default by profile.", min=1)
    ] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Your own photos, for notebooks 00 and 09, which tag them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for reports; default the project's reports/.")
    ] = None,
    notebooks: Annotated[
        Path | None, typer.Option(help="A folder of notebooks; default the project's notebooks/.")
    ] = None,
) -> None:
    """Run the notebooks and write them as HTML pages, with metrics and an index, into OUT/NAME.

    A notebook that fails is saved as NN.failed.ipynb and the next ones still run; the exit status
    is then 1.
    """
    from shopee_od.reports import make_report

    if photos and not photos.is_dir():
        raise InputError(f"--photos {photos}: there is no such folder; name a folder of photos")
    try:
        result = make_report(
            dataset=dataset,
            profile=profile,
            data_dir=data_dir,
            seed=seed,
            name=name,
            only=only or (),
            resume=resume,
            timeout=timeout,
            out=out,
            notebooks=notebooks,
            extra_parameters={"photos": str(photos.resolve())} if photos else {},
        )
    except KeyboardInterrupt:
        typer.echo("stopped; the same command with --resume continues", err=True)
        raise typer.Exit(130) from None
    for entry in result.failed:
        location = entry.failure.location if entry.failure else ""
        typer.echo(f"failed: {entry.name}, {location}", err=True)
    typer.echo(f"report: {result.index}")
    raise typer.Exit(1 if result.failed else 0)
