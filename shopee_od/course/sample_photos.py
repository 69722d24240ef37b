"""The photos that notebook 00 tags: one's own, else test photos of data sets that are here."""

from __future__ import annotations

from pathlib import Path

from shopee_od.course.context import NotebookContext, open_shopsim
from shopee_od.datasets import locate, open_dataset
from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.joint import sample_equally
from shopee_od.datasets.photos import list_photos
from shopee_od.errors import InputError
from shopee_od.io import project_root

REAL_PHOTOS = ("ccp", "clothing")
"""The data sets to choose from where none is asked for."""


def find_sample_photos(context: NotebookContext, photos: str, count: int) -> tuple[list[Path], str]:
    """Finds photos to tag.

    1. One's own, if `photos` names them.
    2. Test photos of the notebook's data set.
    3. If that is ShopSim: test photos of the data sets in REAL_PHOTOS that are in the data folder,
       equally many of each.
    4. If none is there: images of ShopSim. If it is missing too, a small one is rendered in
       seconds.

    Args:
        context: its data set and seed.
        photos: a file or a folder, which may be relative to the project's root; or "".
        count: how many at most: the first of one's own, else a random sample.
    Returns:
        The files, and what they are in words.
    Raises:
        InputError: `photos` names no photo.
    """
    if photos:
        files = list_photos([project_root() / Path(photos).expanduser()])
        if not files or not files[0].is_file():
            raise InputError(f"photos = {photos!r}: no photo there; name a photo or a folder")
        return files[:count], f"your own, {min(count, len(files))} of {len(files)}"
    datasets = _open_datasets(context)
    samples = sample_equally([data.split("test") for data in datasets], count, context.seed)
    files = [Path(path) for sample in samples for path in sample.images.path]
    return files, f"test images of {' and '.join(data.name for data in datasets)}"


def _open_datasets(context: NotebookContext) -> list[Dataset]:
    if context.dataset != "shopsim":
        return [context.data]
    real = [name for name in REAL_PHOTOS if _is_here(name)]
    if real:
        return [open_dataset(name) for name in real]
    if _is_here("shopsim", context.data_dir):
        return [context.data]
    return [open_shopsim(small=True)]


def _is_here(name: str, data_dir: Path | None = None) -> bool:
    try:
        locate(name, data_dir)
    except InputError:
        return False
    return True
