"""`shopee-od data download openimages`: some photos of Open Images V7, with all their boxes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import requests
from tqdm import tqdm

from shopee_od.cache import make_key
from shopee_od.datasets.csv_stream import Selector, filter_csv
from shopee_od.datasets.dataset import SPLITS
from shopee_od.datasets.download import PARTS, WORKERS, DownloadResult, get, open_session
from shopee_od.datasets.openimages import IMAGES, SUBSETS, Subset
from shopee_od.datasets.openimages_csv import (
    BOX_COLUMNS,
    GARMENTS,
    PHOTO_COLUMNS,
    PHOTO_ID,
    find_columns,
    has_unlabeled_garment,
    parse_box,
    read_photo_ids,
    split_row,
)
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.problems import ProblemLog
from shopee_od.errors import InputError
from shopee_od.io import atomic_file, read_json, write_json

PHOTOS = 500
"""By default, of each class and split at most this many."""
GONE = (403, 404, 410)
"""Answers for a photo that is not there: S3 does not tell a missing file from a forbidden one."""
DOWNLOADED = "annotations/downloaded.json"


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

    The same command resumes what was stopped. Another one adds photos of other classes.

    Args:
        root: the folder to fetch them into.
        classes: names of garments.
        photos: at most so many of each class and split.
        splits: some of train, val and test.
        addresses: the public ones by default.
        progress: whether to show progress bars.
    Returns:
        How many photos were fetched, and those that are gone or damaged.
    Raises:
        InputError: a class is unknown, or an address cannot be reached or answers with an error.
    """
    names = match_classes(classes)
    subsets = [SUBSETS[split] for split in splits]
    with open_session() as session:
        fetcher = _Fetcher(Path(root), addresses or Addresses(), session, progress)
        for subset in subsets:
            fetcher.fetch_boxes(subset, names, photos)
            fetcher.fetch_photo_rows(subset)
        result = fetcher.fetch_photos(subsets)
    shutil.rmtree(Path(root) / PARTS, ignore_errors=True)
    return result


def match_classes(names: Iterable[str]) -> list[str]:
    """The garments of these names, sorted; capital letters do not matter.

    Raises:
        InputError: there is no such garment; it lists similar ones.
    """
    known = {name.lower(): name for name in GARMENTS}
    wanted = [name.strip() for name in names if name.strip()]
    if not wanted:
        raise InputError(f"no class is named; choose from {', '.join(GARMENTS)}")
    for name in wanted:
        if name.lower() not in known:
            similar = [known[match] for match in get_close_matches(name.lower(), known, cutoff=0.5)]
            hint = f"did you mean {' or '.join(similar)}? There" if similar else "there"
            raise InputError(
                f"Open Images has no garment {name!r}; {hint} are {', '.join(GARMENTS)}"
            )
    return sorted({known[name.lower()] for name in wanted})


@dataclass(frozen=True)
class _Fetcher:
    """The steps of a download; each leaves what it has done where the next command finds it."""

    root: Path
    addresses: Addresses
    session: requests.Session
    progress: bool

    def fetch_boxes(self, subset: Subset, classes: Sequence[str], photos: int) -> None:
        """Adds the boxes of the first photos of each class, unless an earlier command did."""
        file = self.root / subset.box_file
        downloaded = self._read_downloaded()
        counts = downloaded.setdefault(subset.folder, {})
        if not file.is_file():
            counts.clear()
        classes = [name for name in classes if counts.get(name, 0) < photos]
        if classes:
            url = f"{self.addresses.annotations}/{subset.boxes_address}"
            selector = _BoxSelector(url, classes, photos)
            self._add_rows(file, url, f"{photos} of {', '.join(classes)}", selector)
            counts.update(dict.fromkeys(classes, photos))
            write_json(self.root / DOWNLOADED, downloaded)

    def fetch_photo_rows(self, subset: Subset) -> None:
        """Adds the rows, with author and license, of the photos that have boxes."""
        file = self.root / subset.photo_file
        missing = sorted(_first_fields(self.root / subset.box_file) - _first_fields(file))
        if missing:
            url = f"{self.addresses.annotations}/{subset.photos_address}"
            self._add_rows(file, url, make_key(*missing), _PhotoSelector(url, missing))

    def fetch_photos(self, subsets: Sequence[Subset]) -> DownloadResult:
        """Fetches the listed photos that are not there and not stored rotated."""
        names = []
        for subset in subsets:
            photo_ids = read_photo_ids(self.root / subset.photo_file, ProblemLog())
            names += [f"{subset.folder}/{photo_id}.jpg" for photo_id in photo_ids]
        missing = [name for name in names if not (self.root / IMAGES / name).is_file()]
        present = len(names) - len(missing)
        left_out = []
        bar = tqdm(total=len(names), initial=present, unit="photo", disable=not self.progress)
        with bar, ThreadPoolExecutor(WORKERS) as pool:
            fetches = {pool.submit(self._fetch_photo, name): name for name in missing}
            try:
                for fetch in as_completed(fetches):
                    if reason := fetch.result():
                        left_out.append(f"{fetches[fetch]}: {reason}")
                    bar.update()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if names and len(left_out) == len(names):
            raise InputError(
                f"{self.addresses.photos}: none of {len(names):,} photos arrived, "
                f"as {left_out[0]}; try another network"
            )
        return DownloadResult(len(missing) - len(left_out), tuple(sorted(left_out)))

    def _fetch_photo(self, name: str) -> str:
        """Writes a photo to its place; returns why not, where it is gone or damaged."""
        response = get(f"{self.addresses.photos}/{name}", self.session, accepted=GONE)
        if not response.ok:
            return f"gone ({response.status_code} {response.reason})"
        part = self.root / PARTS / name
        path = self.root / IMAGES / name
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(response.content)
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
        present = _first_fields(file)
        rows = [row for row in rows if row.partition(",")[0] not in present]
        if present:
            rows += file.read_text(encoding="utf-8").split("\n")[1:-1]
        with atomic_file(file) as temporary:
            lines = [header, *sorted(rows, key=lambda row: row.partition(",")[0]), ""]
            temporary.write_text("\n".join(lines), encoding="utf-8")

    def _read_downloaded(self) -> dict[str, dict[str, int]]:
        """Folder of a part -> class -> how many photos were asked for by commands that ended."""
        file = self.root / DOWNLOADED
        content = read_json(file) if file.is_file() else {}
        if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
            raise InputError(f"{file}: not as it was written; remove it")
        return content


def _first_fields(file: Path) -> set[str]:
    """The ids of the photos that have rows in a file; none where there is no file."""
    if not file.is_file():
        return set()
    with file.open(encoding="utf-8") as lines:
        next(lines, None)
        return {line.partition(",")[0] for line in lines}


class _BoxSelector:
    """Selects the rows of the first photos of some classes.

    Args:
        url: of the file, for the message.
        classes: their names.
        photos: of each.
    """

    def __init__(self, url: str, classes: Iterable[str], photos: int) -> None:
        self._url = url
        self._remaining = dict.fromkeys(classes, photos)
        self._positions: list[int] = []
        self._num_columns = 0

    @property
    def is_done(self) -> bool:
        return not any(self._remaining.values())

    def start(self, header: str) -> None:
        names = split_row(header)
        self._num_columns = len(names)
        self._positions = find_columns(self._url, names, BOX_COLUMNS)

    def select(self, key: str, rows: Sequence[str]) -> list[str]:
        if not PHOTO_ID.fullmatch(key):
            return []
        boxes = []
        known_rows = []
        for row in rows:
            fields = row.split(",")
            if len(fields) == self._num_columns:
                box = parse_box([fields[position] for position in self._positions])
                if box is not None:
                    boxes.append(box)
                    known_rows.append(row)
        names = {box.name for box in boxes if box.is_counted and self._remaining.get(box.name)}
        if not names or has_unlabeled_garment(boxes):
            return []
        for name in names:
            self._remaining[name] -= 1
        return known_rows


class _PhotoSelector:
    """Selects the rows of some photos.

    Args:
        url: of the file, for the message.
        photo_ids: the photos.
    """

    def __init__(self, url: str, photo_ids: Iterable[str]) -> None:
        self._url = url
        self._remaining = set(photo_ids)

    @property
    def is_done(self) -> bool:
        return not self._remaining

    def start(self, header: str) -> None:
        find_columns(self._url, split_row(header), PHOTO_COLUMNS)

    def select(self, key: str, rows: Sequence[str]) -> list[str]:
        if key not in self._remaining:
            return []
        self._remaining.remove(key)
        return [rows[0]]
