"""HTTP for downloads: repeated requests, answers of bounded size, errors that name the fix."""

from __future__ import annotations

from collections.abc import Container, Mapping

import requests
from requests.adapters import HTTPAdapter, Retry  # pyright: ignore[reportPrivateImportUsage]

from shopee_od.errors import InputError

WORKERS = 8
"""Files that are fetched at once."""
TIMEOUT = (10, 60)
"""Seconds for a connection, and between two answers."""
PARTS = ".download"
"""A folder below a data set's, for files that are not yet checked."""
CHUNK = 2**20
"""Bytes that are read at once."""


class TooLargeError(InputError):
    """An answer is larger than what is asked for can be."""


def open_session() -> requests.Session:
    """A session that repeats a request which a busy server refuses."""
    session = requests.Session()
    retry = Retry(
        total=4,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=WORKERS, max_retries=retry))
    return session


def get(
    url: str,
    session: requests.Session,
    accepted: Container[int] = (),
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """The answer to a request, to be closed by the caller; `read_content` reads what it holds.

    Args:
        url: the address.
        session: from `open_session`.
        accepted: answers that are errors for others, such as 404, but not for the caller.
        headers: of the request.
    Returns:
        An answer whose content is not read yet.
    Raises:
        InputError: the address cannot be reached, or answers with an error.
    """
    try:
        response = session.get(url, timeout=TIMEOUT, headers=headers, stream=True)
    except requests.RequestException as e:
        raise InputError(
            f"{url}: cannot be reached ({type(e).__name__}); "
            "once there is a connection the same command resumes"
        ) from None
    if not response.ok and response.status_code not in accepted:
        response.close()
        is_rate_limit = response.status_code in (403, 429)
        fix = "wait an hour, and the same command resumes" if is_rate_limit else "try later"
        raise InputError(f"{url}: answers {response.status_code} {response.reason}; {fix}")
    return response


def read_content(response: requests.Response, max_bytes: int) -> bytes:
    """What an answer holds, in memory.

    Args:
        response: from `get`.
        max_bytes: little more than this is read, however much the server sends.
    Returns:
        All of it.
    Raises:
        TooLargeError: it holds more, by its header or in fact.
        InputError: the connection broke off.
    """
    too_large = TooLargeError(
        f"{response.url}: larger than the {max_bytes:,} bytes expected; try another network"
    )
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large
    content = bytearray()
    try:
        for chunk in response.iter_content(CHUNK):
            content += chunk
            if len(content) > max_bytes:
                raise too_large
    except requests.RequestException as e:
        raise InputError(
            f"{response.url}: broke off ({type(e).__name__}); the same command resumes"
        ) from None
    return bytes(content)
