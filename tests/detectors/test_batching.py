"""Batches of unlike sizes: padded, or sorted into buckets; what each wastes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.detectors.batching import STEP, buckets, canvas, fitted, padded, scaled, wasted


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_fitted_sides_are_whole_cells_and_nearly_the_photos_shape(height, width):
    sides, exact = np.array(fitted(height, width, 320)), np.array(scaled(height, width, 320))
    assert (sides % STEP == 0).all() and sides.max() == 320 and sides.min() >= STEP
    assert (np.abs(sides - exact) <= STEP / 2).all() or exact.min() < STEP / 2


def test_photos_keep_their_corner_and_the_rest_is_zero():
    photos = [np.full((40, 30, 3), 1.0), np.full((20, 64, 3), 2.0)]
    batch, sizes = padded(photos)
    assert batch.shape == (2, 64, 64, 3) and batch.dtype == np.float32
    assert sizes.tolist() == [[40, 30], [20, 64]]
    for k, photo in enumerate(photos):
        np.testing.assert_array_equal(batch[k, : photo.shape[0], : photo.shape[1]], photo)
        assert batch[k].sum() == photo.sum()


@given(st.lists(st.sampled_from([(320, 224), (320, 256), (224, 320)]), min_size=1, max_size=30))
def test_every_photo_is_in_one_bucket_and_buckets_waste_nothing(sizes):
    sizes = np.array(sizes)
    found = buckets(sizes)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(sizes)))
    assert wasted([sizes[bucket] for bucket in found]) == 0
    assert 0 <= wasted([sizes]) < 0.5


def test_wasted_pixels_by_hand():
    batches = [np.array([[64, 64], [32, 64]]), np.array([[30, 32]])]
    assert canvas(batches[0]) == (64, 64)
    assert wasted(batches) == pytest.approx(1 - (64 * 64 + 32 * 64 + 30 * 32) / (2 * 64 * 64 + 32 * 32))
