"""Photos that show the same picture, and those of them that stand in two splits: what is tested was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shopee_od.datasets.cache import per_file
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import FORMATS
from shopee_od.types import InputError

BITS = 64
SAME = 2
"""Bits in which the hashes of one picture may differ: saved again or scaled, it keeps nearly all of them."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What `duplicates` found. `groups`: a row a photo that has a double: image_id, path, split, group (from 0)."""

    groups: pd.DataFrame
    unread: int

    @property
    def leaks(self) -> pd.DataFrame:
        """The rows of those groups that stand in several of train, val and test."""
        split = self.groups[self.groups.split != ""]
        several = split.groupby("group").split.nunique()
        return self.groups[self.groups.group.isin(several.index[several > 1])]

    def __str__(self) -> str:
        """Two lines and the first few places, for `shopee-od data check`."""
        count, leaks = self.groups.group.nunique(), self.leaks
        lines = [f"{count:,} pictures are there more than once, as {len(self.groups):,} photos"]
        lines += [f"{leaks.group.nunique():,} of them in several splits: what is tested was seen in training"]
        for _, rows in list(leaks.groupby("group"))[:5]:
            lines.append("  " + " = ".join(f"{Path(row.path).name} ({row.split})" for row in rows.itertuples()))
        if self.unread:
            lines.append(f"{self.unread:,} photos cannot be read and were not compared")
        return "\n".join(lines)


def duplicates(dataset: Dataset, distance: int = SAME) -> Duplicates:
    """Photos whose perceptual hashes differ in at most `distance` of 64 bits are one picture.

    The hash is that of Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010), section
    3.2: the signs of a small copy's lowest DCT coefficients against their median. It is learnt once a file.
    """
    paths = dataset.images.path.tolist()
    names = [path.removeprefix(f"{dataset.root}/") for path in paths]
    learnt = per_file(perceptual_hash, dataset.root, names, "hashes-1")
    read = np.array([not isinstance(value, InputError) for value in learnt], bool)
    hashes = np.array([int(value, 16) for value, fine in zip(learnt, read, strict=True) if fine], np.uint64)
    pairs = near(hashes, distance)
    link = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(len(hashes), len(hashes)))
    _, group = connected_components(link, directed=False)
    rows = dataset.images.loc[read, ["image_id", "path", "split"]].assign(group=group)
    rows = rows[rows.duplicated("group", keep=False)]
    return Duplicates(rows.assign(group=pd.factorize(rows.group)[0]).reset_index(drop=True), int((~read).sum()))


def perceptual_hash(path: str | Path) -> str:
    """A photo -> 16 hexadecimal digits. Raises InputError where it cannot be read."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("L", (64, 64))  # a JPEG is decoded at a fraction of its size
            return str(imagehash.phash(image))
    except Exception as e:  # a broken file makes Pillow's decoders raise nearly anything
        raise InputError(f"{path}: the photo cannot be read ({e}); fetch it again") from None


def near(hashes: np.ndarray, distance: int) -> np.ndarray:
    """uint64 (N,) -> int (P, 2), i < j: pairs that differ in at most `distance` bits.

    1. Cut each hash into distance + 1 parts: two near ones are equal in one of them at least.
    2. Within each part, sort; those that are equal in it stand together. Compare all of them.

    Hashes that are wholly equal are linked in a chain, each with the next, so that a thousand copies of one picture
    make 999 pairs and not half a million.
    """
    if not len(hashes):
        return np.zeros((0, 2), int)
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order[1:]] == hashes[order[:-1]]
    pairs = [np.stack([order[:-1][equal], order[1:][equal]], 1)]
    first = order[np.append(True, ~equal)]  # one of each value
    edges = np.linspace(0, BITS, distance + 2).astype(int)
    for low, high in pairwise(edges):
        part = (hashes[first] >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        pairs.append(first[_near_in_part(hashes[first], part, distance)])
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _near_in_part(hashes: np.ndarray, part: np.ndarray, distance: int) -> np.ndarray:
    """Pairs of near hashes among those that are equal in this part: each with those 1, 2, ... places further on."""
    order = np.argsort(part, kind="stable")
    sorted_hashes, sorted_part = hashes[order], part[order]
    left, found, step = np.arange(len(order) - 1), [], 1
    while len(left):
        left = left[left + step < len(order)]
        left = left[sorted_part[left] == sorted_part[left + step]]
        close = np.bitwise_count(sorted_hashes[left] ^ sorted_hashes[left + step]) <= distance
        found.append(np.stack([order[left[close]], order[left[close] + step]], 1))
        step += 1
    return np.concatenate([np.zeros((0, 2), int), *found])
