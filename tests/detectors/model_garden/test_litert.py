"""The network in LiteRT computes what Model Garden's computes, up to its float16 weights."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopee_od.detectors.model_garden.coco_metric import to_detections
from shopee_od.detectors.model_garden.litert import NETWORK_FILE, LiteRTNetwork
from shopee_od.errors import InputError
from shopee_od.io import hash_file

pytestmark = pytest.mark.slow

CANVASES = [(128, 64), (96, 96), (64, 128)]
LEVELS = (3, 4, 5)


@pytest.fixture(scope="module")
def file(smoke_run):
    return smoke_run.run_dir / "network" / NETWORK_FILE


@pytest.fixture(scope="module")
def network(file):
    return LiteRTNetwork(file, hash_file(file))


def random_pixels(canvas):
    return np.random.default_rng(canvas[0]).normal(size=(*canvas, 3)).astype(np.float32)


def x_before_y(boxes):
    return np.asarray(boxes).reshape(-1, 4)[:, [1, 0, 3, 2]]


def assert_close(value, expected):
    """Within a hundredth of the largest value: weights have 11 bits, layers add up their errors."""
    expected = np.asarray(expected)
    assert value.shape == expected.shape and value.dtype == np.float32
    np.testing.assert_allclose(value, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("canvas", CANVASES)
def test_the_first_stage_is_model_gardens(network, trained_network, canvas):
    model = trained_network.model
    pixels = random_pixels(canvas)
    maps = network.compute_maps(pixels)
    backbone = model.backbone(pixels[None])
    pyramid = model.decoder(backbone)
    objectness, deltas = model.rpn_head(pyramid)
    assert all(list(by_level) == list(LEVELS) for by_level in maps.values())
    for level in LEVELS:
        name = str(level)
        assert_close(maps["backbone"][level], backbone[name][0])
        assert_close(maps["features"][level], pyramid[name][0])
        assert_close(maps["objectness"][level], np.ravel(objectness[name]))
        assert_close(maps["deltas"][level], x_before_y(deltas[name]))


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("count", [20, 3, 0])
def test_the_second_stage_is_model_gardens(network, trained_network, canvas, count):
    """With RoIs of all sizes, empty ones too, and with fewer than the network takes."""
    model = trained_network.model
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, canvas[::-1], (2, count, 2))
    rois = np.concatenate([corners.min(0), corners.max(0)], axis=1).astype(np.float32)
    rois[:2] = 0
    features = network.compute_maps(random_pixels(canvas))["features"]
    outputs = network.classify_rois(canvas, features, rois)
    pyramid = {str(level): cells[None] for level, cells in features.items()}
    pooled = model.roi_aligner(pyramid, x_before_y(rois)[None])
    assert [len(array) for array in outputs.values()] == [count] * 3
    if count:
        logits, deltas = model.detection_head[0](pooled)
        assert_close(outputs["pooled"], pooled[0])
        assert_close(outputs["class_logits"], logits[0])
        assert_close(outputs["roi_deltas"], x_before_y(deltas)[:, None])


def test_detections_are_those_of_the_trained_network(smoke_run, trained_network, photos):
    """At least 95% of Model Garden's detections: within 1% of the side, the score within 0.02."""
    from official.vision.ops import anchor

    from shopee_od.detectors.model_garden.canvas import fit_to_canvas

    detector = smoke_run.detector
    config = trained_network._config.anchor
    count = equal = 0
    for photo in photos:
        pixels, scale = fit_to_canvas(photo, CANVASES)
        canvas = pixels.shape[:2]
        anchors = anchor.build_anchor_generator(
            3, 5, config.num_scales, config.aspect_ratios, config.anchor_size
        )(canvas)
        outputs = trained_network.model(
            pixels[None],
            image_shape=np.float32([canvas]),
            anchor_boxes={level: boxes[None] for level, boxes in anchors.items()},
            training=False,
        )
        arrays = {k: v.numpy() for k, v in outputs.items() if k.startswith(("detection_", "num_"))}
        info = np.float32([[photo.shape[:2], canvas, scale, (0, 0)]])
        expected = to_detections(arrays | {"image_info": info}, 0)
        (detections,) = detector.detect([photo], 0)
        for box, score, label in zip(expected.boxes, expected.scores, expected.labels, strict=True):
            close = np.abs(detections.boxes - box).max(axis=1) < 0.01 * max(photo.shape)
            close &= np.abs(detections.scores - score) < 0.02
            equal += (close & (detections.labels == label)).any()
        count += len(expected)
        assert abs(len(detections) - len(expected)) <= 2
    assert count > 100 and equal >= 0.95 * count


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(position=st.floats(0, 1, exclude_max=True), size=st.floats(0, 1, exclude_max=True))
def test_a_damaged_file_is_refused_before_litert_reads_it(file, tmp_path, position, size):
    content = bytearray(file.read_bytes())
    damaged = tmp_path / NETWORK_FILE
    content[int(position * len(content))] ^= 1
    for variant in (content, file.read_bytes()[: int(size * len(content))]):
        damaged.write_bytes(variant)
        with pytest.raises(InputError, match=r"damaged .its sha256 differs.; save the"):
            LiteRTNetwork(damaged, hash_file(file))


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"network\.tflite: not readable"):
        LiteRTNetwork(tmp_path / NETWORK_FILE, "")
