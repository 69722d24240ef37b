"""Selective search on photos: the same few hundred proposals for every detector that wants them, searched for once.

What was found is kept in the user's cache with the seconds that it took, so that a detector's cost counts them whether
or not they were searched for just then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread

import numpy as np
from PIL import Image
from tqdm import tqdm

from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.kept import SECONDS, held, kept, key_of
from shopee_od.ops.pyramid import to_photo
from shopee_od.ops.selective_search import selective_search
from shopee_od.types import InputError

VERSION = 1  # of the search: another one searches again
LONGEST = 300  # pixels: a photo with a longer side is searched at that size
SPACES, SCALES = ("hsv", "lab"), (50, 100)  # the paper's "fast" strategies, section 5.2, with one similarity
MOST = 300  # proposals a photo that a detector is given
KIND = "proposals"
PROCESSES = 8  # at most, one a core


@dataclass(frozen=True)
class Proposals:
    """boxes: float32 (N, 4) in the photo's pixels, the likelier first; seconds: what it took one core to find them."""

    boxes: np.ndarray
    seconds: float

    def first(self, n: int) -> Proposals:
        """The likeliest n of them, found in the same time."""
        return Proposals(self.boxes[:n], self.seconds)


def proposals(image: np.ndarray) -> Proposals:
    """uint8 (H, W, 3) -> all its proposals: those kept by `prepare`, or else found now."""
    there = held(KIND, _key(image)) or _search(image)
    return Proposals(there["boxes"], float(there[SECONDS]))


def scaled(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> the photo as it is searched: its longer side 300 pixels at most."""
    height, width = image.shape[:2]
    shrunk = min(1, LONGEST / max(height, width))
    size = (max(1, round(width * shrunk)), max(1, round(height * shrunk)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)) if shrunk < 1 else image


def prepare(paths: Iterable[str]) -> None:
    """Searches the photos that have not been searched yet, on all cores, and keeps what is found, photo by photo.

    Photos that cannot be read are left out.
    """
    missing = [path for path in paths if not _is_held(path)]
    if not missing:
        return
    workers = min(PROCESSES, os.cpu_count() or 1, len(missing) // 4)
    if workers < 2:
        for path in missing:
            _search_and_keep(path)
        return
    # TensorFlow's threads do not survive a fork.
    try:
        with ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent) as pool:
            found = pool.map(_search_and_keep, missing)
            list(tqdm(found, "selective search", len(missing), unit="photo", mininterval=2))
    except BrokenProcessPool:
        raise InputError(
            "the processes that search for proposals ended; in a script, put what runs below "
            "`if __name__ == '__main__':`, since each of them imports it"
        ) from None


def _search(image: np.ndarray) -> dict[str, np.ndarray]:
    """The boxes, and this core's own seconds: other work on the machine does not count."""
    start, small = time.thread_time(), scaled(image)
    boxes = to_photo(selective_search(small, SPACES, SCALES), small.shape[:2], image.shape[:2])
    return {"boxes": boxes.astype(np.float32), SECONDS: np.float64(time.thread_time() - start)}


def _key(image: np.ndarray) -> str:
    return key_of(image, VERSION, LONGEST, SPACES, SCALES)


def _is_held(path: str) -> bool:
    try:
        return held(KIND, _key(read_photo(path))) is not None
    except InputError:
        return True


def _search_and_keep(path: str) -> None:
    image = read_photo(path)
    kept(KIND, _key(image), lambda: _search(image))


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""

    def watch():
        parent_process().join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
