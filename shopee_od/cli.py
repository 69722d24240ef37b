"""The shopee-od command. Imports wait until a command runs, so that --help answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from shopee_od.cli_data import Folder, Name, Seed, Shelves, Sizes, Split, data

app = typer.Typer(
    help="Find and tag garments in shop photos: train, evaluate and run a Faster R-CNN.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data, name="data")
bench = typer.Typer(help="Measure speed and memory, each beside a peer or a limit.", no_args_is_help=True)
app.add_typer(bench, name="bench")


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
    from shopee_od.profiles import sized
    from shopee_od.types import InputError

    chosen = sized(profile, dataset, size or [])
    if dry_run:
        from shopee_od.garden.estimate import estimate

        typer.echo("building the model to count its parameters: half a minute", err=True)
        typer.echo(estimate(chosen, dataset, data_dir, images_per_second or [5.0, 50.0, 200.0]))
        return
    if run is None:
        raise InputError("say where the run goes: --run runs/NAME")
    if run.exists() and not run.is_dir():
        raise InputError(f"--run {run}: this is a file; name a folder")
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
    from shopee_od.types import InputError

    if json and json.is_dir():
        raise InputError(f"--json {json}: this is a folder; name a file")
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


@app.command()
def doctor() -> None:
    """Versions, CPU, memory, GPU, data sets, and the mend for each thing missing."""
    from shopee_od import doctor as checks

    found = checks.report()
    typer.echo(checks.text(found))
    raise typer.Exit(checks.status(found))


def _provenance(detector) -> str:
    t = detector.trained
    epochs = f"{t['epochs']} epochs, " if "epochs" in t else ""
    photos = f"trained on {t['dataset']} ({t['photos']:,} photos, {epochs}{t['minutes']} minutes)"
    return f"{detector.name}: {photos}, backbone weights at the start: {t['weights']}"


def main() -> None:
    """The command; bad input ends it with one sentence and status 2."""
    from shopee_od.types import InputError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter; errors come as exceptions
    try:
        app()
    except InputError as e:
        print(f"shopee-od: {e}", file=sys.stderr)
        sys.exit(2)
    except OSError as e:
        if not e.filename:
            raise
        print(f"shopee-od: {e.filename}: {e.strerror}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
