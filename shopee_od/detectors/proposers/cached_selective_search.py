"""Selective search on images: a few hundred proposals, cached for every detector that uses them.

The algorithm is `ops/selective_search.py`. Its result is cached with the seconds of wall time that
it took, so that a detector's cost includes them whether or not the search ran just then. Other work
on the machine lengthens them: to measure a detector, search again (`cache.disabled`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
from PIL import Image
from tqdm import tqdm

from shopee_od import cache
from shopee_od.config import setting
from shopee_od.datasets.photos import read_photo
from shopee_od.detectors.slots import Proposals
from shopee_od.errors import InputError
from shopee_od.ops.pyramid import boxes_to_image
from shopee_od.ops.selective_search import COLOR_SPACES, selective_search
from shopee_od.system import end_with_parent, usable_cores

VERSION = 2
"""Of the search and of its clock, in the cache's keys."""
CACHE_KIND = "proposals"
MAX_PROCESSES = 8
PHOTOS_PER_PROCESS = 4
"""Fewer are not worth starting a process."""


@dataclass(frozen=True)
class SelectiveSearchConfig:
    """How images are searched.

    Args:
        color_spaces: of the search, as in the paper's "fast" strategies (section 5.1.3), with one
            set of similarities instead of two.
        scales: of the segmentation that the search starts from.
        longest: pixels; an image with a longer side is searched at that size.
        proposals: the most that a detector is given.
    """

    color_spaces: tuple[str, ...] = setting(("hsv", "lab"), choices=tuple(COLOR_SPACES))
    scales: tuple[int, ...] = (50, 100)
    longest: int = 300
    proposals: int = 300


@dataclass(frozen=True)
class SelectiveSearch:
    """The proposer of R-CNN, SPP-net and Fast R-CNN."""

    config: SelectiveSearchConfig = SelectiveSearchConfig()

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> its highest-ranked proposals."""
        return self.search(image).top(self.config.proposals)

    def search(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> all its proposals, from the cache or found now (and not cached)."""
        arrays = cache.get(CACHE_KIND, self._key(image)) or self._search(image)
        return Proposals(arrays["boxes"], float(arrays[cache.SECONDS]))

    def prefetch(self, paths: Iterable[str]) -> float:
        """Searches the photos that are not cached yet, on all cores, and caches the result.

        Args:
            paths: photo files; those that cannot be read are skipped.
        Returns:
            The seconds it took now.
        Raises:
            InputError: called from a script that its worker processes cannot import.
        """
        start = time.perf_counter()
        missing = [path for path in paths if not self._is_cached(path)]
        workers = min(MAX_PROCESSES, usable_cores(), len(missing) // PHOTOS_PER_PROCESS)
        if workers < 2:
            for path in tqdm(missing, "selective search", unit="photo", delay=2, mininterval=2):
                _search_and_cache(self, path)
            return time.perf_counter() - start
        # TensorFlow's threads do not survive a fork.
        context = get_context("spawn")
        try:
            with ProcessPoolExecutor(workers, context, end_with_parent) as pool:
                results = pool.map(partial(_search_and_cache, self), missing)
                for _ in tqdm(
                    results, "selective search", len(missing), unit="photo", mininterval=2
                ):
                    pass
        except BrokenProcessPool:
            raise InputError(
                "the processes that search for proposals ended; in a script, put what runs below "
                "`if __name__ == '__main__':`, since each of them imports it"
            ) from None
        return time.perf_counter() - start

    def scale_image(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> the image at the size at which it is searched."""
        height, width = image.shape[:2]
        factor = min(1, self.config.longest / max(height, width))
        if factor == 1:
            return image
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))

    def _search(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The boxes, and the seconds of wall time, as for every other slot."""
        start = time.perf_counter()
        small = self.scale_image(image)
        boxes = selective_search(small, self.config.color_spaces, self.config.scales)
        boxes = boxes_to_image(boxes, small.shape[:2], image.shape[:2]).astype(np.float32)
        return {"boxes": boxes, cache.SECONDS: np.asarray(time.perf_counter() - start)}

    def _key(self, image: np.ndarray) -> str:
        config = self.config
        return cache.make_key(image, VERSION, config.longest, config.color_spaces, config.scales)

    def _is_cached(self, path: str) -> bool:
        try:
            return cache.get(CACHE_KIND, self._key(read_photo(path))) is not None
        except InputError:
            return True


def _search_and_cache(search: SelectiveSearch, path: str) -> None:
    image = read_photo(path)
    cache.get_or_compute(CACHE_KIND, search._key(image), lambda: search._search(image))
