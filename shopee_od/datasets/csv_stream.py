"""A CSV file of gigabytes at a public address: the rows of interest, without storing the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import requests
from tqdm import tqdm

from shopee_od.datasets.http import get, read_content
from shopee_od.errors import InputError
from shopee_od.io import read_json, write_json

BLOCK = 16 * 2**20
"""Bytes that are fetched at once; after each block the download can be stopped and resumed."""


class Selector(Protocol):
    """Selects rows. Rows whose first fields are equal follow each other: a group."""

    @property
    def is_done(self) -> bool:
        """Whether no further row will be selected."""
        ...

    def start(self, header: str) -> None:
        """Takes row 1, which is always selected.

        Args:
            header: row 1, without its line end.
        Raises:
            InputError: it is not that of the file.
        """
        ...

    def select(self, key: str, rows: Sequence[str]) -> list[str]:
        """Selects rows of a group; of rows that it selected before, all again.

        Args:
            key: their first field.
            rows: the group, without line ends.
        Returns:
            Some of `rows`, in their order.
        """
        ...


@dataclass
class _Position:
    """How far a file was filtered.

    Args:
        request: what for.
        total: bytes of the file.
        offset: bytes of it that were filtered.
        part_size: bytes of the rows that were selected.
    """

    request: str
    total: int = 0
    offset: int = 0
    part_size: int = 0


def filter_csv(
    url: str,
    part: Path,
    request: str,
    selector: Selector,
    session: requests.Session,
    progress: bool = True,
) -> list[str]:
    """Row 1 and the rows of a public CSV file that are selected.

    1. The file is fetched in blocks. What is selected of each is added to `part`, and the position
       in the file is stored next to it, so that a download that was stopped resumes there.
    2. It ends with the file, or as soon as no further row will be selected.

    Args:
        url: of the CSV file, UTF-8; its server must be able to send parts of it.
        part: a file for the rows selected so far; it stays until the caller removes it.
        request: identifies what `selector` selects; the rows of another request are not reused.
        selector: one that is new.
        session: from `http.open_session`.
        progress: whether to show a progress bar.
    Returns:
        The rows, without line ends.
    Raises:
        InputError: the address cannot be reached, or does not answer with that file.
    """
    position = _resume(part, request)
    rows = part.read_bytes().decode("utf-8", "replace").split("\n")[:-1]
    if rows:
        selector.start(rows[0])
        for key, group in group_rows(rows[1:]):
            selector.select(key, group)
    bar = tqdm(unit="B", unit_scale=True, desc=url.rpartition("/")[2], disable=not progress)
    with bar, part.open("ab") as out:
        bar.update(position.offset)
        while not (rows and (selector.is_done or position.offset == position.total)):
            block, total = _get_block(url, position.offset, session, BLOCK)
            if position.total not in (0, total):
                raise InputError(f"{url}: has changed since; remove {part.parent} and start again")
            is_last = position.offset + len(block) == total
            size = len(block) if is_last else _whole_groups_size(block)
            if not size:
                raise InputError(f"{url}: not the CSV file that was expected; try later")
            lines = block[:size].decode("utf-8", "replace").replace("\r", "").split("\n")
            lines = [line for line in lines if line]
            selected_rows = []
            if not position.offset:
                selected_rows.append(lines.pop(0).removeprefix("\ufeff"))
                selector.start(selected_rows[0])
            for key, group in group_rows(lines):
                if selector.is_done:
                    break
                selected_rows += selector.select(key, group)
            rows += selected_rows
            out.write("".join(f"{line}\n" for line in selected_rows).encode())
            out.flush()
            position = _Position(request, total, position.offset + size, out.tell())
            write_json(_position_file(part), asdict(position))
            bar.total = total
            bar.update(size)
    return rows


def fetch_size(url: str, session: requests.Session) -> int:
    """The bytes of a public file.

    Args:
        url: of the file; its server must be able to send parts of it.
        session: from `http.open_session`.
    Returns:
        How many, by the server.
    Raises:
        InputError: the address cannot be reached, or does not answer with that file.
    """
    return _get_block(url, 0, session, 1)[1]


def group_rows(rows: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Groups rows that follow each other and have the same first field.

    Args:
        rows: of a CSV file, without row 1.
    Returns:
        The first field and the rows of each group.
    """
    for key, group in groupby(rows, key=lambda row: row.partition(",")[0]):
        yield key, list(group)


def _whole_groups_size(block: bytes) -> int:
    """Bytes of a block up to its last group, which the next block may continue."""
    stop = block.rfind(b"\n") + 1
    last_key = None
    while stop:
        start = block.rfind(b"\n", 0, stop - 1) + 1
        key = block[start:stop].partition(b",")[0]
        if last_key not in (None, key):
            return stop
        last_key = key
        stop = start
    return 0


def _get_block(url: str, offset: int, session: requests.Session, size: int) -> tuple[bytes, int]:
    """At most `size` bytes of the file from `offset` on, and the size of the whole file."""
    headers = {"Range": f"bytes={offset}-{offset + size - 1}", "Accept-Encoding": "identity"}
    with get(url, session, headers=headers) as response:
        content_range = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "")
        )
        if not content_range or int(content_range[1]) != offset:
            raise InputError(f"{url}: does not send a part of the file; try another network")
        block = read_content(response, size)
    first, last, total = map(int, content_range.groups())
    if len(block) != last - first + 1 or last >= total:
        raise InputError(f"{url}: arrived damaged; the same command resumes")
    return block, total


def _position_file(part: Path) -> Path:
    return part.with_suffix(".json")


def _resume(part: Path, request: str) -> _Position:
    """The position up to which `part` holds the selected rows; without one, `part` is emptied."""
    try:
        position = _Position(**read_json(_position_file(part)))  # type: ignore[arg-type]
        if position.request == request and part.stat().st_size >= position.part_size:
            with part.open("rb+") as out:
                out.truncate(position.part_size)
            return position
    except (InputError, OSError, TypeError):
        pass
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"")
    return _Position(request)
