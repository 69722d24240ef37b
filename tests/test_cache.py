"""The disk cache: found by its key, recomputed where damaged, done without where not writable."""

import os

import numpy as np
import pytest

from shopee_od.cache import disabled, get, get_or_compute, get_or_compute_per_file, make_key
from shopee_od.errors import InputError


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_key_differs_where_any_part_differs():
    array = np.arange(6)
    keys = [
        make_key(array, 1),
        make_key(array, 2),
        make_key(array.reshape(2, 3), 1),
        make_key(array.astype(float), 1),
    ]
    keys += [make_key(array[::-1], 1), make_key(array)]
    assert len(set(keys)) == len(keys) and make_key(array.copy(), 1) == keys[0]
    assert make_key(array[::-1][::-1], 1) == keys[0]  # its layout in memory does not matter


def test_arrays_are_computed_once():
    calls = []

    def compute():
        calls.append(1)
        return {"boxes": np.ones((2, 4))}

    first = get_or_compute("things", "ab12", compute)
    second = get_or_compute("things", "ab12", compute)
    assert len(calls) == 1 and first["seconds"] == second["seconds"] >= 0
    np.testing.assert_array_equal(second["boxes"], np.ones((2, 4)))
    assert get("things", "ab13") is None and get("others", "ab12") is None


def test_without_the_cache_all_is_computed_and_nothing_stored(home):
    get_or_compute("things", "ab12", lambda: {"x": np.ones(3)})
    with disabled():
        assert get("things", "ab12") is None
        assert get_or_compute("things", "ab12", lambda: {"x": np.zeros(3)})["x"].tolist() == [0] * 3
        get_or_compute("things", "ab13", lambda: {"x": np.zeros(3)})
    assert get("things", "ab12")["x"].tolist() == [1, 1, 1] and get("things", "ab13") is None


def test_damaged_arrays_are_computed_again(home):
    get_or_compute("things", "ab12", lambda: {"x": np.ones(3)})
    [file] = home.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:40])
    assert get("things", "ab12") is None
    assert get_or_compute("things", "ab12", lambda: {"x": np.zeros(3)})["x"].tolist() == [0, 0, 0]
    assert get("things", "ab12")["x"].tolist() == [0, 0, 0]


def test_arrays_are_computed_where_the_disk_cannot_be_written(home):
    home.mkdir()
    (home / "shopee_od").write_text("a file where the folder would be")
    assert get_or_compute("things", "ab12", lambda: {"x": np.ones(3)})["x"].tolist() == [1, 1, 1]


@pytest.fixture
def texts(tmp_path):
    root = tmp_path / "texts"
    root.mkdir()
    for name in "abc":
        (root / name).write_text(name * 3)
    return root


class Reader:
    """Reads a file, and remembers which."""

    def __init__(self):
        self.read = []

    def __call__(self, path):
        self.read.append(path.name)
        if not path.is_file():
            raise InputError(f"{path}: absent")
        return [path.read_text()]


def test_only_new_and_changed_files_are_read_again(texts):
    reader = Reader()
    results = get_or_compute_per_file(reader, texts, ["c", "a", "b"], "v-1")
    assert results == [["ccc"], ["aaa"], ["bbb"]]
    assert sorted(reader.read) == ["a", "b", "c"]
    (texts / "b").write_text("bb")
    (texts / "d").write_text("d")
    os.utime(texts / "c", ns=(1, 1))
    reader.read.clear()
    results = get_or_compute_per_file(reader, texts, ["a", "b", "c", "d"], "v-1")
    assert results == [["aaa"], ["bb"], ["ccc"], ["d"]]
    assert sorted(reader.read) == ["b", "c", "d"]


def test_another_version_reads_again_and_a_part_keeps_the_rest(texts):
    reader = Reader()
    get_or_compute_per_file(reader, texts, ["a", "b"], "v-1")
    get_or_compute_per_file(reader, texts, ["c"], "v-1")
    reader.read.clear()
    get_or_compute_per_file(reader, texts, ["a", "b", "c"], "v-1")
    assert reader.read == []
    get_or_compute_per_file(reader, texts, ["a"], "v-2")
    assert reader.read == ["a"]


def test_errors_are_returned_in_their_position_and_not_stored(texts):
    reader = Reader()
    first, error, last = get_or_compute_per_file(reader, texts, ["a", "z", "b"], "v-1")
    assert [first, last] == [["aaa"], ["bbb"]] and isinstance(error, InputError)
    (texts / "z").write_text("now")
    assert get_or_compute_per_file(reader, texts, ["z"], "v-1") == [["now"]]


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"a": 3}', "\x00\x01", '{"a": [[], 1, 2]}'])
def test_a_damaged_file_of_results_is_ignored(texts, home, damage):
    get_or_compute_per_file(Reader(), texts, ["a"], "v-1")
    (store,) = (home / "shopee_od").glob("v-1-*.json")
    store.write_text(damage)
    assert get_or_compute_per_file(Reader(), texts, ["a"], "v-1") == [["aaa"]]
    assert store.read_text().startswith('{"a":')


def test_files_are_read_where_the_disk_cannot_be_written(texts, home):
    home.write_text("a file where the folder should be")
    assert get_or_compute_per_file(Reader(), texts, ["a"], "v-1") == [["aaa"]]
