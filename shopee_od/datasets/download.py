"""`shopee-od data download`: a data set's files from its public repository on GitHub, each checked by its hash."""

from __future__ import annotations

import hashlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter, Retry
from tqdm import tqdm

from shopee_od.paths import inside
from shopee_od.types import InputError

WORKERS = 8
WAIT = (10, 60)  # seconds for a connection, and between two answers
PARTS = ".download"  # a folder below the data set's; what lies there is not whole yet


@dataclass(frozen=True)
class Repository:
    """A repository at one commit, so that everyone gets the same files; `wanted` matches the paths to fetch."""

    name: str
    commit: str
    wanted: str
    api: str = "https://api.github.com"
    raw: str = "https://raw.githubusercontent.com"

    @property
    def clone(self) -> str:
        return f"git clone https://github.com/{self.name}"


@dataclass(frozen=True)
class RemoteFile:
    """size in bytes; sha: git's, over a head with the size and the content."""

    path: str
    size: int
    sha: str

    def is_whole(self, content: bytes) -> bool:
        return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest() == self.sha


# Of its 2,098 photos those up to 1004 have pixel labels.
CCP = Repository(
    "bearpaw/clothing-co-parsing",
    "cbc8deae85f65178394eded0817a5c1b1019b63d",
    r"README\.md|label_list\.mat|annotations/pixel-level/\d{4}\.mat|photos/(0\d{3}|100[0-4])\.jpg",
)
REPOSITORIES = {"ccp": CCP}


def download(repository: Repository, root: Path, progress: bool = True) -> int:
    """Fetches the wanted files into `root`; returns how many were fetched, those that were there left out.

    1. The repository's listing gives each file's size and hash.
    2. A file that is there with that hash stands, so that a download that was stopped goes on.
    3. The others are fetched side by side, checked, and only then given their names.

    Raises InputError where the repository cannot be reached or answers with an error, and where a file is not what the
    listing says.
    """
    root = Path(root)
    with _session() as session:
        files = _listing(repository, session)
        missing = [file for file in files if not _stands(inside(root, file.path, repository.name), file)]
        parts = root / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        total = sum(file.size for file in files)
        here = total - sum(file.size for file in missing)
        bar = tqdm(total=total, initial=here, unit="B", unit_scale=True, desc=repository.name, disable=not progress)
        with bar, ThreadPoolExecutor(WORKERS) as pool:
            fetches = {pool.submit(_fetch, repository, file, root, session): file for file in missing}
            try:
                for fetched in as_completed(fetches):
                    fetched.result()
                    bar.update(fetches[fetched].size)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    shutil.rmtree(parts)
    return len(missing)


def _session() -> requests.Session:
    session = requests.Session()
    retry = Retry(total=4, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False)
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=WORKERS, max_retries=retry))
    return session


def _listing(repository: Repository, session: requests.Session) -> list[RemoteFile]:
    url = f"{repository.api}/repos/{repository.name}/git/trees/{repository.commit}?recursive=1"
    answer = _get(repository, url, session)
    try:
        listed = answer.json()
        files = [RemoteFile(e["path"], int(e["size"]), e["sha"]) for e in listed["tree"] if e["type"] == "blob"]
        wanted = [file for file in files if re.fullmatch(repository.wanted, file.path)]
        if listed.get("truncated") or not wanted:
            raise ValueError("it is not whole")
    except (ValueError, KeyError, TypeError) as e:
        raise InputError(f"{url}: not the listing that was expected ({e}); instead: {repository.clone}") from None
    return wanted


def _stands(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and file.is_whole(path.read_bytes())


def _fetch(repository: Repository, file: RemoteFile, root: Path, session: requests.Session) -> None:
    url = f"{repository.raw}/{repository.name}/{repository.commit}/{quote(file.path)}"
    content = _get(repository, url, session).content
    if not file.is_whole(content):
        raise InputError(f"{url}: came damaged ({len(content):,} of {file.size:,} bytes); the same command goes on")
    part, path = root / PARTS / file.sha, root / file.path
    part.write_bytes(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    part.replace(path)


def _get(repository: Repository, url: str, session: requests.Session) -> requests.Response:
    try:
        answer = session.get(url, timeout=WAIT)
    except requests.RequestException as e:
        reason = type(e).__name__
        raise InputError(
            f"{url}: cannot be reached ({reason}); once there is a connection the same command goes on, "
            f"or where git gets through: {repository.clone}"
        ) from None
    if not answer.ok:
        mend = "wait an hour, and the same command goes on" if answer.status_code in (403, 429) else "try later"
        raise InputError(f"{url}: answers {answer.status_code} {answer.reason}; {mend}, or: {repository.clone}")
    return answer
