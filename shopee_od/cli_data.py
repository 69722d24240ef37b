"""shopee-od data: what is here, how to get it, and what is wrong with it; and the options that other commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(help="Get data sets, look at them, check and convert them.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--dataset", help="One of those that data list names; your own: coco, voc.")]
Folder = Annotated[Path | None, typer.Option("--data-dir", help="Where it lies; default data/NAME.")]
Split = Annotated[str, typer.Option(help="train, val, test or all.")]
Sizes = Annotated[list[str] | None, typer.Option("--set", help="Another size: steps=500. May be repeated.")]
Shelves = Annotated[
    Path | None, typer.Option("--taxonomy", help="The shop's own categories; default the package's taxonomy.yaml.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same choice.", min=0, max=2**32 - 1)]


@data.command("list")
def data_list() -> None:
    """The data sets that can be read, and which are here."""
    from shopee_od.datasets import DATASETS, home

    for name, layout in DATASETS.items():
        root = home(name)
        missing = layout.missing(root)
        elsewhere = "where it lies elsewhere, give the other commands --data-dir"
        state = f"not at {root}: shopee-od data download {name}; {elsewhere}" if missing else f"at {root}"
        typer.echo(f"{name:<20} {layout.says}\n{'':<20} {state}")


@data.command("show")
def data_show(
    dataset: Name,
    data_dir: Folder = None,
    split: Split = "all",
    photos: Annotated[int, typer.Option(help="How many photos.", min=1)] = 12,
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("sheet.jpg"),
    seed: Seed = 0,
) -> None:
    """A sheet of photos with their labelled boxes."""
    from shopee_od.datasets import open_dataset
    from shopee_od.datasets.photos import read_photo
    from shopee_od.draw import contact_sheet, draw_truth
    from shopee_od.paths import whole_file

    _picture(out, "--out")
    chosen = open_dataset(dataset, data_dir).split(split).sample(photos, seed)
    rows = list(chosen.images.itertuples())
    drawn = [draw_truth(read_photo(row.path), chosen.boxes_of(row.image_id), chosen.classes) for row in rows]
    with whole_file(out) as part:
        contact_sheet(drawn, captions=[Path(row.path).name for row in rows]).save(part)
    typer.echo(f"{len(rows)} photos drawn into {out}")


@data.command("check")
def data_check(
    dataset: Name,
    data_dir: Folder = None,
    decode: Annotated[bool, typer.Option("--decode", help="Also decode every photo to its end.")] = False,
    twice: Annotated[bool, typer.Option("--duplicates", help="Also look for one picture in several photos.")] = False,
    profile: Annotated[str, typer.Option(help="Whose sizes to check the boxes against.")] = "laptop",
    size: Sizes = None,
    pictures: Annotated[Path | None, typer.Option(help="Draw the boxes that no anchor meets into this file.")] = None,
) -> None:
    """Counts photos and boxes, says what reading repaired, dropped or refused, and what training could not learn."""
    from shopee_od import gate
    from shopee_od.datasets import DATASETS, open_dataset
    from shopee_od.datasets.summary import decode_all, summary
    from shopee_od.paths import whole_file
    from shopee_od.profiles import sized

    chosen = sized(profile, dataset, size or [])
    _picture(pictures, "--pictures")
    opened = open_dataset(dataset, data_dir)
    if decode:
        decode_all(opened)
    typer.echo(summary(opened))
    if DATASETS[dataset].published:
        typer.echo(f"\nits authors count {DATASETS[dataset].published}")
    if twice:
        from shopee_od.datasets.duplicates import duplicates

        typer.echo(f"\nduplicates:\n{duplicates(opened)}")
    learnt = opened.split("train") if (opened.images.split == "train").any() else opened
    found = gate.gate(learnt, chosen)
    typer.echo(f"\nbefore training with profile {profile}, of the {len(learnt):,} photos to learn from:\n{found}")
    if pictures:
        sheet = gate.pictures(found, learnt)
        if sheet is None:
            typer.echo("every box has an anchor: nothing to draw")
            return
        with whole_file(pictures) as part:
            sheet.save(part)
        typer.echo(f"{min(24, len(found.uncovered))} boxes without an anchor drawn into {pictures}")


@data.command("make")
def data_make(
    dataset: Annotated[str, typer.Argument(help="shopsim, the data set that is drawn.")],
    photos: Annotated[int, typer.Option(help="How many photos.", min=32)] = 1000,
    seed: Seed = 0,
    data_dir: Folder = None,
) -> None:
    """Draws the ShopSim data set: garments of DeepFashion's 16 classes, in its layout; about a minute."""
    from shopee_od.datasets.shopsim import make_shopsim
    from shopee_od.paths import data_root
    from shopee_od.types import InputError

    if dataset != "shopsim":
        raise InputError(f"{dataset} cannot be made here, only shopsim; data/README.md says how to get the others")
    root = data_dir or data_root() / dataset
    drawn = make_shopsim(root, photos, seed)
    typer.echo(f"{photos:,} photos, seed {seed}, {'drawn into' if drawn else 'already in'} {root}")


@data.command("download")
def data_download(
    dataset: Annotated[str, typer.Argument(help="One of those that data list names.")],
    data_dir: Folder = None,
) -> None:
    """Fetches a data set that is public (ccp); stopped, the next call goes on. For the others: how to get them."""
    from shopee_od.datasets import DATASETS, home
    from shopee_od.datasets.download import REPOSITORIES, download
    from shopee_od.types import InputError

    if dataset not in DATASETS:
        raise InputError(f"there is no data set {dataset!r}; choose from {', '.join(DATASETS)}")
    root = data_dir or home(dataset)
    if dataset in REPOSITORIES:
        files = download(REPOSITORIES[dataset], root)
        typer.echo(f"{files:,} files fetched into {root}; next: shopee-od data check --dataset {dataset}")
        return
    layout = DATASETS[dataset]
    typer.echo(f"{dataset} cannot be fetched from here: {layout.request}.")
    typer.echo(f"It belongs into {root}, with {', '.join(layout.files).replace('|', ' or ')}; see data/README.md.")
    typer.echo(f"Then: shopee-od data check --dataset {dataset}")
    raise typer.Exit(1)


@data.command("taxonomy")
def data_taxonomy(taxonomy: Shelves = None) -> None:
    """The shop's types, groups and categories, the classes of each data set that belong there, and the gaps."""
    from shopee_od.datasets.taxonomy import read_taxonomy

    typer.echo(read_taxonomy(taxonomy))


@data.command("convert")
def data_convert(
    dataset: Name,
    out: Annotated[Path, typer.Option(help="The folder for the records.")],
    data_dir: Folder = None,
    split: Split = "train",
    shard_photos: Annotated[int, typer.Option(help="Photos a shard.", min=1)] = 256,
) -> None:
    """Writes sharded TFRecord files for Model Garden into OUT/SPLIT; stopped, the next call goes on."""
    from shopee_od.datasets import open_dataset

    chosen = open_dataset(dataset, data_dir).split(split)
    # TensorFlow comes after the reading, and takes over the memory that this needed for a moment: 0.2 GB less in all.
    from shopee_od.datasets.tfrecord import convert

    records = convert(chosen, out / split, shard_photos)
    typer.echo(f"{records.photos:,} photos in {records.pattern}\n{records.problems}")


def _picture(path: Path | None, option: str) -> None:
    from shopee_od.types import InputError

    if path and path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{option} {path}: name a .jpg or .png file")
