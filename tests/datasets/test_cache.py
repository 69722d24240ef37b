import os
import shutil

import pytest

from shopee_od.datasets.cache import per_file, photo_sizes
from shopee_od.types import InputError


@pytest.fixture
def texts(tmp_path, own_cache):
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
    assert per_file(reader, texts, ["c", "a", "b"], "v-1") == [["ccc"], ["aaa"], ["bbb"]]
    assert sorted(reader.read) == ["a", "b", "c"]
    (texts / "b").write_text("bb")
    (texts / "d").write_text("d")
    os.utime(texts / "c", ns=(1, 1))
    reader.read.clear()
    assert per_file(reader, texts, ["a", "b", "c", "d"], "v-1") == [["aaa"], ["bb"], ["ccc"], ["d"]]
    assert sorted(reader.read) == ["b", "c", "d"]


def test_another_version_reads_anew_and_a_part_keeps_the_rest(texts):
    reader = Reader()
    per_file(reader, texts, ["a", "b"], "v-1")
    per_file(reader, texts, ["c"], "v-1")
    reader.read.clear()
    per_file(reader, texts, ["a", "b", "c"], "v-1")
    assert reader.read == []
    per_file(reader, texts, ["a"], "v-2")
    assert reader.read == ["a"]


def test_errors_stand_in_their_place_and_are_not_kept(texts):
    reader = Reader()
    found = per_file(reader, texts, ["a", "z", "b"], "v-1")
    assert [found[0], found[2]] == [["aaa"], ["bbb"]] and isinstance(found[1], InputError)
    (texts / "z").write_text("now")
    assert per_file(reader, texts, ["z"], "v-1") == [["now"]]


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", '{"a": 3}', "\x00\x01", '{"a": [[], 1, 2]}'])
def test_a_damaged_cache_is_done_without(texts, own_cache, damage):
    per_file(Reader(), texts, ["a"], "v-1")
    (store,) = own_cache.glob("v-1-*.json")
    store.write_text(damage)
    assert per_file(Reader(), texts, ["a"], "v-1") == [["aaa"]]
    assert store.read_text().startswith('{"a":')


def test_a_cache_that_cannot_be_written_is_done_without(texts, own_cache):
    own_cache.parent.write_text("a file where the folder should be")
    assert per_file(Reader(), texts, ["a"], "v-1") == [["aaa"]]


def test_sizes_of_photos(tmp_path, own_cache, portrait):
    shutil.copy(portrait, tmp_path / "1.jpg")
    for _ in range(2):
        sizes = photo_sizes(tmp_path, ["1.jpg", "2.jpg"])
        assert sizes[0] == (512, 600) and isinstance(sizes[1], InputError)
