import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.duplicates import find_duplicates, find_near_pairs, perceptual_hash
from shopee_od.errors import InputError


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30), st.integers(0, 6), st.data())
def test_near_pairs_are_those_of_comparing_all_pairs(values, distance, data):
    if values:  # and some that are near to one of them
        for _ in range(5):
            value = data.draw(st.sampled_from(values))
            bits = data.draw(st.lists(st.integers(0, 63), max_size=distance + 1))
            values.append(value ^ sum(1 << bit for bit in set(bits)))
    hashes = np.array(values, np.uint64)
    pairs = {tuple(pair) for pair in find_near_pairs(hashes, distance).tolist()}
    all_pairs = {
        (i, j)
        for i in range(len(values))
        for j in range(i)
        if (values[i] ^ values[j]).bit_count() <= distance
    }
    all_pairs = {(j, i) for i, j in all_pairs}
    assert pairs <= all_pairs
    assert _groups(pairs, len(values)) == _groups(all_pairs, len(values))


def _groups(pairs, n):
    group = list(range(n))
    for i, j in sorted(pairs):
        old, new = group[j], group[i]
        group = [new if g == old else g for g in group]
    return [group.index(g) for g in group]


def test_many_copies_make_a_chain():
    assert find_near_pairs(np.zeros(1000, np.uint64), 2).shape == (999, 2)
    assert find_near_pairs(np.zeros(0, np.uint64), 2).shape == (0, 2)


def photo(seed, size=(120, 160)):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (8, 6, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def dataset(tmp_path):
    """Photos 0–9 differ; 10 is 0 at lower quality, 11 is 1 at half its size; 12 is no photo."""
    for k in range(10):
        photo(k).save(tmp_path / f"{k}.jpg", quality=95)
    photo(0).save(tmp_path / "10.jpg", quality=50)
    photo(1).resize((60, 80)).save(tmp_path / "11.jpg")
    (tmp_path / "12.jpg").write_bytes(b"no photo")
    split = ["train"] * 10 + ["test", "train", "train"]
    images = [
        {
            "image_id": k,
            "path": str(tmp_path / f"{k}.jpg"),
            "width": 120,
            "height": 160,
            "split": split[k],
        }
        for k in range(13)
    ]
    return Dataset.build("coco", tmp_path, ["dress"], images, [])


def test_a_photo_saved_again_or_scaled_is_a_duplicate(dataset):
    result = find_duplicates(dataset)
    assert [g.image_id.tolist() for _, g in result.groups.groupby("group")] == [[0, 10], [1, 11]]
    assert result.unread == 1


def test_only_duplicates_in_several_splits_leak(dataset):
    result = find_duplicates(dataset)
    assert result.leaks.image_id.tolist() == [0, 10]
    text = str(result)
    assert "2 pictures are there more than once, as 4 photos" in text
    assert "1 of them in several splits" in text and "0.jpg (train) = 10.jpg (test)" in text
    assert "1 photos cannot be read" in text


def test_hashes_are_computed_once(dataset, monkeypatch):
    first = find_duplicates(dataset)
    monkeypatch.setattr(
        "shopee_od.datasets.duplicates.imagehash.phash", lambda image: pytest.fail("computed again")
    )
    assert find_duplicates(dataset).groups.equals(first.groups)


def test_what_is_no_photo_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"a\.jpg: not a photo"):
        perceptual_hash(tmp_path / "a.jpg")
