"""A data set of DeepFashion's full size: reading, duplicates, conversion, input pipeline.

`python -m benchmarks.data --folder runs/bench --photos 239557`, or `make bench-data`. The tables
have DeepFashion's layout; the photos are ShopSim's, repeated as links, so that they need little
disk.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from benchmarks.measure import Measurement, format_table, run_in_new_process
from shopee_od.datasets import locate
from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE, read_consumer_to_shop
from shopee_od.detectors.model_garden.estimate import DEEPFASHION_PHOTOS, DEEPFASHION_SHAPE
from shopee_od.errors import InputError
from shopee_od.io import atomic_folder
from shopee_od.profiles import Profile, profile

GB = 1e9
CONVERTED_PHOTOS = 8_000  # a part of the data set, since a rate is measured
FED_PHOTOS = 4_000  # per run of the input pipeline
WARMUP_BATCHES = 20
RUNS = 5  # of reading and of feeding; the median counts
MAX_READ_SECONDS = 15
MAX_MEMORY_GB = 1.0
MIN_FEED_RATIO = 0.9


def benchmark_data(folder: Path, photos: int = DEEPFASHION_PHOTOS) -> Iterator[Measurement]:
    """Measures what happens to a data set of full size before training.

    1. Read it without cached image sizes; baseline: read the first block of each file.
    2. Read it again with cached sizes; limits: 15 s and 1 GB.
    3. Search it for duplicates; baseline: read the files.
    4. Write a part of it as records; baseline: copy the files. Limit: 1 GB.
    5. Feed training from the records; baseline: only decode and resize, in the same process.

    Args:
        folder: where the data set and the records are written; it takes 2 GB.
        photos: how many the data set has.
    Yields:
        One Measurement after another.
    """
    root = str(build_full_size(Path(folder), photos))
    cache = str(Path(folder) / "cache")
    records = str(Path(folder) / "records")
    yield _measure_first_reading(root, cache)
    yield from _measure_reading(root, cache)
    yield _measure_duplicates(root, cache)
    yield from _measure_conversion(root, cache, records, str(Path(folder) / "copy"))
    rates = run_in_new_process(_feed, records)
    yield Measurement(
        name="feed training",
        value=rates["pipeline"],
        unit="images/s",
        baseline="decode and resize",
        baseline_value=rates["baseline"],
        limit=MIN_FEED_RATIO,
        more_is_better=True,
    )


def build_full_size(folder: Path, photos: int) -> Path:
    """A Consumer-to-Shop folder with this many photos, built from ShopSim unless it exists.

    ShopSim is repeated; each repetition gives its items other numbers and links to the same photos.

    Args:
        folder: the data set becomes a folder in it.
        photos: how many.
    Returns:
        The data set's root.
    Raises:
        InputError: ShopSim is not there.
    """
    root = folder / f"deepfashion-{photos}"
    if root.is_dir():
        return root
    shopsim = locate("shopsim")
    _, box_header, *box_rows = (shopsim / BOX_FILE).read_text().splitlines()
    _, pair_header, *pair_rows = (shopsim / SPLIT_FILE).read_text().splitlines()
    items = [f"id_{number:04d}" for number in range(-(-photos // len(box_rows)))]
    boxes = [row.replace("id_0000", item) for item in items for row in box_rows][:photos]
    names = {row.split()[0] for row in boxes}
    pairs = [row.replace("id_0000", item) for item in items for row in pair_rows]
    pairs = [row for row in pairs if names.issuperset(row.split()[:2])]
    with atomic_folder(root) as part:
        _write_table(part / BOX_FILE, box_header, boxes)
        _write_table(part / SPLIT_FILE, pair_header, pairs)
        for name in tqdm(sorted(names), "link photos", unit="photo"):
            (part / "Img" / name).parent.mkdir(parents=True, exist_ok=True)
            original = shopsim / "Img" / re.sub(r"id_\d{4}", "id_0000", name)
            try:
                os.link(original, part / "Img" / name)
            except OSError:  # another disk
                shutil.copy(original, part / "Img" / name)
    return root


def main(arguments: list[str] | None = None) -> None:
    """The command: prints each measurement when it is done, and all of them as a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.data",
        description="Measure reading, duplicates, conversion and feeding at full size.",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/bench"), help="where to work; it takes 2 GB"
    )
    parser.add_argument(
        "--photos", type=int, default=DEEPFASHION_PHOTOS, help="how many the data set has"
    )
    options = parser.parse_args(arguments)
    if options.photos < 1000:
        parser.error(f"--photos {options.photos}: use at least 1000")
    measurements = []
    try:
        for measurement in benchmark_data(options.folder, options.photos):
            measurements.append(measurement)
            print(format_table([measurement]).splitlines()[1], file=sys.stderr)
    except InputError as e:
        parser.error(str(e))
    print(format_table(measurements))


def _write_table(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([str(len(rows)), header, *rows]) + "\n")


def _measure_first_reading(root: str, cache: str) -> Measurement:
    first = run_in_new_process(_read, root, cache, True)
    blocks = run_in_new_process(_read_first_blocks, root)
    return Measurement(
        name=f"read {first['photos']:,} photos, sizes unknown",
        value=first["seconds"],
        unit="s",
        baseline="open and read 4 kB of each",
        baseline_value=blocks["seconds"],
    )


def _measure_reading(root: str, cache: str) -> Iterator[Measurement]:
    runs = [run_in_new_process(_read, root, cache, False) for _ in range(RUNS)]
    seconds = median(run["seconds"] for run in runs)
    memory = median(run["peak_memory"] for run in runs) / GB
    yield Measurement("read again", seconds, "s", "limit", MAX_READ_SECONDS, 1)
    yield Measurement("  memory", memory, "GB", "limit", MAX_MEMORY_GB, 1)


def _measure_duplicates(root: str, cache: str) -> Measurement:
    search = run_in_new_process(_find_duplicates, root, cache)
    reading = run_in_new_process(_read_whole_files, root)
    return Measurement(
        name=f"find duplicates: {search['groups']:,} groups",
        value=search["seconds"],
        unit="s",
        baseline="read all files",
        baseline_value=reading["seconds"],
    )


def _measure_conversion(
    root: str, cache: str, records: str, copy_folder: str
) -> Iterator[Measurement]:
    conversion = run_in_new_process(_convert, root, cache, records)
    photos = conversion["photos"]
    copying = run_in_new_process(_copy_files, root, copy_folder, photos)
    yield Measurement(
        name="write records",
        value=photos / conversion["writing_seconds"],
        unit="images/s",
        baseline="copy the files",
        baseline_value=photos / copying["seconds"],
    )
    memory = conversion["peak_memory"] / GB
    yield Measurement("  memory, reading included", memory, "GB", "limit", MAX_MEMORY_GB, 1)


def _read(root: str, cache: str, clear_cache: bool) -> dict:
    if clear_cache:
        shutil.rmtree(cache, ignore_errors=True)
    os.environ["XDG_CACHE_HOME"] = cache
    return {"photos": len(read_consumer_to_shop(Path(root)))}


def _find_duplicates(root: str, cache: str) -> dict:
    from shopee_od.datasets.duplicates import find_duplicates

    os.environ["XDG_CACHE_HOME"] = cache
    data = read_consumer_to_shop(Path(root))
    start = time.perf_counter()
    result = find_duplicates(data)
    return {"seconds": time.perf_counter() - start, "groups": result.groups.group.nunique()}


def _convert(root: str, cache: str, records: str) -> dict:
    os.environ["XDG_CACHE_HOME"] = cache
    data = read_consumer_to_shop(Path(root)).split("train").sample(CONVERTED_PHOTOS)
    from shopee_od.datasets.tfrecord import convert

    shutil.rmtree(records, ignore_errors=True)
    start = time.perf_counter()
    written = convert(data, Path(records))
    return {"photos": written.photos, "writing_seconds": time.perf_counter() - start}


def _photo_files(root: str) -> Iterator[str]:
    # Strings, since a Path for each of DeepFashion's files is slow.
    for folder, _, names in os.walk(Path(root, "Img")):
        for name in names:
            yield f"{folder}/{name}"


def _read_first_blocks(root: str) -> None:
    for path in _photo_files(root):
        with open(path, "rb") as file:  # noqa: PTH123
            file.read(4096)


def _read_whole_files(root: str) -> None:
    for path in _photo_files(root):
        with open(path, "rb") as file:  # noqa: PTH123
            file.read()


def _copy_files(root: str, folder: str, photos: int) -> None:
    Path(folder).mkdir(exist_ok=True)
    for number, path in enumerate(islice(_photo_files(root), photos)):
        shutil.copyfile(path, f"{folder}/{number}.jpg")
    shutil.rmtree(folder)


def _feed(records: str) -> dict[str, float]:
    """Images/s of the input pipeline and of decoding and resizing alone, in turn; medians."""
    pattern = f"{records}/photos-*.tfrecord"
    sizes = profile("laptop", "deepfashion")
    pipeline, baseline = [], []
    for _ in range(RUNS):
        pipeline.append(_measure_rate(_training_input(pattern, sizes), sizes.batch_size))
        baseline.append(_measure_rate(_baseline_input(pattern, sizes), sizes.batch_size))
    return {"pipeline": median(pipeline), "baseline": median(baseline)}


def _training_input(pattern: str, sizes: Profile) -> Any:
    from shopee_od.detectors.model_garden.experiment import build_experiment
    from shopee_od.detectors.model_garden.task import FasterRCNNTask

    canvas = sizes.canvas(*DEEPFASHION_SHAPE)
    params = build_experiment(sizes, CLASSES, canvas, pattern, validate=False)
    return FasterRCNNTask(params.task, sizes, None).build_inputs(params.task.train_data)


def _baseline_input(pattern: str, sizes: Profile) -> Any:
    import tensorflow as tf

    canvas = sizes.canvas(*DEEPFASHION_SHAPE)
    features = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}

    def decode(record):
        encoded = tf.io.parse_single_example(record, features)["image/encoded"]
        return tf.image.resize(tf.io.decode_jpeg(encoded, channels=3), canvas)

    data = tf.data.TFRecordDataset(tf.io.gfile.glob(pattern)).map(decode, tf.data.AUTOTUNE)
    return data.repeat().batch(sizes.batch_size).prefetch(tf.data.AUTOTUNE)


def _measure_rate(data: Any, batch_size: int) -> float:
    """Images/s of an input pipeline, after its buffers have filled."""
    batches = iter(data)
    for _ in range(WARMUP_BATCHES):
        next(batches)
    count = FED_PHOTOS // batch_size
    start = time.perf_counter()
    for _ in range(count):
        next(batches)
    return count * batch_size / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
