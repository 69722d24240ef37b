"""What a data set holds, as text: photos by split, boxes by class, and problems in reading it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError


def summarize(dataset: Dataset) -> str:
    """The lines that `shopee-od data check` prints about a data set.

    Args:
        dataset: one or a joint one.
    Returns:
        Photos by split, boxes by class and split, and the problems.
    """
    flags = {name: int(dataset.boxes[name].sum()) for name in ("ignore", "iscrowd")}
    flagged = ", ".join(f"{count:,} {name}" for name, count in flags.items() if count)
    splits = dataset.images.split.replace("", "(none)").value_counts()
    by_split = ", ".join(f"{n:,} {name}" for name, n in splits.items())
    sources = dataset.images.dataset.value_counts(sort=False)
    by_source = ", ".join(f"{n:,} of {name}" for name, n in sources.items())
    empty = (~dataset.images.image_id.isin(dataset.boxes.image_id)).sum()
    return "\n".join(
        [
            f"{dataset.name} at {dataset.root}",
            f"{len(dataset):,} photos ({by_split}), {empty:,} of them without a box",
            *([by_source] if len(sources) > 1 else []),
            f"{len(dataset.boxes):,} boxes{f' ({flagged})' if flagged else ''}",
            "",
            _count_boxes(dataset).to_string(),
            "",
            "repaired, dropped or refused while reading:",
            str(dataset.problems),
        ]
    )


def decode_all(dataset: Dataset) -> Dataset:
    """Decodes every photo to its end, which reading a data set does not.

    Args:
        dataset: stays as it is.
    Returns:
        The same data set, with the photos that cannot be decoded counted in `problems`.
    """
    problems = ProblemLog(dataset.problems)
    with ThreadPoolExecutor() as pool:
        messages = pool.map(_decoding_error, dataset.images.path)
        for message in tqdm(messages, "decode", len(dataset), unit="photo"):
            if message:
                problems.add("photo broken: left out of records and figures", message)
    return replace(dataset, problems=problems.freeze())


def _count_boxes(dataset: Dataset) -> pd.DataFrame:
    """Boxes by class, then by coarse label (rows), and split (columns)."""
    boxes = dataset.boxes.merge(dataset.images[["image_id", "split"]], on="image_id")
    table = pd.crosstab(boxes.label, boxes.split.replace("", "(none)")).reindex(
        range(len(dataset.label_names)), fill_value=0
    )
    types = [f" ({kind or '?'})" for kind in dataset.types] + [""] * len(dataset.coarse_labels)
    table.index = pd.Index(
        name + kind for name, kind in zip(dataset.label_names, types, strict=True)
    )
    table.columns.name = "boxes"
    return table.assign(all=table.sum(axis=1))


def _decoding_error(path: str) -> str:
    try:
        read_photo(path)
    except InputError as e:
        return str(e)
    return ""
