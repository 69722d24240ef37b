"""A Dataset as sharded TFRecord files, in the features that Model Garden's decoder reads.

Upright RGB JPEGs pass through byte for byte; every other photo is re-encoded. A shard is whole or absent, and a
conversion that was stopped, even by `kill -9`, goes on after its last whole shard.
"""

from __future__ import annotations

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.dataset import CORNERS, Dataset, Problems
from shopee_od.datasets.photos import SLIMMEST, is_plain_jpeg, read_photo
from shopee_od.paths import read_json, whole_file, write_json
from shopee_od.types import InputError

MANIFEST = "records.json"
SHARD = re.compile(r"(\.?photos-\d{5}-of-\d{5}\.tfrecord|\.records\.json\.).*")
"""A shard, or what a kill left of one or of the manifest. No other file in the folder is ours to remove."""
FORMAT = 1  # raised when what is written changes, so that old shards are not taken for new ones
JPEG_QUALITY = 95
ENCODED, SOURCE = "image/encoded", "image/source_id"
HEIGHT, WIDTH = "image/height", "image/width"
BOX, LABEL, CROWD = "image/object/bbox", "image/object/class/label", "image/object/is_crowd"
SIDES = ("ymin", "xmin", "ymax", "xmax")  # in Model Garden's order


@dataclass(frozen=True)
class Records:
    """pattern: the shards, as Model Garden's `input_path`; photos: how many they hold; left_out: other image_ids."""

    pattern: str
    photos: int
    left_out: tuple[int, ...]
    problems: Problems


def convert(dataset: Dataset, directory: Path, shard_photos: int = 256, progress: bool = True) -> Records:
    """Writes `dataset` as shards of `shard_photos` photos into `directory`, or goes on where it was stopped.

    1. A key is made of all that goes in: rows, boxes, classes, sizes and times of the files.
    2. Shards that the manifest lists under this key stand; all others are removed.
    3. Each missing shard is streamed to a temporary name, its photos read in parallel, renamed, and listed.

    A photo that cannot be read is left out and counted. Raises InputError where none is left.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    chunks = range(0, len(dataset), shard_photos)
    names = [f"photos-{i:05}-of-{len(chunks):05}.tfrecord" for i in range(len(chunks))]
    key = _key(dataset, shard_photos)
    done = _standing(directory, key)
    problems = Problems()
    bar = tqdm(total=len(dataset), unit="photo", desc=f"records {dataset.name}", disable=not progress)
    with bar, ThreadPoolExecutor() as pool:
        for name, start in zip(names, chunks, strict=True):
            rows = dataset.images.iloc[start : start + shard_photos]
            if name not in done:
                left_out = {}
                with whole_file(directory / name) as part, tf.io.TFRecordWriter(str(part)) as writer:
                    records = pool.map(_record, *_with_boxes(rows, dataset))
                    for image_id, record in zip(rows.image_id, records, strict=True):
                        if isinstance(record, InputError):
                            left_out[str(image_id)] = str(record)
                        else:
                            writer.write(record)
                        bar.update()
                done[name] = {"photos": len(rows) - len(left_out), "left_out": left_out}
                write_json(directory / MANIFEST, {"key": key, "shards": done})
            else:
                bar.update(len(rows))
    photos = sum(done[name]["photos"] for name in names)
    left_out = {int(i): reason for name in names for i, reason in done[name]["left_out"].items()}
    for reason in left_out.values():
        problems.add("photo left out of the records", reason)
    if not photos:
        raise InputError(f"{dataset.root}: no photo could be read; first: {problems.examples.popitem()[1][0]}")
    return Records(str(directory / "photos-*.tfrecord"), photos, tuple(left_out), problems)


def _standing(directory: Path, key: str) -> dict:
    """The shards that are whole and of this key, by name; removes every other shard and what a kill left behind."""
    done = {}
    if (directory / MANIFEST).is_file():
        try:
            manifest = read_json(directory / MANIFEST)
            if manifest["key"] == key:
                done = {n: s for n, s in manifest["shards"].items() if (directory / n).is_file()}
        except (InputError, TypeError, KeyError):  # damaged: all is written anew
            pass
    for file in directory.iterdir():
        if SHARD.fullmatch(file.name) and file.name not in done:
            file.unlink()
    return done


def _key(dataset: Dataset, shard_photos: int) -> str:
    digest = hashlib.sha256(repr((FORMAT, shard_photos, dataset.fingerprint())).encode())
    for path in dataset.images.path:
        file = Path(path)
        stat = file.stat() if file.is_file() else None
        digest.update(repr((path, stat and (stat.st_size, stat.st_mtime_ns))).encode())
    return digest.hexdigest()


def _with_boxes(rows: pd.DataFrame, dataset: Dataset) -> tuple[list, list]:
    """The photos of a shard, and for each of them its boxes or None."""
    boxes = dataset.boxes[dataset.boxes.image_id.isin(rows.image_id)]
    grouped = dict(list(boxes.groupby("image_id", sort=False)))
    return list(rows.itertuples(index=False)), [grouped.get(image_id) for image_id in rows.image_id]


def _record(row, boxes: pd.DataFrame | None) -> bytes | InputError:
    try:
        return _example(row, boxes).SerializeToString()
    except InputError as e:
        return e


def _example(row, boxes: pd.DataFrame | None) -> tf.train.Example:
    """One photo with its boxes. Labels count from 1: 0 is Model Garden's background."""
    encoded, (height, width) = _encoded(row.path)
    if (width, height) != (row.width, row.height):
        raise InputError(f"{row.path}: is {width} × {height}, its data set says {row.width} × {row.height}")
    if max(width, height) > SLIMMEST * min(width, height):
        raise InputError(f"{row.path}: is {width} × {height}, too slim to be scaled; remove it")
    feature = {
        ENCODED: _bytes(encoded),
        SOURCE: _bytes(str(row.image_id).encode()),
        HEIGHT: _ints([height]),
        WIDTH: _ints([width]),
    }
    if boxes is not None and len(boxes):
        xyxy = boxes[CORNERS].to_numpy(np.float32)
        for name, column, side in zip(SIDES, (1, 0, 3, 2), (height, width, height, width), strict=True):
            feature[f"{BOX}/{name}"] = _floats(xyxy[:, column] / side)
        feature[LABEL] = _ints(boxes.label + 1)
        feature["image/object/area"] = _floats((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]))
        # Model Garden leaves crowds out of training, and difficult boxes are to be left out likewise.
        feature[CROWD] = _ints((boxes.iscrowd | boxes.ignore).astype(int))
    return tf.train.Example(features=tf.train.Features(feature=feature))


def _encoded(path: str) -> tuple[bytes, tuple[int, int]]:
    """A file's own bytes where any decoder reads them alike, else an RGB JPEG of it; and (height, width)."""
    if is_plain_jpeg(path):
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            return data, (image.height, image.width)
    pixels = read_photo(path)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), pixels.shape[:2]


def _bytes(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _ints(values) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(v) for v in values]))


def _floats(values) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[float(v) for v in values]))
