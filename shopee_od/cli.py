"""The shopee-od command. Imports wait until a command runs, so that --help answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shopee_od.profiles import Profile

app = typer.Typer(
    help="Find and tag garments in shop photos: train, evaluate and run a Faster R-CNN.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data = typer.Typer(help="Look at data sets, check and convert them.", no_args_is_help=True)
app.add_typer(data, name="data")
bench = typer.Typer(help="Measure speed and memory, each beside a peer or a limit.", no_args_is_help=True)
app.add_typer(bench, name="bench")

Name = Annotated[str, typer.Option("--dataset", help="One of those that data list names; your own: coco, voc.")]
Folder = Annotated[Path | None, typer.Option("--data-dir", help="Where it lies; default data/NAME.")]
Split = Annotated[str, typer.Option(help="train, val, test or all.")]
Sizes = Annotated[list[str] | None, typer.Option("--set", help="Another size: steps=500. May be repeated.")]
Shelves = Annotated[
    Path | None, typer.Option("--taxonomy", help="The shop's own categories; default the package's taxonomy.yaml.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same choice.")]


@data.command("list")
def data_list() -> None:
    """The data sets that can be read, and which are here."""
    from shopee_od.datasets import DATASETS
    from shopee_od.paths import data_root

    for name, layout in DATASETS.items():
        root = data_root() / name
        missing = layout.missing(root)
        elsewhere = "where it lies elsewhere, give the other commands --data-dir"
        state = f"not at {root}: see data/README.md; {elsewhere}" if missing else f"at {root}"
        typer.echo(f"{name:<12} {layout.says}\n{'':<12} {state}")


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

    chosen = _sized(profile, dataset, size or [])
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
    found = gate.gate(opened, chosen)
    typer.echo(f"\nbefore training with profile {profile}:\n{found}")
    if pictures:
        sheet = gate.pictures(found, opened)
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
    from shopee_od.datasets.tfrecord import convert

    records = convert(open_dataset(dataset, data_dir).split(split), out / split, shard_photos)
    typer.echo(f"{records.photos:,} photos in {records.pattern}\n{records.problems}")


@app.command()
def train(
    dataset: Name,
    run: Annotated[Path | None, typer.Option(help="The folder of this run; stopped, it goes on there.")] = None,
    data_dir: Folder = None,
    profile: Annotated[str, typer.Option(help="smoke, laptop, gpu or deepfashion.")] = "laptop",
    size: Sizes = None,
    seed: Seed = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
    images_per_second: Annotated[list[float] | None, typer.Option(help="For --dry-run: speeds to reckon with.")] = None,
) -> None:
    """Trains Faster R-CNN; the detector is in RUN/detector at the end."""
    from shopee_od.datasets import open_dataset
    from shopee_od.types import InputError

    chosen = _sized(profile, dataset, size or [])
    if dry_run:
        from shopee_od.garden.estimate import estimate

        typer.echo("building the model to count its parameters: half a minute", err=True)
        typer.echo(estimate(chosen, dataset, data_dir, images_per_second or [5.0, 50.0, 200.0]))
        return
    if run is None:
        raise InputError("say where the run goes: --run runs/NAME")
    opened = open_dataset(dataset, data_dir)
    val = opened.split("val") if (opened.images.split == "val").any() else None
    from shopee_od.detectors.faster_rcnn import FasterRCNN

    detector = FasterRCNN()
    detector.fit(opened.split("train"), val, chosen, run, seed)
    detector.save(run / "detector")
    typer.echo(f"{detector.name}: operating threshold {detector.threshold:.2f}; saved in {run / 'detector'}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="A saved detector, as RUN/detector.")],
    dataset: Name,
    data_dir: Folder = None,
    split: Split = "test",
    json: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")] = None,
    bootstrap: Annotated[int, typer.Option(help="Draws for the intervals.", min=0)] = 1000,
    seed: Seed = 0,
    level: Annotated[str, typer.Option("--shop", help="Where classes differ: category, group or type.")] = "group",
    taxonomy: Shelves = None,
) -> None:
    """COCO metrics of a detector: by class, by type, as any garment, with 95% intervals.

    Where the data set has classes that the detector does not know, both are also judged by the shop's own groups.
    """
    import shopee_od
    from shopee_od.datasets import open_dataset
    from shopee_od.datasets.taxonomy import read_taxonomy
    from shopee_od.evaluation import evaluate as run_evaluation
    from shopee_od.evaluation import table
    from shopee_od.paths import write_json

    shelves = read_taxonomy(taxonomy)
    shelves.names(level)
    detector = shopee_od.load(model)
    chosen = open_dataset(dataset, data_dir).split(split)
    figures = run_evaluation(detector, chosen, bootstrap, seed, shelves=shelves, level=level)
    figures |= {"model": detector.name, "dataset": dataset, "split": split, "trained": detector.trained}
    typer.echo(f"{_provenance(detector)}\non {dataset}, {split} split:\n\n{table(figures)}")
    if json:
        write_json(json, figures)


@app.command()
def detect(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    model: Annotated[Path, typer.Option(help="A saved detector, as RUN/detector.")],
    out: Annotated[Path, typer.Option(help="The folder for drawn photos, tags.csv and tags.json.")] = Path("tagged"),
    threshold: Annotated[
        float | None, typer.Option(help="Lowest score; default the detector's own.", min=0, max=1)
    ] = None,
) -> None:
    """Draws a box around each garment, and tags it."""
    import shopee_od
    from shopee_od.tagging import tag

    tagged = tag(shopee_od.load(model), photos, out, threshold)
    garments = sum(map(len, tagged.rows.values()))
    typer.echo(f"{garments} garments in {len(tagged.rows)} photos; see {out / 'tags.csv'} and the photos beside it")
    for file in (file for file, found in tagged.rows.items() if not found):
        typer.echo(f"no garment: {file}")
    if tagged.failed:
        typer.echo(f"{len(tagged.failed)} photos could not be read:", err=True)
        for reason in tagged.failed.values():
            typer.echo(f"  {reason}", err=True)
        raise typer.Exit(1)


@app.command()
def report(
    dataset: Name = "shopsim",
    data_dir: Folder = None,
    profile: Annotated[str, typer.Option(help="smoke, laptop, gpu or deepfashion.")] = "laptop",
    seed: Seed = 0,
    name: Annotated[str | None, typer.Option(help="The report's folder in OUT; default the data set's name.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="One notebook: 07 or 07_train. May be repeated.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a report, or bring it up to date.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds a cell may take; default by profile.", min=1)] = None,
    photos: Annotated[Path | None, typer.Option(help="Your own photos, for the notebook that tags them.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where reports lie; default reports/ of the project.")] = None,
    notebooks: Annotated[Path | None, typer.Option(help="Other notebooks than those in notebooks/.")] = None,
) -> None:
    """Runs the notebooks and writes them as HTML pages, with metrics and an index, into OUT/NAME.

    A notebook that fails is kept as NN.failed.ipynb, the ones after it still run, and the status is 1 at the end.
    """
    from shopee_od.reports import make_report
    from shopee_od.types import InputError

    if photos and not photos.is_dir():
        raise InputError(f"--photos {photos}: there is no such folder")
    given = {"photos": str(photos.resolve())} if photos else {}
    try:
        made = make_report(
            dataset, profile, data_dir, seed, name, only or (), resume, timeout, out, notebooks, given
        )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo("stopped; the same command with --resume goes on", err=True)
        raise typer.Exit(130) from None
    for entry in made.failed:
        typer.echo(f"failed: {entry.name}, {entry.failure['place']}", err=True)
    typer.echo(f"report: {made.index}")
    raise typer.Exit(int(bool(made.failed)))


@bench.command("data")
def bench_data(
    folder: Annotated[Path, typer.Option(help="Where to work; it takes 2 GB.")] = Path("runs/bench"),
    photos: Annotated[int, typer.Option(help="How many photos the data set has.", min=1000)] = 239_557,
) -> None:
    """A data set of DeepFashion's full size (ShopSim, repeated): read, compared, converted, fed to training."""
    from shopee_od.bench.data import bench_data as measured
    from shopee_od.bench.measure import table

    rows = []
    for row in measured(folder, photos):
        rows.append(row)
        typer.echo(table([row]).splitlines()[1], err=True)
    typer.echo(table(rows))


@app.command()
def doctor() -> None:
    """Versions, CPU, memory, GPU, data sets, and the mend for each thing missing."""
    from shopee_od import doctor as checks

    found = checks.report()
    typer.echo(checks.text(found))
    raise typer.Exit(checks.status(found))


def _picture(path: Path | None, option: str) -> None:
    from shopee_od.types import InputError

    if path and path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"{option} {path}: name a .jpg or .png file")


def _sized(name: str, dataset: str, sizes: list[str]) -> Profile:
    """The profile with `NAME=VALUE` sizes put in, each in its field's own type; several values with commas."""
    from shopee_od.profiles import profile
    from shopee_od.types import InputError

    chosen = profile(name, dataset)
    for size in sizes:
        field, _, value = size.partition("=")
        now = getattr(chosen, field, None)
        if isinstance(now, bool) or not isinstance(now, int | float | str | tuple) or field in ("name", "says"):
            raise InputError(f"--set {size}: not a size that can be set; use NAME=VALUE, as in steps=500")
        try:
            new = tuple(map(float, value.split(","))) if isinstance(now, tuple) else type(now)(value)
        except ValueError:
            kind = "numbers with commas between" if isinstance(now, tuple) else "a number"
            raise InputError(f"--set {size}: {field} is {kind}, as {now}") from None
        chosen = chosen.with_(**{field: new})
    chosen.check()
    return chosen


def _provenance(detector) -> str:
    t = detector.trained
    return (
        f"{detector.name}: trained on {t['dataset']} ({t['photos']:,} photos, {t['epochs']} epochs, {t['minutes']} "
        f"minutes), backbone weights at the start: {t['weights']}"
    )


def main() -> None:
    """The command; bad input ends it with one sentence and status 2."""
    from shopee_od.types import InputError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter; errors come as exceptions
    try:
        app()
    except InputError as e:
        print(f"shopee-od: {e}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
