"""A Dataset as sharded TFRecord files, in the features that Model Garden's decoder reads.

Upright RGB JPEGs are copied byte for byte; other photos are re-encoded. A shard is whole or absent,
and a conversion that was stopped, even by `kill -9`, resumes after its last whole shard.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.dataset import CORNERS, LAID, Dataset
from shopee_od.datasets.photos import MAX_ASPECT_RATIO, is_plain_jpeg, read_photo
from shopee_od.datasets.problems import ProblemLog, Problems
from shopee_od.errors import InputError
from shopee_od.io import atomic_file, read_json, write_json

MANIFEST = "records.json"
SHARD = re.compile(r"(\.?photos-\d{5}-of-\d{5}\.tfrecord|\.records\.json\.).*")
"""A shard, or what a kill left of one or of the manifest: the only files that are ever removed."""
FORMAT = 1  # raised when what is written changes, so that old shards are not taken for new ones
JPEG_QUALITY = 95
ENCODED, SOURCE = "image/encoded", "image/source_id"
HEIGHT, WIDTH = "image/height", "image/width"
BOX, LABEL, CROWD = "image/object/bbox", "image/object/class/label", "image/object/is_crowd"
AREA = "image/object/area"
IS_LAID = "image/is_laid"  # 1 for a garment laid flat, which may be turned
SIDES = ("ymin", "xmin", "ymax", "xmax")  # in Model Garden's order


@dataclass(frozen=True)
class Records:
    """A data set in shards.

    Args:
        pattern: of the shards' names, for Model Garden's `input_path`.
        photos: how many they hold.
        left_out: image_ids of the others.
        problems: why these were left out.
    """

    pattern: str
    photos: int
    left_out: tuple[int, ...]
    problems: Problems


def convert(
    dataset: Dataset,
    directory: Path,
    shard_photos: int = 256,
    progress: bool = True,
    max_side: int | None = None,
) -> Records:
    """Writes a data set as shards, or resumes where it was stopped.

    1. A key is made of everything that goes in: rows, boxes, classes, sizes and times of the files.
    2. Shards that the manifest lists under this key are kept; all others are removed.
    3. Each missing shard is streamed to a temporary name, its photos read in parallel, renamed, and
       listed.

    Args:
        dataset: what to write.
        directory: the folder for the shards.
        shard_photos: photos per shard.
        progress: whether to show a progress bar.
        max_side: photos with a longer side, in pixels, are written smaller; None writes all as
            they are.
    Returns:
        The records; a photo that cannot be read is left out and counted in `problems`.
    Raises:
        InputError: no photo can be read.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(dataset), shard_photos)
    names = [f"photos-{i:05}-of-{len(starts):05}.tfrecord" for i in range(len(starts))]
    key = _make_key(dataset, (FORMAT, shard_photos, *([max_side] if max_side else [])))
    shards = _keep_whole_shards(directory, key)
    sources = dataset.images.dataset.unique()
    source = sources[0] if len(sources) == 1 else dataset.name
    bar = tqdm(total=len(dataset), unit="photo", desc=f"records {source}", disable=not progress)
    with bar, ThreadPoolExecutor() as pool:
        for name, start in zip(names, starts, strict=True):
            rows = dataset.images.iloc[start : start + shard_photos]
            if name in shards:
                bar.update(len(rows))
                continue
            left_out = _write_shard(directory / name, rows, dataset, pool, bar, max_side)
            shards[name] = {"photos": len(rows) - len(left_out), "left_out": left_out}
            write_json(directory / MANIFEST, {"key": key, "shards": shards})
    photos = sum(shards[name]["photos"] for name in names)
    messages = {int(i): m for name in names for i, m in shards[name]["left_out"].items()}
    problems = ProblemLog()
    for message in messages.values():
        problems.add("photo left out of the records", message)
    if not photos:
        first = next(iter(messages.values()))
        raise InputError(f"{dataset.root}: no photo could be read; first: {first}")
    pattern = str(directory / "photos-*.tfrecord")
    return Records(pattern, photos, tuple(messages), problems.freeze())


def _write_shard(
    file: Path,
    rows: pd.DataFrame,
    dataset: Dataset,
    pool: ThreadPoolExecutor,
    bar: tqdm,
    max_side: int | None,
) -> dict[str, str]:
    """Writes the photos of `rows` -> image_id: message, of those that cannot be read."""
    left_out = {}
    with atomic_file(file) as part, tf.io.TFRecordWriter(str(part)) as writer:
        make_record = partial(_make_record, max_side=max_side)
        records = pool.map(make_record, rows.itertuples(index=False), _group_boxes(rows, dataset))
        for image_id, record in zip(rows.image_id, records, strict=True):
            if isinstance(record, InputError):
                left_out[str(image_id)] = str(record)
            else:
                writer.write(record)
            bar.update()
    return left_out


def _keep_whole_shards(directory: Path, key: str) -> dict[str, dict]:
    """The whole shards of this key, by name; removes other shards and what a kill left."""
    shards = {}
    if (directory / MANIFEST).is_file():
        try:
            manifest: Any = read_json(directory / MANIFEST)
            if manifest["key"] == key:
                shards = {n: s for n, s in manifest["shards"].items() if (directory / n).is_file()}
        except (InputError, TypeError, KeyError):  # damaged: all is written again
            pass
    for file in directory.iterdir():
        if SHARD.fullmatch(file.name) and file.name not in shards:
            file.unlink()
    return shards


def _make_key(dataset: Dataset, settings: tuple[int, ...]) -> str:
    digest = hashlib.sha256(repr((*settings, dataset.fingerprint())).encode())
    if (dataset.images.source == LAID).any():  # sources are in no other part of the key
        digest.update(repr(dataset.images.source.tolist()).encode())
    for path in dataset.images.path:
        file = Path(path)
        stat = file.stat() if file.is_file() else None
        digest.update(repr((path, stat and (stat.st_size, stat.st_mtime_ns))).encode())
    return digest.hexdigest()


def _group_boxes(rows: pd.DataFrame, dataset: Dataset) -> list[pd.DataFrame | None]:
    """The boxes of each photo in `rows`; None where it has none."""
    boxes = dataset.boxes[dataset.boxes.image_id.isin(rows.image_id)]
    by_photo = dict(list(boxes.groupby("image_id", sort=False)))
    return [by_photo.get(image_id) for image_id in rows.image_id]


def _make_record(row: Any, boxes: pd.DataFrame | None, max_side: int | None) -> bytes | InputError:
    try:
        return _make_example(row, boxes, max_side).SerializeToString()
    except InputError as e:
        return e


def _make_example(row: Any, boxes: pd.DataFrame | None, max_side: int | None) -> tf.train.Example:
    """One photo with its boxes. Labels count from 1: 0 is Model Garden's background."""
    encoded, (height, width) = _encode_photo(row.path)
    if (width, height) != (row.width, row.height):
        raise InputError(
            f"{row.path}: is {width} × {height}, its data set has {row.width} × {row.height}; "
            "read the data set again"
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise InputError(f"{row.path}: is {width} × {height}, too slim to be scaled; remove it")
    stored_height, stored_width = height, width
    if max_side and max(width, height) > max_side:
        encoded, (stored_height, stored_width) = _shrink(encoded, max_side)
    features = {
        ENCODED: _bytes_feature(encoded),
        SOURCE: _bytes_feature(str(row.image_id).encode()),
        HEIGHT: _int_feature([stored_height]),
        WIDTH: _int_feature([stored_width]),
    }
    if row.source == LAID:
        features[IS_LAID] = _int_feature([1])
    if boxes is not None and len(boxes):
        x1, y1, x2, y2 = boxes[CORNERS].to_numpy(np.float32).T
        corners = (y1 / height, x1 / width, y2 / height, x2 / width)
        for side, values in zip(SIDES, corners, strict=True):
            features[f"{BOX}/{side}"] = _float_feature(values)
        features[LABEL] = _int_feature(boxes.label + 1)
        features[AREA] = _float_feature((x2 - x1) * (y2 - y1))
        # Model Garden leaves crowds out of training, as ignore boxes are to be.
        features[CROWD] = _int_feature((boxes.iscrowd | boxes.ignore).astype(int))
    return tf.train.Example(features=tf.train.Features(feature=features))


def _encode_photo(path: str) -> tuple[bytes, tuple[int, int]]:
    """A plain JPEG's own bytes, or an RGB JPEG of another photo; and (height, width)."""
    if is_plain_jpeg(path):
        data = Path(path).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            return data, (image.height, image.width)
    return _encode_jpeg(Image.fromarray(read_photo(path)))


def _shrink(encoded: bytes, max_side: int) -> tuple[bytes, tuple[int, int]]:
    """A JPEG made smaller, so that its longer side is `max_side`; and (height, width)."""
    with Image.open(io.BytesIO(encoded)) as image:
        image.draft("RGB", (max_side, max_side))  # decodes at a fraction of the size
        image.thumbnail((max_side, max_side))
        return _encode_jpeg(image)


def _encode_jpeg(image: Image.Image) -> tuple[bytes, tuple[int, int]]:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue(), (image.height, image.width)


def _bytes_feature(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _int_feature(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(v) for v in values]))


def _float_feature(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=[float(v) for v in values]))
