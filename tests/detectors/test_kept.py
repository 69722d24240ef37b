"""What is kept on disk: found again by its key, made again where it is damaged, done without where it cannot be."""

import numpy as np
import pytest

from shopee_od.detectors.kept import held, kept, key_of


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_key_is_another_one_where_any_part_is():
    array = np.arange(6)
    keys = [key_of(array, 1), key_of(array, 2), key_of(array.reshape(2, 3), 1), key_of(array.astype(float), 1)]
    keys += [key_of(array[::-1], 1), key_of(array)]
    assert len(set(keys)) == len(keys) and key_of(array.copy(), 1) == keys[0]
    assert key_of(array[::-1][::-1], 1) == keys[0]  # how it lies in memory does not matter


def test_it_is_made_once():
    calls = []

    def make():
        calls.append(1)
        return {"boxes": np.ones((2, 4))}

    first, second = kept("things", "ab12", make), kept("things", "ab12", make)
    assert len(calls) == 1 and first["seconds"] == second["seconds"] >= 0
    np.testing.assert_array_equal(second["boxes"], np.ones((2, 4)))
    assert held("things", "ab13") is None and held("others", "ab12") is None


def test_what_is_damaged_is_made_again(home):
    kept("things", "ab12", lambda: {"x": np.ones(3)})
    [file] = home.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:40])
    assert held("things", "ab12") is None
    assert kept("things", "ab12", lambda: {"x": np.zeros(3)})["x"].tolist() == [0, 0, 0]
    assert held("things", "ab12")["x"].tolist() == [0, 0, 0]


def test_a_disk_that_cannot_be_written_to_is_done_without(home):
    home.mkdir()
    (home / "shopee_od").write_text("a file where the folder would be")
    assert kept("things", "ab12", lambda: {"x": np.ones(3)})["x"].tolist() == [1, 1, 1]
