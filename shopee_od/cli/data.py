"""`shopee-od data`: which data sets are here, how to get them, and what is wrong in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shopee_od.cli.options import (
    DEFAULT_PROFILE,
    CategoriesOption,
    DataDirOption,
    DataDirsOption,
    DatasetOption,
    DatasetsOption,
    SeedOption,
    SettingsOption,
    SplitOption,
    TaxonomyOption,
    build_profile,
    open_as_one,
)
from shopee_od.errors import InputError

if TYPE_CHECKING:
    from shopee_od.datasets.check import DataCheck
    from shopee_od.datasets.dataset import Dataset
    from shopee_od.datasets.download import DownloadResult

app = typer.Typer(help="Get, show, check and convert data sets.", no_args_is_help=True)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MAKEABLE = ("shopsim", "ccp-cutouts", "clothing-cutouts")
MAX_UNCOVERED_SHOWN = 24
MAX_LEFT_OUT_SHOWN = 20


@app.command("list")
def list_datasets() -> None:
    """List the data sets that can be read, and which of them are here."""
    from shopee_od.datasets import DATASETS, default_root

    for name, layout in DATASETS.items():
        root = default_root(name)
        if layout.missing_files(root):
            state = (
                f"not at {root}: shopee-od data download {name}; if it is elsewhere, use --data-dir"
            )
        else:
            state = f"at {root}"
        typer.echo(f"{name:<20} {layout.description}\n{'':<20} {state}")


@app.command("show")
def show(
    dataset: DatasetsOption,
    data_dir: DataDirsOption = None,
    categories: CategoriesOption = False,
    taxonomy: TaxonomyOption = None,
    split: SplitOption = "all",
    photos: Annotated[int, typer.Option(help="How many photos.", min=1)] = 12,
    out: Annotated[Path, typer.Option(help="The image file to write.")] = Path("sheet.jpg"),
    seed: SeedOption = 0,
) -> None:
    """Draw a sheet of photos with their labeled boxes."""
    from shopee_od.datasets.photos import read_photo
    from shopee_od.drawing import draw_ground_truth, make_contact_sheet
    from shopee_od.io import atomic_file

    _check_image_suffix(out, "--out")
    data = open_as_one(dataset, data_dir, taxonomy, categories).split(split).sample(photos, seed)
    drawn_photos, captions = [], []
    for image_id, path in zip(data.images.image_id, data.images.path, strict=True):
        boxes = data.boxes_of(image_id)
        drawn_photos.append(draw_ground_truth(read_photo(path), boxes, data.label_names))
        captions.append(Path(path).name)
    with atomic_file(out) as part:
        make_contact_sheet(drawn_photos, captions=captions).save(part)
    typer.echo(f"{len(data)} photos drawn into {out}")


@app.command("check")
def check(
    dataset: DatasetsOption,
    data_dir: DataDirsOption = None,
    categories: CategoriesOption = False,
    taxonomy: TaxonomyOption = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Also decode every photo completely.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Also look for duplicate photos.")
    ] = False,
    profile: Annotated[
        str, typer.Option(help="The profile whose anchors and canvas the boxes are checked with.")
    ] = DEFAULT_PROFILE,
    settings: SettingsOption = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Draw the boxes that no anchor covers into this image file."),
    ] = None,
) -> None:
    """Count photos and boxes, and list what is wrong with them.

    Reading lists what it repaired, dropped or refused; the data-set check lists what training would
    not learn.
    """
    from shopee_od.datasets import DATASETS
    from shopee_od.datasets.check import check_dataset
    from shopee_od.datasets.summary import decode_all, summarize

    sizes = build_profile(profile, dataset, settings)
    _check_image_suffix(pictures, "--pictures")
    data = open_as_one(dataset, data_dir, taxonomy, categories)
    if decode:
        data = decode_all(data)
    typer.echo(summarize(data))
    for name in dataset:
        if DATASETS[name].published:
            typer.echo(f"\npublished by the authors of {name}: {DATASETS[name].published}")
    if duplicates:
        from shopee_od.datasets.duplicates import find_duplicates

        typer.echo(f"\nduplicates:\n{find_duplicates(data)}")
    train = data.split("train") if (data.images.split == "train").any() else data
    result = check_dataset(train, sizes)
    typer.echo(
        f"\ndata-set check of the {len(train):,} training photos, profile {profile}:\n{result}"
    )
    if pictures:
        _draw_uncovered(result, train, pictures)


@app.command("make")
def make(
    dataset: Annotated[str, typer.Argument(help=f"One of {', '.join(MAKEABLE)}.")],
    photos: Annotated[int, typer.Option(help="How many photos of ShopSim.", min=32)] = 1000,
    seed: SeedOption = 0,
    data_dir: DataDirOption = None,
    source_dir: Annotated[
        Path | None,
        typer.Option("--from", help="The folder of ccp or clothing, to cut garments out of."),
    ] = None,
) -> None:
    """Make a data set: synthetic photos, or the garments of another one cut out on white ground.

    ShopSim has DeepFashion's 16 classes, in its layout. Cutouts have the classes of their source.
    """
    from shopee_od.io import data_root

    if dataset not in MAKEABLE:
        raise InputError(
            f"{dataset} cannot be made, only {', '.join(MAKEABLE)}; see data/README.md for the "
            "others"
        )
    root = data_dir or data_root() / dataset
    if dataset == "shopsim":
        from shopee_od.shopsim import make_shopsim

        state = "rendered into" if make_shopsim(root, photos, seed) else "already in"
        typer.echo(f"{photos:,} photos, seed {seed}, {state} {root}")
        return
    from shopee_od.datasets import open_dataset
    from shopee_od.datasets.cutouts import describe_cutouts, make_cutouts

    source = open_dataset(dataset.removesuffix("-cutouts"), source_dir)
    state = "made in" if make_cutouts(source, root) else "already in"
    typer.echo(f"{state} {root}: {describe_cutouts(root)}")


@app.command("download")
def download(
    dataset: Annotated[str, typer.Argument(help="One of those that `data list` names.")],
    data_dir: DataDirOption = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Of openimages: the garments, as in Dress,Brassiere,Swimwear."),
    ] = None,
    photos: Annotated[
        int | None,
        typer.Option(
            help="Of openimages: at most so many of each class and split; default 500.", min=1
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of openimages: train, val, test or all; default all.")
    ] = None,
) -> None:
    """Download a public data set (ccp, clothing, openimages), or explain how to get another one.

    A stopped download resumes.
    """
    from shopee_od.datasets import DATASETS, default_root
    from shopee_od.datasets.download import REPOSITORIES
    from shopee_od.datasets.download import download as download_repository

    if dataset not in DATASETS:
        raise InputError(f"there is no data set {dataset!r}; choose one of {', '.join(DATASETS)}")
    options = {"--classes": classes, "--photos": photos, "--split": split}
    openimages_options = [option for option, value in options.items() if value is not None]
    if openimages_options and dataset != "openimages":
        option = openimages_options[0]
        raise InputError(f"{option} is for openimages, not for {dataset}; leave it out")
    root = data_dir or default_root(dataset)
    next_command = f"shopee-od data check --dataset {dataset}"
    if dataset == "openimages":
        result = _download_openimages(root, classes, photos, split)
    elif dataset in REPOSITORIES:
        result = download_repository(REPOSITORIES[dataset], root)
    else:
        layout = DATASETS[dataset]
        files = ", ".join(layout.files).replace("|", " or ")
        typer.echo(f"{dataset} cannot be downloaded by this command: {layout.how_to_get}.")
        typer.echo(f"Put it into {root}, with {files}; see data/README.md.")
        typer.echo(f"Then: {next_command}")
        raise typer.Exit(1)
    if result.left_out:
        typer.echo(f"{len(result.left_out):,} photos left out:")
        typer.echo("\n".join(result.left_out[:MAX_LEFT_OUT_SHOWN]))
    typer.echo(f"{result.fetched:,} files downloaded into {root}; next: {next_command}")


@app.command("taxonomy")
def show_taxonomy(taxonomy: TaxonomyOption = None) -> None:
    """Show the types, groups and categories, and which classes of each data set belong to them."""
    from shopee_od.datasets.taxonomy import read_taxonomy

    typer.echo(read_taxonomy(taxonomy))


@app.command("convert")
def convert(
    dataset: DatasetOption,
    out: Annotated[Path, typer.Option(help="The folder for the records.")],
    data_dir: DataDirOption = None,
    split: SplitOption = "train",
    shard_photos: Annotated[int, typer.Option(help="Photos per shard.", min=1)] = 256,
) -> None:
    """Write TFRecord shards for Model Garden into OUT/SPLIT; a stopped conversion resumes."""
    from shopee_od.datasets import open_dataset

    data = open_dataset(dataset, data_dir).split(split)
    # TensorFlow is imported after reading, so that it reuses the memory that reading has freed.
    from shopee_od.datasets.tfrecord import convert as write_records

    records = write_records(data, out / split, shard_photos)
    typer.echo(f"{records.photos:,} photos in {records.pattern}\n{records.problems}")


def _download_openimages(
    root: Path, classes: str | None, photos: int | None, split: str | None
) -> DownloadResult:
    from shopee_od.datasets.openimages_csv import GARMENTS
    from shopee_od.datasets.openimages_download import PHOTOS, download_openimages
    from shopee_od.datasets.splits import SPLITS

    if classes is None:
        raise InputError(
            f"choose garments: --classes Brassiere,Swimwear; there are {', '.join(GARMENTS)}"
        )
    if split not in (None, "all", *SPLITS):
        raise InputError(f"--split {split!r}: choose {', '.join(SPLITS)} or all")
    splits = SPLITS if split in (None, "all") else (split,)
    return download_openimages(root, classes.split(","), photos or PHOTOS, splits)


def _draw_uncovered(result: DataCheck, train: Dataset, path: Path) -> None:
    from shopee_od.drawing.anchor_coverage import draw_uncovered_boxes
    from shopee_od.io import atomic_file

    sheet = draw_uncovered_boxes(result, train, MAX_UNCOVERED_SHOWN)
    if sheet is None:
        typer.echo("every box is covered by an anchor: nothing to draw")
        return
    with atomic_file(path) as part:
        sheet.save(part)
    count = min(MAX_UNCOVERED_SHOWN, len(result.uncovered))
    typer.echo(f"{count} boxes without an anchor drawn into {path}")


def _check_image_suffix(path: Path | None, option: str) -> None:
    if path and path.suffix.lower() not in IMAGE_SUFFIXES:
        raise InputError(f"{option} {path}: name a .jpg or .png file")
