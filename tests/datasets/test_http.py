"""Answers of bounded size, against a server in memory."""

from types import SimpleNamespace

import pytest
import requests

from shopee_od.datasets.http import TooLargeError, get, read_content
from shopee_od.errors import InputError

URL = "http://server/file"


def answer(chunks, headers=None):
    """A response of chunks of bytes; an exception among them is raised; `sent` are those read."""
    sent = []

    def iterate(_):
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            sent.append(chunk)
            yield chunk

    return SimpleNamespace(url=URL, headers=headers or {}, iter_content=iterate, sent=sent)


def test_content_of_any_size_up_to_the_bound():
    assert read_content(answer([b"ab", b"c"]), 3) == b"abc"
    assert read_content(answer([b"ab", b"c"], {"Content-Length": "3"}), 3) == b"abc"
    assert read_content(answer([]), 0) == b""


def test_a_header_of_a_larger_size_is_refused_before_anything_is_read():
    response = answer([b"abcd"], {"Content-Length": "4"})
    with pytest.raises(TooLargeError, match="larger than the 3 bytes expected"):
        read_content(response, 3)
    assert not response.sent


def test_no_more_than_the_bound_is_read_of_an_answer_without_a_size():
    response = answer([b"ab"] * 1000)
    with pytest.raises(TooLargeError, match="try another network"):
        read_content(response, 3)
    assert len(response.sent) == 2


def test_a_connection_that_breaks_off():
    broken = requests.exceptions.ChunkedEncodingError()
    with pytest.raises(InputError, match=r"file: broke off \(ChunkedEncodingError\); the same"):
        read_content(answer([b"ab", broken]), 3)


@pytest.mark.parametrize(
    ("status", "message"),
    [(429, "wait an hour"), (403, "wait an hour"), (404, "answers 404 Gone; try later")],
)
def test_errors_are_refused_unless_they_are_accepted(status, message):
    closed = []
    response = SimpleNamespace(
        ok=False, status_code=status, reason="Gone", close=lambda: closed.append(True)
    )
    session = SimpleNamespace(get=lambda url, timeout, headers, stream: response)
    with pytest.raises(InputError, match=message):
        get(URL, session)
    assert closed
    assert get(URL, session, accepted=(403, 404, 429)) is response
