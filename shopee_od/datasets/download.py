"""`shopee-od data download`: a data set's files from its public repository on GitHub."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import requests
from tqdm import tqdm

from shopee_od.datasets.clothing import photo_identities
from shopee_od.datasets.http import PARTS, WORKERS, get, open_session, read_content
from shopee_od.datasets.photo_identity import PhotoIdentity
from shopee_od.errors import InputError
from shopee_od.io import path_inside

# Not pooch: it cannot check the hashes that GitHub's listing gives (git's SHA-1 covers a header
# too), lists no repository, and fetches one file after another.

MAX_LISTING = 64 * 2**20
"""Bytes; GitHub cuts the listing of a repository at 7 MB."""


@dataclass(frozen=True)
class Repository:
    """A repository at one commit, so that everyone gets the same files.

    Args:
        name: owner/name.
        commit: its SHA-1.
        pattern: a regular expression that the paths to fetch match.
        identities: returns the photos that labels were made for, by path: of the paths that match,
            only these are fetched, and only if they show the same picture; None fetches all.
        api: address of GitHub's API.
        raw: address of GitHub's files.
    """

    name: str
    commit: str
    pattern: str
    identities: Callable[[], Mapping[str, PhotoIdentity]] | None = None
    api: str = "https://api.github.com"
    raw: str = "https://raw.githubusercontent.com"

    @property
    def clone_command(self) -> str:
        """What fetches the repository without this package."""
        return f"git clone https://github.com/{self.name}"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a repository.

    Args:
        path: in the repository.
        size: bytes.
        sha: git's SHA-1 of a header with the size, and the content.
        identity: what the photo must show; None for any file.
    """

    path: str
    size: int
    sha: str
    identity: PhotoIdentity | None = None

    def matches(self, content: bytes) -> bool:
        """Whether this, of any length, is the file's content.

        Args:
            content: bytes of any length.
        """
        return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest() == self.sha

    def is_at(self, path: Path) -> bool:
        """Whether this file is at a path; of a photo with an identity, any copy counts.

        Args:
            path: where it belongs; there may be nothing.
        """
        if not path.is_file():
            return False
        if path.stat().st_size == self.size and self.matches(path.read_bytes()):
            return True
        return self.identity is not None and not self.identity.describe_mismatch(path)


@dataclass(frozen=True)
class DownloadResult:
    """What `download` did.

    Args:
        fetched: how many files.
        left_out: those that are not what was labeled, each path with the reason.
    """

    fetched: int
    left_out: tuple[str, ...] = ()


# Of its 2,098 photos those up to 1004 have pixel labels.
CCP = Repository(
    "bearpaw/clothing-co-parsing",
    "cbc8deae85f65178394eded0817a5c1b1019b63d",
    r"README\.md|label_list\.mat|annotations/pixel-level/\d{4}\.mat|photos/(0\d{3}|100[0-4])\.jpg",
)
CLOTHING = Repository(
    "alexeygrigorev/clothing-dataset",
    "08b50460cf229fd852bb6c11564e0959f52578ca",
    r"images/[^/]+\.jpg",
    photo_identities,
)
REPOSITORIES = {"ccp": CCP, "clothing": CLOTHING}


def download(repository: Repository, root: Path, progress: bool = True) -> DownloadResult:
    """Fetches the matching files of a repository that are not there yet.

    1. The repository's listing gives each file's size and hash.
    2. A file that is there with that hash is kept, so a download that was stopped resumes. So is
       a larger or smaller copy of a photo that was labeled.
    3. The others are fetched in parallel, checked, and only then given their names. A photo that
       is not the one that was labeled is left out.

    Args:
        repository: what to fetch.
        root: the folder to fetch it into.
        progress: whether to show a progress bar.
    Returns:
        How many files were fetched, and those that are left out.
    Raises:
        InputError: the repository cannot be reached or answers with an error, or a file does not
            match the listing.
    """
    root = Path(root)
    with open_session() as session:
        files = _list_files(repository, session)
        missing = [
            file for file in files if not file.is_at(path_inside(root, file.path, repository.name))
        ]
        mismatches = []
        total = sum(file.size for file in files)
        bar = tqdm(
            total=total,
            initial=total - sum(file.size for file in missing),
            unit="B",
            unit_scale=True,
            desc=repository.name,
            disable=not progress,
        )
        with bar, ThreadPoolExecutor(WORKERS) as pool:
            fetches = {
                pool.submit(_fetch, repository, file, root, session): file for file in missing
            }
            try:
                for fetch in as_completed(fetches):
                    file = fetches[fetch]
                    if mismatch := fetch.result():
                        mismatches.append(f"{file.path}: {mismatch}")
                    bar.update(file.size)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    shutil.rmtree(root / PARTS, ignore_errors=True)
    return DownloadResult(len(missing) - len(mismatches), tuple(sorted(mismatches)))


def _list_files(repository: Repository, session: requests.Session) -> list[RemoteFile]:
    url = f"{repository.api}/repos/{repository.name}/git/trees/{repository.commit}?recursive=1"
    content = _get(repository, url, session, MAX_LISTING)
    try:
        listing = json.loads(content)
        files = [
            RemoteFile(e["path"], int(e["size"]), e["sha"])
            for e in listing["tree"]
            if e["type"] == "blob" and re.fullmatch(repository.pattern, e["path"])
        ]
        if listing.get("truncated") or not files:
            raise ValueError("it is not whole")
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise InputError(
            f"{url}: not the listing that was expected ({e}); instead: {repository.clone_command}"
        ) from None
    if repository.identities is None:
        return files
    identities = repository.identities()
    return [
        replace(file, identity=identities[file.path]) for file in files if file.path in identities
    ]


def _fetch(repository: Repository, file: RemoteFile, root: Path, session: requests.Session) -> str:
    """Writes the file below `root`; returns why not, where it is not what was labeled."""
    url = f"{repository.raw}/{repository.name}/{repository.commit}/{quote(file.path)}"
    content = _get(repository, url, session, file.size)
    if not file.matches(content):
        raise InputError(
            f"{url}: arrived damaged ({len(content):,} of {file.size:,} bytes); "
            "the same command resumes"
        )
    mismatch = file.identity.describe_mismatch(content) if file.identity else ""
    if mismatch:
        return mismatch
    part = root / PARTS / file.path  # unlike its hash, no other file has this path
    path = root / file.path
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    part.replace(path)
    return ""


def _get(repository: Repository, url: str, session: requests.Session, max_bytes: int) -> bytes:
    """The content at an address of the repository."""
    try:
        with get(url, session) as response:
            return read_content(response, max_bytes)
    except InputError as e:
        raise InputError(f"{e}; or, where git gets through: {repository.clone_command}") from None
