"""Photos that show the same picture; in two splits, they put training photos into the test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shopee_od.cache import get_or_compute_per_file
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_thumbnail
from shopee_od.errors import InputError

HASH_BITS = 64
MAX_DISTANCE = 2
"""Bits in which the hashes of one picture may differ: saving or scaling it changes hardly any."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What `find_duplicates` found.

    Args:
        groups: one row per photo that has a duplicate: image_id, path, split, group (from 0).
        unread: how many photos could not be read.
    """

    groups: pd.DataFrame
    unread: int

    @property
    def leaks(self) -> pd.DataFrame:
        """The rows of the groups that are in several of train, val and test."""
        rows = self.groups[self.groups.split != ""]
        splits = rows.groupby("group").split.nunique()
        return self.groups[self.groups.group.isin(splits.index[splits > 1])]

    def __str__(self) -> str:
        """Two lines and the first few leaks, for `shopee-od data check`."""
        count = self.groups.group.nunique()
        leaks = self.leaks
        lines = [
            f"{count:,} pictures are there more than once, as {len(self.groups):,} photos",
            f"{leaks.group.nunique():,} of them in several splits: "
            "photos of the test were trained on",
        ]
        for _, rows in list(leaks.groupby("group"))[:5]:
            names = [f"{Path(str(row.path)).name} ({row.split})" for row in rows.itertuples()]
            lines.append("  " + " = ".join(names))
        if self.unread:
            lines.append(f"{self.unread:,} photos cannot be read and were not compared")
        return "\n".join(lines)


def find_duplicates(dataset: Dataset, max_distance: int = MAX_DISTANCE) -> Duplicates:
    """Photos of one picture: their perceptual hashes differ in few bits.

    Hashes are computed once per file and cached.

    Args:
        dataset: the photos to compare.
        max_distance: of the hashes' 64 bits, how many may differ.
    Returns:
        The photos that have a duplicate, in groups.
    Source: Zauner, "Implementation and benchmarking of perceptual image hash functions" (2010),
        section 3.2.
    """
    names = [path.removeprefix(f"{dataset.root}/") for path in dataset.images.path]
    results = get_or_compute_per_file(perceptual_hash, dataset.root, names, "hashes-2")
    is_read = np.array([not isinstance(result, InputError) for result in results], bool)
    hashes = np.array(
        [int(result, 16) for result in results if not isinstance(result, InputError)], np.uint64
    )
    pairs = find_near_pairs(hashes, max_distance)
    links = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(len(hashes), len(hashes)))
    _, group = connected_components(links, directed=False)
    rows = dataset.images.loc[is_read, ["image_id", "path", "split"]].assign(group=group)
    rows = rows[rows.duplicated("group", keep=False)]
    groups = rows.assign(group=pd.factorize(rows.group)[0]).reset_index(drop=True)
    return Duplicates(groups, unread=int((~is_read).sum()))


def perceptual_hash(photo: str | Path | bytes) -> str:
    """The upright photo's hash as 16 hexadecimal digits: signs of the DCT's low frequencies.

    Args:
        photo: the file, or its bytes.
    Returns:
        The 64 bits, the highest first.
    Raises:
        InputError: the photo cannot be read.
    """
    return str(imagehash.phash(read_thumbnail(photo, 64)))


def find_near_pairs(hashes: np.ndarray, max_distance: int) -> np.ndarray:
    """Pairs of hashes that differ in few bits, without comparing all pairs.

    1. Cut each hash into max_distance + 1 parts: two near hashes are equal in at least one.
    2. For each part, sort; hashes that are equal in it are now neighbors. Compare all of them.

    Equal hashes are linked in a chain, each with the next, so that a thousand copies of one picture
    give 999 pairs instead of half a million.

    Args:
        hashes: uint64 (N,).
        max_distance: how many bits may differ.
    Returns:
        int (P, 2) indices i < j.
    """
    if not len(hashes):
        return np.zeros((0, 2), int)
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order[1:]] == hashes[order[:-1]]
    pairs = [np.stack([order[:-1][equal], order[1:][equal]], 1)]
    distinct = order[np.append(True, ~equal)]  # the first of each value
    edges = np.linspace(0, HASH_BITS, max_distance + 2).astype(int)
    for low, high in pairwise(edges):
        part = (hashes[distinct] >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        pairs.append(distinct[_near_pairs_in_part(hashes[distinct], part, max_distance)])
    return np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)


def _near_pairs_in_part(hashes: np.ndarray, part: np.ndarray, max_distance: int) -> np.ndarray:
    """Near pairs among hashes that are equal in one part: each compared with the next ones."""
    order = np.argsort(part, kind="stable")
    hashes = hashes[order]
    part = part[order]
    first = np.arange(len(order) - 1)
    pairs = [np.zeros((0, 2), int)]
    step = 1
    while len(first):
        first = first[first + step < len(order)]
        first = first[part[first] == part[first + step]]
        near = np.bitwise_count(hashes[first] ^ hashes[first + step]) <= max_distance
        pairs.append(np.stack([order[first[near]], order[first[near] + step]], 1))
        step += 1
    return np.concatenate(pairs)
