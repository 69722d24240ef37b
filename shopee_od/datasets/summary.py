"""What a data set holds, as text: photos by split, boxes by class, and what reading it found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from tqdm import tqdm

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.types import InputError


def summary(dataset: Dataset) -> str:
    """Lines for `shopee-od data check`."""
    flags = {name: int(dataset.boxes[name].sum()) for name in ("ignore", "iscrowd")}
    flagged = ", ".join(f"{count:,} {name}" for name, count in flags.items() if count)
    splits = dataset.images.split.replace("", "(none)").value_counts()
    empty = (~dataset.images.image_id.isin(dataset.boxes.image_id)).sum()
    boxes = dataset.boxes.merge(dataset.images[["image_id", "split"]], on="image_id")
    table = pd.crosstab(boxes.label, boxes.split.replace("", "(none)")).reindex(
        range(len(dataset.classes)), fill_value=0
    )
    table.index = [f"{name} ({kind or '?'})" for name, kind in zip(dataset.classes, dataset.types, strict=True)]
    table.columns.name = "boxes"
    return "\n".join(
        [
            f"{dataset.name} at {dataset.root}",
            f"{len(dataset):,} photos ({', '.join(f'{n:,} {name}' for name, n in splits.items())}), "
            f"{empty:,} of them without a box",
            f"{len(dataset.boxes):,} boxes{f' ({flagged})' if flagged else ''}",
            "",
            table.assign(all=table.sum(axis=1)).to_string(),
            "",
            "repaired, dropped or refused while reading:",
            str(dataset.problems),
        ]
    )


def decode_all(dataset: Dataset) -> None:
    """Decodes every photo to its end, which reading a data set does not, and adds what fails to its problems."""

    def fault(path: str) -> str:
        try:
            read_photo(path)
        except InputError as e:
            return str(e)
        return ""

    with ThreadPoolExecutor() as pool:
        faults = pool.map(fault, dataset.images.path)
        for reason in tqdm(faults, "decode", len(dataset), unit="photo"):
            if reason:
                dataset.problems.add("photo broken: left out of records and figures", reason)
