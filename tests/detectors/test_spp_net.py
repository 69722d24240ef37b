"""SPP-net on drawn photos: its features beside the plain network's; learnt, found again, counted, saved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopee_od import load
from shopee_od.detectors.proposals import proposals
from shopee_od.detectors.regions import WEIGHTS
from shopee_od.detectors.spp_net import SPPNet
from shopee_od.detectors.spp_network import LEVEL, PYRAMID, SCALES, STRIDE, MapCNN, scaled
from shopee_od.ops.boxes import iou
from shopee_od.ops.pooling import pyramid_pool
from shopee_od.profiles import profile
from shopee_od.types import Detector, InputError

SMOKE = profile("smoke")


@pytest.fixture(scope="module")
def trained(shapes, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("spp") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        detector = SPPNet()
        detector.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
        yield detector, run_dir


@pytest.fixture(scope="module")
def cnn(trained):
    return trained[0]._learnt.cnn


@pytest.mark.parametrize(("height", "width"), [(180, 150), (300, 201), (97, 260)])
def test_of_the_whole_photo_the_features_are_the_plain_networks(cnn, height, width):
    """Those that a network for this one size makes of the photo, at the scale that was chosen."""
    from shopee_od.garden.backbones import MEAN, STD, lite0

    photo = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    found, [chosen] = cnn.pooled(cnn.maps(photo), np.array([[0, 0, width, height]]))
    alone = scaled(photo, SCALES[chosen])
    plain = lite0(alone.shape[:2])
    cells = plain.predict((alone[None] / 255 - MEAN) / STD, verbose=0)[LEVEL][0]
    np.testing.assert_allclose(found[0], pyramid_pool(cells, PYRAMID), atol=1e-4)


@given(st.integers(1, 1200), st.integers(1, 1200), st.sampled_from(SCALES))
def test_a_scaled_photo_is_whole_cells_and_keeps_its_shape(height, width, side):
    by = side / min(height, width)
    if max(height, width) * by > 3000:
        return
    h, w = scaled(np.zeros((height, width, 3), np.uint8), side).shape[:2]
    assert h % STRIDE == w % STRIDE == 0 and min(h, w) == side
    assert abs(h - height * by) <= STRIDE / 2 and abs(w - width * by) <= STRIDE / 2


def test_a_region_is_pooled_from_its_cells_alone(cnn, shape_photo):
    image, _ = shape_photo(np.random.default_rng(1), 1, 90)
    seen = cnn.map(image, SCALES[-1])
    rois = proposals(image).boxes[:20]
    for roi, features, (x1, y1, x2, y2) in zip(rois, seen.pooled(rois), seen.windows(rois), strict=True):
        np.testing.assert_array_equal(features, pyramid_pool(seen.cells[y1:y2, x1:x2], PYRAMID))
        rounded = seen.in_photo(np.array([[x1, y1, x2, y2]]))
        assert np.abs(rounded - roi).max() <= STRIDE / seen.scale * 1.01
    assert seen.windows(np.array([[0, 0, 150, 180]])).tolist() == [[0, 0, *seen.cells.shape[1::-1]]]


def test_small_regions_are_pooled_from_large_maps(cnn):
    photo = np.random.default_rng(0).integers(0, 256, (300, 240, 3)).astype(np.uint8)
    sides = np.array([40, 130, 160, 235])
    _, chosen = cnn.pooled(cnn.maps(photo), np.stack([0 * sides, 0 * sides, sides, sides], axis=1))
    assert (np.diff(chosen) <= 0).all() and chosen[0] == len(SCALES) - 1 and chosen[-1] == 0


def test_mirrored_boxes_are_those_of_the_mirrored_photo(cnn, shape_photo):
    image, box = shape_photo(np.random.default_rng(2), 1, 90)
    x1, y1, x2, y2 = box
    turned = np.array([[150 - x2, y1, 150 - x1, y2]], np.float32)
    found = cnn.training_features(image, np.array([box], np.float32), proposals(image).boxes[:5])
    other = cnn.training_features(np.ascontiguousarray(image[:, ::-1]), turned, np.zeros((0, 4), np.float32))
    assert found.shape == (7, cnn.width) and other.shape == (2, cnn.width)
    np.testing.assert_allclose(found[[1, 0]], other, atol=1e-5)


def test_it_finds_the_shapes_it_learnt(trained, shapes):
    from shopee_od.evaluation import evaluate

    detector, _ = trained
    assert isinstance(detector, Detector)
    figures = evaluate(detector, shapes.split("test"), bootstrap=0)
    assert figures["AP50"] > 0.8
    assert detector.trained["photos"] == 30 and detector.trained["weights"] == "EfficientNet-Lite0 of ImageNet"
    assert 0 < detector.threshold < 1


def test_a_pass_a_scale_whatever_the_number_of_proposals(trained, shape_photo):
    detector, _ = trained
    image, _ = shape_photo(np.random.default_rng(7), 0, 100)
    before, steps = detector.cost, detector.seconds
    [found] = detector.detect([image])
    after = detector.cost
    assert after.cnn_passes - before.cnn_passes == len(SCALES)
    assert after.regions - before.regions == min(300, len(proposals(image).boxes)) > 20
    assert len(found) <= 100 and after.peak_memory > 0
    took = {step: detector.seconds[step] - steps[step] for step in steps}
    assert min(took.values()) > 0 and sum(took.values()) <= after.seconds - before.seconds


def test_saved_and_opened_it_finds_the_same(trained, shape_photo, tmp_path):
    detector, run_dir = trained
    detector.save(tmp_path / "kept")
    image, _ = shape_photo(np.random.default_rng(5), 1, 90)
    [ours] = detector.detect([image])
    for place in (run_dir, tmp_path / "kept"):
        same = load(place)
        assert same.kind == "spp_net" and same.parameters == detector.parameters
        [theirs] = same.detect([image])
        np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=1e-3)
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=1e-5)


def test_trained_again_in_the_same_folder_it_is_taken_as_it_is(trained, shapes):
    detector, run_dir = trained
    before = (run_dir / WEIGHTS).stat().st_mtime_ns
    again = SPPNet()
    again.fit(shapes.split("train"), shapes.split("val"), SMOKE, run_dir)
    assert (run_dir / WEIGHTS).stat().st_mtime_ns == before and again.threshold == detector.threshold


def test_features_are_not_worked_out_twice(trained, shapes, tmp_path, monkeypatch):
    """Trained elsewhere on the same photos, no photo goes through the network again."""
    monkeypatch.setattr(MapCNN, "training_features", None)
    again = SPPNet()
    again.fit(shapes.split("train"), shapes.split("val"), SMOKE, tmp_path / "run")
    # Not to the last digit: sums depend on where in memory the features lie.
    np.testing.assert_allclose(again._learnt.svms.weights, trained[0]._learnt.svms.weights, atol=1e-5)


def test_svms_of_another_network_are_refused(trained, tmp_path):
    trained[0].save(tmp_path / "kept")
    file = tmp_path / "kept" / WEIGHTS
    with np.load(file) as held:
        other = dict(held) | {"weights": held["weights"][:-1]}
    np.savez(file, **other)
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent"):
        load(tmp_path / "kept")


def test_its_stages_are_named(trained, shape_photo):
    image, (x1, y1, x2, y2) = shape_photo(np.random.default_rng(5), 0, 100)
    trace = trained[0].explain(image)
    assert [stage.name for stage in trace.stages] == ["proposals", "maps", "scores", "refined", "kept"]
    maps = trace["maps"].arrays
    assert len(maps["scale"]) == len(trace["proposals"].arrays["boxes"]) and set(maps["scale"]) <= set(SCALES)
    assert [maps[f"energy_{side}"].shape[1] * STRIDE for side in SCALES] == list(SCALES)
    assert iou(trace["kept"].arrays["boxes"][:1], np.array([[x1, y1, x2, y2]]))[0, 0] > 0.5


def test_a_photo_without_proposals_has_no_garment(trained, monkeypatch):
    from shopee_od.detectors import proposed
    from shopee_od.detectors.proposals import Proposals

    monkeypatch.setattr(proposed, "proposals", lambda image: Proposals(np.zeros((0, 4), np.float32), 0.0))
    [found] = trained[0].detect([np.zeros((50, 60, 3), np.uint8)])
    assert len(found) == 0
    assert len(trained[0].explain(np.zeros((50, 60, 3), np.uint8))["kept"].arrays["boxes"]) == 0
