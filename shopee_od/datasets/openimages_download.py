"""`shopee-od data download openimages`: some photos of Open Images V7, with all their boxes."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from shopee_od.cache import make_key
from shopee_od.datasets.csv_stream import Selector, fetch_size, filter_csv
from shopee_od.datasets.download import DownloadResult
from shopee_od.datasets.http import (
    PARTS,
    WORKERS,
    TooLargeError,
    get,
    open_session,
    read_content,
)
from shopee_od.datasets.openimages import IMAGES, SUBSETS, Subset
from shopee_od.datasets.openimages_csv import read_photo_ids
from shopee_od.datasets.openimages_selection import (
    BoxSelector,
    PhotoSelector,
    match_classes,
    select_photos,
)
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.problems import ProblemLog
from shopee_od.datasets.splits import SPLITS
from shopee_od.errors import InputError
from shopee_od.io import atomic_file, read_json, write_json

PHOTOS = 500
"""By default, of each class and split at most this many."""
GONE = (403, 404, 410)
"""Answers for a photo that is not there: S3 does not tell a missing file from a forbidden one."""
MAX_PHOTO = 32 * 2**20
"""Bytes; photos of at most 1,024 pixels wide and high have far fewer."""
DOWNLOADED = "annotations/downloaded.json"
UNLISTED = "photos without a row"
"""In DOWNLOADED: by the folder of a part, those that its file of photos lacks."""


@dataclass(frozen=True)
class Addresses:
    """Where Open Images is public.

    Args:
        annotations: of Google's files.
        photos: of the Common Visual Data Foundation's copies, at most 1,024 pixels wide and high.
    """

    annotations: str = "https://storage.googleapis.com/openimages"
    photos: str = "https://open-images-dataset.s3.amazonaws.com"


def download_openimages(
    root: Path,
    classes: Iterable[str],
    photos: int = PHOTOS,
    splits: Sequence[str] = SPLITS,
    addresses: Addresses | None = None,
    progress: bool = True,
) -> DownloadResult:
    """Fetches photos of some classes, and the files' rows about them, that are not there yet.

    1. Of each class the first photos in the file of boxes are taken, so that everyone gets the
       same: those that have a counted box of the class, and no garment that may be without one
       (`has_unlabeled_garment`). That file is sorted by the photos' ids, which are random.
    2. The rows of their garments, outfits and people are added to the file of boxes, and the rows
       with author and license to the file of photos.
    3. The photos are fetched in parallel, decoded, and only then given their names.

    The same command resumes what was stopped. Another one adds photos of other classes. A whole
    public file that is there already is used as it is.

    Args:
        root: the folder to fetch them into.
        classes: names of garments.
        photos: at most so many of each class and split.
        splits: some of train, val and test.
        addresses: the public ones by default.
        progress: whether to show progress bars.
    Returns:
        How many photos were fetched, and those that are gone, damaged or not listed.
    Raises:
        InputError: a class is unknown, or an address cannot be reached or answers with an error.
    """
    names = match_classes(classes)
    subsets = [SUBSETS[split] for split in splits]
    with open_session() as session:
        fetcher = _Fetcher(Path(root), addresses or Addresses(), session, progress)
        photo_ids = {}
        for subset in subsets:
            fetcher.fetch_boxes(subset, names, photos)
            file = fetcher.root / subset.box_file
            photo_ids[subset] = select_photos(file, names, photos, progress)
            fetcher.fetch_photo_rows(subset, photo_ids[subset])
        result = fetcher.fetch_photos(photo_ids)
    shutil.rmtree(Path(root) / PARTS, ignore_errors=True)
    return result


@dataclass(frozen=True)
class _Fetcher:
    """The steps of a download; each leaves what it has done where the next command finds it."""

    root: Path
    addresses: Addresses
    session: requests.Session
    progress: bool

    def fetch_boxes(self, subset: Subset, classes: Sequence[str], photos: int) -> None:
        """Adds the boxes of the first photos of each class, unless they are there already."""
        file = self.root / subset.box_file
        downloaded = self._read_downloaded()
        counts = downloaded.setdefault(subset.folder, {})
        if not file.is_file():
            counts.clear()
        classes = [name for name in classes if counts.get(name, 0) < photos]
        if not classes:
            return
        url = f"{self.addresses.annotations}/{subset.boxes_address}"
        if file.is_file() and file.stat().st_size == fetch_size(url, self.session):
            return
        selector = BoxSelector(url, classes, photos)
        self._add_rows(file, url, f"{photos} of {', '.join(classes)}", selector)
        counts.update(dict.fromkeys(classes, photos))
        write_json(self.root / DOWNLOADED, downloaded)

    def fetch_photo_rows(self, subset: Subset, photo_ids: Sequence[str]) -> None:
        """Adds the rows, with author and license, of photos; notes those that have none."""
        file = self.root / subset.photo_file
        downloaded = self._read_downloaded()
        unlisted = downloaded.setdefault(UNLISTED, {})
        if not file.is_file():
            unlisted.pop(subset.folder, None)
        known = {*unlisted.get(subset.folder, ())}
        missing = {*photo_ids}.difference(known, _first_fields(file))
        if not missing:
            return
        url = f"{self.addresses.annotations}/{subset.photos_address}"
        self._add_rows(file, url, make_key(*sorted(missing)), PhotoSelector(url, missing))
        unlisted[subset.folder] = sorted(known | missing.difference(_first_fields(file)))
        write_json(self.root / DOWNLOADED, downloaded)

    def fetch_photos(self, photo_ids: Mapping[Subset, Sequence[str]]) -> DownloadResult:
        """Fetches the photos that are not there, are listed and not stored rotated."""
        names = []
        left_out = []
        for subset, ids in photo_ids.items():
            upright = {*read_photo_ids(self.root / subset.photo_file, ProblemLog())}
            names += [f"{subset.folder}/{photo_id}.jpg" for photo_id in ids if photo_id in upright]
            unlisted = self._read_downloaded().get(UNLISTED, {}).get(subset.folder, ())
            left_out += [
                f"{subset.folder}/{photo_id}.jpg: not in {subset.photo_file}, so without a license"
                for photo_id in ids
                if photo_id in unlisted
            ]
        missing = [name for name in names if not (self.root / IMAGES / name).is_file()]
        present = len(names) - len(missing)
        failed = []
        bar = tqdm(total=len(names), initial=present, unit="photo", disable=not self.progress)
        with bar, ThreadPoolExecutor(WORKERS) as pool:
            fetches = {pool.submit(self._fetch_photo, name): name for name in missing}
            try:
                for fetch in as_completed(fetches):
                    if reason := fetch.result():
                        failed.append(f"{fetches[fetch]}: {reason}")
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if names and len(failed) == len(names):
            raise InputError(
                f"{self.addresses.photos}: none of {len(names):,} photos arrived, "
                f"as {failed[0]}; try another network"
            )
        return DownloadResult(len(missing) - len(failed), tuple(sorted(left_out + failed)))

    def _fetch_photo(self, name: str) -> str:
        """Writes a photo to its place; returns why not, where it is gone or damaged."""
        with get(f"{self.addresses.photos}/{name}", self.session, accepted=GONE) as response:
            if not response.ok:
                return f"gone ({response.status_code} {response.reason})"
            try:
                content = read_content(response, MAX_PHOTO)
            except TooLargeError as e:
                return f"damaged ({e})"
        part = self.root / PARTS / name
        path = self.root / IMAGES / name
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        try:
            read_photo(part)
        except InputError as e:
            return f"damaged ({str(e).removeprefix(f'{part}: ')})"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)
        return ""

    def _add_rows(self, file: Path, url: str, request: str, selector: Selector) -> None:
        """Adds the rows that are selected of a public file, sorted by photo, but no photo twice."""
        part = self.root / PARTS / file.name
        header, *rows = filter_csv(url, part, request, selector, self.session, self.progress)
        if file.is_file() and _read_header(file) != header:
            raise InputError(f"{file}: row 1 is not that of {url}; remove the file")
        present = {_first_field(row) for row in rows}.intersection(_first_fields(file))
        rows = [row for row in rows if _first_field(row) not in present]
        with atomic_file(file) as temporary, temporary.open("w", encoding="utf-8") as out:
            out.write(f"{header}\n")
            merged_rows = heapq.merge(
                _read_lines(file), sorted(rows, key=_first_field), key=_first_field
            )
            out.writelines(f"{row}\n" for row in merged_rows)

    def _read_downloaded(self) -> dict[str, dict[str, Any]]:
        """What commands that ended have left: folder of a part -> class -> photos asked for.

        And UNLISTED -> folder of a part -> ids.
        """
        file = self.root / DOWNLOADED
        content = read_json(file) if file.is_file() else {}
        if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
            raise InputError(f"{file}: not as it was written; remove it")
        return content


def _read_header(file: Path) -> str:
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        return next(lines, "").rstrip("\n")


def _read_lines(file: Path) -> Iterator[str]:
    """The rows of a file without row 1 and line ends; none where there is no file."""
    if file.is_file():
        with file.open(encoding="utf-8", errors="replace") as lines:
            next(lines, None)
            yield from (line.rstrip("\n") for line in lines if line.strip())


def _first_field(row: str) -> str:
    return row.partition(",")[0]


def _first_fields(file: Path) -> Iterator[str]:
    """The photo's id of each row of a file, one at a time."""
    return map(_first_field, _read_lines(file))
