"""`shopee-od detect`: boxes and tags for photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shopee_od.cli.options import ModelOption
from shopee_od.models import SHIPPED


def detect(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    model: ModelOption = SHIPPED,
    out: Annotated[
        Path, typer.Option(help="The folder for drawn photos, tags.csv and tags.json.")
    ] = Path("tagged"),
    threshold: Annotated[
        float | None,
        typer.Option(
            help="The lowest score of a garment; default the detector's threshold.", min=0, max=1
        ),
    ] = None,
) -> None:
    """Draw a box around each garment, and tag it."""
    import shopee_od
    from shopee_od.detect import detect_photos

    result = detect_photos(shopee_od.load(model), photos, out, threshold)
    garments = sum(len(rows) for rows in result.rows.values())
    typer.echo(f"{garments} garments in {len(result.rows)} photos")
    typer.echo(f"tags in {out / 'tags.csv'}, drawn photos in {out}")
    for file, rows in result.rows.items():
        if not rows:
            typer.echo(f"no garment: {file}")
    if result.failed:
        typer.echo(f"{len(result.failed)} photos could not be read:", err=True)
        for reason in result.failed.values():
            typer.echo(f"  {reason}", err=True)
        raise typer.Exit(1)
