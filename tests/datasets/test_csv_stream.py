"""A server in memory: blocks of any size, damaged files, and stops anywhere give the same rows."""

import re
from types import SimpleNamespace

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openimages_files import box_row, box_text

from shopee_od.datasets import csv_stream
from shopee_od.datasets.csv_stream import filter_csv
from shopee_od.datasets.openimages_selection import BoxSelector
from shopee_od.errors import InputError

URL = "http://server/boxes.csv"


class Server:
    """A session whose server has one file, and fails at the answers numbered in `failing`."""

    def __init__(self, content, failing=()):
        self.content, self.failing, self.answers = content, failing, 0

    def get(self, url, timeout, headers, stream):
        assert url == URL and stream and headers["Accept-Encoding"] == "identity"
        self.answers += 1
        if self.answers in self.failing:
            raise requests.ConnectionError
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", headers["Range"]).groups())
        block = self.content[first : last + 1]
        content_range = f"bytes {first}-{first + len(block) - 1}/{len(self.content)}"
        return Response(
            ok=True,
            url=URL,
            headers={"Content-Range": content_range},
            iter_content=lambda _: iter([block]),
        )


class Response(SimpleNamespace):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def run(server, part, monkeypatch, block):
    monkeypatch.setattr(csv_stream, "BLOCK", block)
    selector = BoxSelector(URL, ("Dress", "Brassiere"), 3)
    return filter_csv(URL, part, "request", selector, server, progress=False)


NAMES = st.sampled_from(["Dress", "Brassiere", "Woman", "Shirt", "/m/0bt9lr"])
PHOTOS = st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=12)
UNLIMITED = settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=HealthCheck,
)  # fmt: skip


def content(photos):
    rows = [box_row(number, name) for number, names in enumerate(photos) for name in names]
    return box_text(rows).encode()


@UNLIMITED
@given(PHOTOS, st.integers(1000, 3000), st.sets(st.integers(1, 8)), st.booleans())
def test_blocks_and_stops_change_no_row(tmp_path_factory, photos, block, failing, has_last_end):
    folder = tmp_path_factory.mktemp("parts")
    whole = content(photos)[: None if has_last_end else -1]
    with pytest.MonkeyPatch.context() as patch:
        expected = run(Server(whole), folder / "a.csv", patch, 10**6)
        server = Server(whole, failing)
        for _ in range(10):
            try:
                rows = run(server, folder / "b.csv", patch, block)
                break
            except InputError as e:
                assert "cannot be reached" in str(e)
    assert rows == expected
    assert rows[0] == whole.decode().split("\n")[0]
    counts = [len({row[:16] for row in rows if name in row}) for name in ("/m/01d40f", "/m/01gmv2")]
    assert max(counts) <= 6


@UNLIMITED
@given(st.data(), PHOTOS)
def test_damaged_files_are_refused_or_filtered(tmp_path_factory, data, photos):
    whole = content(photos)
    start = data.draw(st.integers(0, len(whole)))
    stop = min(len(whole), start + data.draw(st.sampled_from((0, 1, 5, 60))))
    damage = data.draw(st.binary(max_size=30) | st.just(b"\n") | st.just(b'"') | st.just(b"," * 9))
    damaged = whole[:start] + damage + whole[stop:]
    with pytest.MonkeyPatch.context() as patch:
        try:
            rows = run(Server(damaged), tmp_path_factory.mktemp("parts") / "a.csv", patch, 1500)
        except InputError:
            return
    assert all(re.match("[0-9a-f]{16},", row) for row in rows[1:])


def test_a_part_that_was_cut_or_emptied_is_started_again(tmp_path, monkeypatch):
    whole = content([["Dress"]] * 40 + [["Brassiere"]])
    part = tmp_path / "a.csv"
    expected = run(Server(whole), tmp_path / "b.csv", monkeypatch, 1000)
    with pytest.raises(InputError, match="cannot be reached"):
        run(Server(whole, {4}), part, monkeypatch, 1000)
    for damage in (part.unlink, lambda: part.write_bytes(b"x")):
        damage()
        assert run(Server(whole), part, monkeypatch, 1000) == expected
    with pytest.raises(InputError, match="cannot be reached"):
        part.unlink()
        run(Server(whole, {4}), part, monkeypatch, 1000)
    with part.open("ab") as out:  # stopped after these were written, before the position was
        out.write(b"0027c0ffee00beef,half a row")
    assert run(Server(whole), part, monkeypatch, 1000) == expected
