"""Fabrics, surfaces, bodies and scenes: properties that each rendered image has."""

import numpy as np
import pytest

from shopee_od.datasets.deepfashion import CLASSES
from shopee_od.shopsim import backdrops, camera, fabrics
from shopee_od.shopsim.bodies import Body
from shopee_od.shopsim.class_cuts import sample_companion, sample_cut
from shopee_od.shopsim.fabrics import KINDS, PATTERNS, sample_dyes, weave
from shopee_od.shopsim.picture import Picture
from shopee_od.shopsim.poses import Pose
from shopee_od.shopsim.scenes import render_photo
from shopee_od.shopsim.surfaces import Light, make_sheet, make_tube, render_cloth

LIGHT = Light((0.0, -0.5, 0.866))


def rng(*seed):
    return np.random.default_rng(seed or 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_fabric_is_a_tile_without_a_seam(kind, pattern):
    tile = weave(kind, sample_dyes(rng(1), kind), rng(2), 128, pattern)
    assert tile.rgb.shape == (128, 128, 3) and tile.alpha.shape == tile.relief.shape == (128, 128)
    for array in (tile.rgb, tile.alpha, tile.relief):
        assert array.dtype == np.float32 and np.isfinite(array).all()
    assert (
        tile.rgb.min() >= 0
        and tile.rgb.max() <= 1
        and tile.alpha.min() > 0
        and tile.alpha.max() <= 1
    )
    for axis in (0, 1):  # across the seam it changes no more than between rows inside
        steps = np.abs(np.diff(tile.rgb, axis=axis, append=tile.rgb.take([0], axis))).mean(
            axis=(1 - axis, 2)
        )
        assert steps[-1] <= 1.3 * steps[:-1].max() + 1e-3
    assert (tile.alpha.min() < 0.3) == (kind == "lace") and (tile.alpha.mean() < 1) == (
        kind in ("lace", "chiffon")
    )


def test_the_same_seed_gives_the_same_fabric_and_unknown_names_are_refused():
    dyes = sample_dyes(rng(), "cotton")
    assert np.array_equal(*(weave("lace", dyes, rng(3)).alpha for _ in range(2)))
    with pytest.raises(ValueError, match="no fabric 'tin'; choose from cotton"):
        weave("tin", dyes, rng())
    with pytest.raises(ValueError, match="no pattern 'zigzag'; choose from plain"):
        weave("cotton", dyes, rng(), pattern="zigzag")
    assert fabrics.hsv_to_rgb(0, 1, 1) == pytest.approx((1, 0, 0))


def test_a_tube_is_as_long_and_wide_as_it_should_be():
    part = make_tube((200, 200), [(40, 100), (160, 100)], [10, 10], cut=(True, True))
    assert part.mask.sum() == pytest.approx(120 * 20, rel=0.02)
    inside = part.mask == 1
    assert part.v[inside].max() == pytest.approx(120, abs=1) and part.v[
        inside
    ].min() == pytest.approx(0, abs=1)
    column = part.u[:, part.u.shape[1] // 2]
    assert np.abs(np.diff(column[np.abs(column) < 1])).max() == pytest.approx(0.1, abs=1e-4)
    assert np.allclose(np.abs(part.across[1][inside]), 1) and np.allclose(part.across[0][inside], 0)
    assert make_tube((50, 50), [(300, 300), (320, 320)], [3, 3]) is None, "outside of the picture"


def test_a_sheet_follows_its_knots():
    part = make_sheet((100, 100), [10, 50, 90], [50, 50, 50], [10, 20, 10], [10, 20, 30])
    x, y = part.grid()
    row = 50 - part.box[1]
    covered = part.mask[row] > 0.5
    assert x[0][covered].min() == pytest.approx(30, abs=1) and x[0][covered].max() == pytest.approx(
        70, abs=1
    )
    assert part.u[row][x[0] == 50] == pytest.approx(0) and y[0, 0] == part.box[1]


def test_light_falls_on_the_side_that_faces_it():
    part = make_tube((100, 100), [(50, 10), (50, 90)], [20, 20])
    plain = fabrics.Fabric(
        np.full((8, 8, 3), 0.5, np.float32),
        np.ones((8, 8), np.float32),
        np.zeros((8, 8), np.float32),
        0,
    )
    rgb, alpha = render_cloth(part, plain, Light((0.8, 0.0, 0.6)))
    lit = rgb[40, :, 0][part.mask[40] == 1]
    assert lit[-8:].mean() > lit[:8].mean() + 0.05 and np.array_equal(alpha, part.mask)


def test_a_part_on_top_hides_the_garment():
    picture = Picture(100, 100)
    garment = make_tube((100, 100), [(20, 50), (80, 50)], [20, 20], cut=(True, True))
    over = make_tube((100, 100), [(50, 20), (50, 80)], [5, 5], cut=(True, True))
    picture.put(garment, (1.0, 0, 0), labeled=True)
    whole = picture.garment.sum()
    assert whole == pytest.approx(60 * 40, rel=0.02)
    picture.put(over, (0, 0, 1.0))
    assert picture.garment.sum() == pytest.approx(whole - 10 * 40, rel=0.02)
    picture.fill([(20, 30), (30, 30), (30, 70), (20, 70)], (0, 1.0, 0), labeled=False)
    assert picture.garment.sum() == pytest.approx(whole - 20 * 40, rel=0.04)
    assert picture.rgba[50, 50].tolist() == pytest.approx([0, 0, 1, 1])
    assert picture.rgba.max() <= 1 + 1e-5 and picture.rgba[0, 0, 3] == 0


def test_limbs_keep_their_lengths_in_every_pose():
    straight, bent = (
        Body(Pose(arms=arms), 1000, 500, 0) for arms in (((0, 0), (0, 0)), ((40, -60), (10, 170)))
    )
    for side in (-1, 1):
        lengths = [np.hypot(*np.diff(body.arm(side), axis=0).T) for body in (straight, bent)]
        assert lengths[0] == pytest.approx(lengths[1])
    assert bent.mirror().mirror() == bent


@pytest.mark.parametrize("leaf", CLASSES)
@pytest.mark.parametrize("source", ["shop", "consumer"])
def test_each_class_is_rendered(leaf, source):
    cut = sample_cut(leaf, rng(1, CLASSES.index(leaf)))
    assert cut.class_name == leaf and (
        leaf == "Summer_Wear" or cut.type == sample_cut(leaf, rng(2)).type
    )
    photo, mask = render_photo(cut, source, False, rng(4, CLASSES.index(leaf)))
    assert photo.dtype == np.uint8 and photo.shape[:2] == mask.shape and max(mask.shape) == 300
    assert 0.02 < mask.mean() < 0.9 and photo.std() > 10
    # The garment differs from its backdrop, and the mask is where the garment is.
    assert np.abs(photo[mask].mean(0) - photo[~mask].mean(0)).max() > 3


def test_an_outfit_has_a_second_garment_that_is_not_labeled():
    top, jeans = sample_cut("T_Shirt", rng(1)), sample_cut("Jeans", rng(2))
    assert (
        sample_companion(top, rng(3)).type == "lower"
        and sample_companion(jeans, rng(4)).type == "upper"
    )
    _, mask = render_photo(top, "shop", True, rng(5))
    rows = np.flatnonzero(mask.any(1))
    assert rows[-1] - rows[0] < 0.5 * len(mask), (
        "the figure is shown whole, so that its top is half of it at most"
    )


@pytest.mark.parametrize(
    "kind", [*backdrops.SHOP, *backdrops.CONSUMER, *backdrops.FLAT, *backdrops.HANGING]
)
def test_backdrops_fill_the_picture(kind):
    for seed in range(3):
        behind = backdrops.render_backdrop(kind, 120, 90, rng(seed))
        assert behind.shape == (120, 90, 3) and behind.dtype == np.float32
        assert behind.min() >= 0 and behind.max() <= 1 and behind.std() > 0


def test_an_unknown_backdrop_is_refused():
    with pytest.raises(ValueError, match="no backdrop 'moon'; choose from studio"):
        backdrops.render_backdrop("moon", 10, 10, rng())


@pytest.mark.parametrize("take", [camera.simulate_shop_camera, camera.simulate_consumer_camera])
def test_the_camera_moves_nothing(take):
    scene = np.full((90, 60, 3), 0.2, np.float32)
    scene[30:60, 20:40] = 0.8
    for seed in range(8):
        photo = take(scene, rng(seed))
        assert (
            photo.shape == scene.shape
            and photo.dtype == np.float32
            and photo.min() >= 0
            and photo.max() <= 1
        )
        bright = photo.mean(2) > (photo[5:25].mean() + photo[35:55, 24:36].mean()) / 2
        center = np.argwhere(bright[10:80]).mean(0) + np.array([10, 0])
        assert center == pytest.approx((44.5, 29.5), abs=6)
