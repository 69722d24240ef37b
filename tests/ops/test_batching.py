"""Batches of images of different sizes: padded or grouped, and the share that is padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od.ops.batching import (
    SIZE_DIVISOR,
    canvas_size,
    group_by_size,
    pad_images,
    padding_share,
    round_size,
    scale_size,
)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_rounded_sides_are_whole_cells_and_close_to_the_exact_ones(height, width):
    sides = np.array(round_size(height, width, 320))
    exact = np.array(scale_size(height, width, 320))
    assert (sides % SIZE_DIVISOR == 0).all() and sides.max() == 320 and sides.min() >= SIZE_DIVISOR
    assert (np.abs(sides - exact) <= SIZE_DIVISOR / 2).all() or exact.min() < SIZE_DIVISOR / 2


def test_images_are_at_the_top_left_and_the_rest_is_zero():
    images = [np.full((40, 30, 3), 1.0), np.full((20, 64, 3), 2.0)]
    batch, sizes = pad_images(images)
    assert batch.shape == (2, 64, 64, 3) and batch.dtype == np.float32
    assert sizes.tolist() == [[40, 30], [20, 64]]
    for k, image in enumerate(images):
        np.testing.assert_array_equal(batch[k, : image.shape[0], : image.shape[1]], image)
        assert batch[k].sum() == image.sum()


@given(st.lists(st.sampled_from([(320, 224), (320, 256), (224, 320)]), min_size=1, max_size=30))
def test_every_image_is_in_one_group_and_groups_need_no_padding(sizes):
    sizes = np.array(sizes)
    groups = group_by_size(sizes)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(sizes)))
    assert padding_share([sizes[group] for group in groups]) == 0
    assert 0 <= padding_share([sizes]) < 0.5


def test_padding_share_by_hand():
    batches = [np.array([[64, 64], [32, 64]]), np.array([[30, 32]])]
    assert canvas_size(batches[0]) == (64, 64)
    assert padding_share(batches) == pytest.approx(
        1 - (64 * 64 + 32 * 64 + 30 * 32) / (2 * 64 * 64 + 32 * 32)
    )
