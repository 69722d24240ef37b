import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.duplicates import duplicates, near, perceptual_hash
from shopee_od.types import InputError


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.integers(0, 6), st.data())
def test_near_finds_what_comparing_all_pairs_finds(values, distance, data):
    if values:  # and some that are near to one of them
        for _ in range(5):
            value = data.draw(st.sampled_from(values))
            bits = data.draw(st.lists(st.integers(0, 63), max_size=distance + 1))
            values.append(value ^ sum(1 << bit for bit in set(bits)))
    hashes = np.array(values, np.uint64)
    found = {tuple(pair) for pair in near(hashes, distance).tolist()}
    every = {(i, j) for i in range(len(values)) for j in range(i) if (values[i] ^ values[j]).bit_count() <= distance}
    every = {(j, i) for i, j in every}
    assert found <= every
    assert _groups(found, len(values)) == _groups(every, len(values))


def _groups(pairs, n):
    group = list(range(n))
    for i, j in sorted(pairs):
        old, new = group[j], group[i]
        group = [new if g == old else g for g in group]
    return [group.index(g) for g in group]


def test_many_copies_make_a_chain():
    assert near(np.zeros(1000, np.uint64), 2).shape == (999, 2)
    assert near(np.zeros(0, np.uint64), 2).shape == (0, 2)


def photo(seed, size=(120, 160)):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (8, 6, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def dataset(tmp_path):
    """Photos 0–9 of their own; 10 is 0 saved worse, 11 is 1 at half its size; 12 is not a photo."""
    for k in range(10):
        photo(k).save(tmp_path / f"{k}.jpg", quality=95)
    photo(0).save(tmp_path / "10.jpg", quality=50)
    photo(1).resize((60, 80)).save(tmp_path / "11.jpg")
    (tmp_path / "12.jpg").write_bytes(b"no photo")
    split = ["train"] * 10 + ["test", "train", "train"]
    images = [
        {"image_id": k, "path": str(tmp_path / f"{k}.jpg"), "width": 120, "height": 160, "split": split[k]}
        for k in range(13)
    ]
    return Dataset.build("coco", tmp_path, ["dress"], images, [])


def test_a_photo_saved_again_or_scaled_is_a_duplicate(dataset):
    found = duplicates(dataset)
    assert [g.image_id.tolist() for _, g in found.groups.groupby("group")] == [[0, 10], [1, 11]]
    assert found.unread == 1


def test_only_doubles_in_several_splits_leak(dataset):
    found = duplicates(dataset)
    assert found.leaks.image_id.tolist() == [0, 10]
    said = str(found)
    assert "2 pictures are there more than once, as 4 photos" in said
    assert "1 of them in several splits" in said and "0.jpg (train) = 10.jpg (test)" in said
    assert "1 photos cannot be read" in said


def test_hashes_are_learnt_once(dataset, monkeypatch):
    first = duplicates(dataset)
    monkeypatch.setattr("shopee_od.datasets.duplicates.imagehash.phash", lambda image: pytest.fail("learnt again"))
    assert duplicates(dataset).groups.equals(first.groups)


def test_what_is_no_photo_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.jpg: the photo cannot be read"):
        perceptual_hash(tmp_path / "a.jpg")
