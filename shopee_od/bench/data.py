"""`shopee-od bench data`: a data set of DeepFashion's full size read, compared, converted and fed to training.

Its rows are in the true layout; its photos are ShopSim's, repeated as links, so that it takes little disk.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from tqdm import tqdm

from shopee_od.bench.measure import Row, alone
from shopee_od.datasets import locate
from shopee_od.datasets.deepfashion import BOX_FILE, CLASSES, SPLIT_FILE, read_consumer_to_shop
from shopee_od.garden.estimate import DEEPFASHION_PHOTOS, DEEPFASHION_SHAPE
from shopee_od.paths import whole_folder
from shopee_od.profiles import profile

CONVERTED = 8_000  # photos that are written as records and fed to training: a part, since a rate is asked for
READ_SECONDS, READ_MEMORY = 15, 10**9
FED = 4_000  # photos a run of the pipeline
RUNS = 5  # of reading and of feeding, of which the median counts


def bench_data(folder: Path, photos: int = DEEPFASHION_PHOTOS) -> Iterator[Row]:
    """Makes the data set in `folder` where it is not there, and measures, one Row after another.

    1. Read it with nothing known of its photos, beside reading the first block of each file.
    2. Read it again, sizes known, beside the limits of 15 s and 1 GB.
    3. Look for duplicates, beside reading the files.
    4. Write records of a part, beside copying its files, and 1 GB.
    5. Feed training from them, beside bare decoding and resizing in the same process.
    """
    root = full_size(Path(folder), photos)
    cache, records = str(Path(folder) / "cache"), str(Path(folder) / "records")
    cold = alone(_read, str(root), cache, True)
    files = alone(_first_blocks, str(root))
    what = f"read {cold['photos']:,} photos, sizes unknown"
    yield Row(what, cold["seconds"], "s", "open and read 4 kB of each", files["seconds"])
    warm = [alone(_read, str(root), cache, False) for _ in range(RUNS)]
    seconds, memory = (median(run[key] for run in warm) for key in ("seconds", "peak_memory"))
    yield Row("read again", seconds, "s", "limit", READ_SECONDS, 1)
    yield Row("  memory", memory / 1e9, "GB", "limit", READ_MEMORY / 1e9, 1)
    twice = alone(_duplicates, str(root), cache)
    whole = alone(_whole_files, str(root))
    yield Row(f"find {twice['groups']:,} pictures' doubles", twice["seconds"], "s", "read all files", whole["seconds"])
    made = alone(_convert, str(root), cache, records)
    copied = alone(_copy, str(root), str(Path(folder) / "copy"), made["photos"])
    rates = [made["photos"] / made["writing"], made["photos"] / copied["seconds"]]
    yield Row("write records", rates[0], "photos/s", "copy the files", rates[1])
    yield Row("  memory, the reading included", made["peak_memory"] / 1e9, "GB", "limit", 1.0, 1)
    fed = alone(_feed, records)
    yield Row("feed training", fed["ours"], "photos/s", "decode and resize", fed["bare"], 0.9, more_is_better=True)


def full_size(folder: Path, photos: int) -> Path:
    """A Consumer-to-Shop folder of that many photos below `folder`, made where it is not there: ShopSim, repeated.

    Each repetition gives its items other numbers, and links to the photos. Raises InputError without ShopSim.
    """
    root = folder / f"deepfashion-{photos}"
    if root.is_dir():
        return root
    shopsim = locate("shopsim")
    boxes, pairs = ((shopsim / file).read_text().splitlines()[1:] for file in (BOX_FILE, SPLIT_FILE))
    repeats = [f"id_{k:04d}" for k in range(-(-photos // (len(boxes) - 1)))]
    with whole_folder(root) as part:
        rows = [line.replace("id_0000", k) for k in tqdm(repeats, "full size") for line in boxes[1:]][:photos]
        names = {row.split()[0] for row in rows}
        both = [line.replace("id_0000", k) for k in repeats for line in pairs[1:]]
        both = [line for line in both if names.issuperset(line.split()[:2])]
        for file, head, lines in ((BOX_FILE, boxes[0], rows), (SPLIT_FILE, pairs[0], both)):
            (part / file).parent.mkdir(parents=True, exist_ok=True)
            (part / file).write_text("\n".join([str(len(lines)), head, *lines]) + "\n")
        for name in tqdm(sorted(names), "links", unit="photo"):
            (part / "Img" / name).parent.mkdir(parents=True, exist_ok=True)
            original = shopsim / "Img" / re.sub(r"id_\d{4}", "id_0000", name)
            try:
                os.link(original, part / "Img" / name)
            except OSError:  # another disk
                shutil.copy(original, part / "Img" / name)
    return root


def _read(root: str, cache: str, forget: bool) -> dict:
    if forget:
        shutil.rmtree(cache, ignore_errors=True)
    os.environ["XDG_CACHE_HOME"] = cache
    return {"photos": len(read_consumer_to_shop(root))}


def _duplicates(root: str, cache: str) -> dict:
    from shopee_od.datasets.duplicates import duplicates

    os.environ["XDG_CACHE_HOME"] = cache
    data = read_consumer_to_shop(root)
    start = time.perf_counter()
    found = duplicates(data)
    return {"seconds": time.perf_counter() - start, "groups": found.groups.group.nunique()}


def _convert(root: str, cache: str, records: str) -> dict:
    os.environ["XDG_CACHE_HOME"] = cache
    data = read_consumer_to_shop(root).split("train").sample(CONVERTED)
    from shopee_od.datasets.tfrecord import convert  # as the command does

    shutil.rmtree(records, ignore_errors=True)
    start = time.perf_counter()
    made = convert(data, Path(records))
    return {"photos": made.photos, "writing": time.perf_counter() - start}


def _files(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(Path(root, "Img")):
        yield from (f"{folder}/{name}" for name in names)


def _first_blocks(root: str) -> None:
    for file in _files(root):
        with open(file, "rb") as opened:  # noqa: PTH123 - a Path for each of 239,557 files costs seconds
            opened.read(4096)


def _whole_files(root: str) -> None:
    for file in _files(root):
        with open(file, "rb") as opened:  # noqa: PTH123
            opened.read()


def _copy(root: str, folder: str, photos: int) -> None:
    Path(folder).mkdir(exist_ok=True)
    for k, file in enumerate(islice(_files(root), photos)):
        shutil.copyfile(file, f"{folder}/{k}.jpg")
    shutil.rmtree(folder)


def _feed(records: str) -> dict:
    """Photos a second of the training's own pipeline, and of decoding and resizing alone, by turns; medians."""
    rates = {"ours": [], "bare": []}
    pattern, sizes = f"{records}/photos-*.tfrecord", profile("laptop", "deepfashion")
    for _ in range(RUNS):
        rates["ours"].append(_pace(_training_input(pattern, sizes), sizes.batch_size))
        rates["bare"].append(_pace(_bare_input(pattern, sizes), sizes.batch_size))
    return {name: median(each) for name, each in rates.items()}


def _training_input(pattern: str, sizes):
    from shopee_od.garden.experiment import experiment
    from shopee_od.garden.task import FasterRCNNTask

    canvas = sizes.canvas(*DEEPFASHION_SHAPE)
    params = experiment(sizes, CLASSES, canvas, pattern, validate=False)
    return FasterRCNNTask(params.task, sizes, None).build_inputs(params.task.train_data)


def _bare_input(pattern: str, sizes):
    import tensorflow as tf

    canvas = sizes.canvas(*DEEPFASHION_SHAPE)

    def decode(record):
        encoded = tf.io.parse_single_example(record, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
        return tf.image.resize(tf.io.decode_jpeg(encoded["image/encoded"], channels=3), canvas)

    data = tf.data.TFRecordDataset(tf.io.gfile.glob(pattern)).map(decode, tf.data.AUTOTUNE)
    return data.repeat().batch(sizes.batch_size).prefetch(tf.data.AUTOTUNE)


def _pace(data, batch: int) -> float:
    batches = iter(data)
    for _ in range(20):  # the pipeline fills
        next(batches)
    start = time.perf_counter()
    for _ in range(FED // batch):
        next(batches)
    return FED // batch * batch / (time.perf_counter() - start)
