"""The network with the ImageNet weights is the original, by its recorded outputs for a photo."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tf_keras
from official.vision.modeling.backbones import efficientnet
from PIL import Image

from shopee_od.backbones import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    efficientnet_lite0,
    freeze,
    load_weights,
    normalize_images,
    weights,
)
from shopee_od.backbones.efficientnet_lite0 import read_weights
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parent / "efficientnet_lite0_recorded.npz"
SHOES = {502: "clog", 630: "loafer", 770: "running shoe", 774: "sandal", 514: "cowboy boot"}
MILITARY_UNIFORM = 652


def build(size):
    return efficientnet.EfficientNet(
        "b0",
        tf_keras.layers.InputSpec(shape=[None, *size, 3]),
        activation="relu6",
        norm_epsilon=1e-3,
    )


@pytest.fixture(scope="module")
def unfolded():
    """The network as published: it takes (x - 127) / 128."""
    model = build((224, 224))
    load_weights(model, fold_normalization=False)
    return model


@pytest.fixture(scope="module")
def recorded():
    with np.load(RECORDED) as arrays:
        return dict(arrays)


def classify(model, pixels):
    """ImageNet's logits: the published classifier on the average of the last feature map."""
    features = model((np.asarray(pixels, np.float32)[None] - 127) / 128, training=False)
    arrays = read_weights()
    averages = features["6"].numpy().mean((1, 2))
    return averages @ arrays["classifier/kernel"] + arrays["classifier/bias"]


def test_every_level_and_the_logits_equal_the_originals(unfolded, recorded):
    features = unfolded((recorded["pixels"][None].astype(np.float32) - 127) / 128, training=False)
    for level in "2345":
        ours, theirs = features[level][0].numpy()[..., ::4], recorded[f"level{level}"]
        assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max(), level
    np.testing.assert_allclose(
        classify(unfolded, recorded["pixels"])[0], recorded["logits"], atol=1e-3, rtol=1e-3
    )
    assert recorded["logits"].argmax() == MILITARY_UNIFORM, "it is the photo of an admiral"


def test_with_the_normalization_folded_in_it_computes_the_same(unfolded, recorded):
    folded = build((224, 224))
    load_weights(folded)
    pixels = recorded["pixels"][None].astype(np.float32)
    theirs = unfolded((pixels - 127) / 128, training=False)["2"].numpy()
    normalized = normalize_images(pixels)
    np.testing.assert_allclose(normalized, (pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD, atol=1e-5)
    ours = folded(normalized, training=False)["2"].numpy()
    # The edge differs: padding is 127 for one and the mean color for the other.
    difference = np.abs(ours - theirs)[:, 4:-4, 4:-4].max()
    assert difference <= 1e-3 * np.abs(theirs).max()


def test_shoes_are_classified_as_shoes(unfolded, shared_data):
    folder = shared_data / "clothing"
    if not (folder / "boxes.csv").is_file():
        pytest.skip(f"no Clothing data set at {folder}")
    rows = pd.read_csv(folder / "boxes.csv")
    shoes = rows[(rows.split == "test") & (rows.label == "Shoes")].image.sort_values()[:20]
    is_correct = []
    for name in shoes:
        pixels = Image.open(folder / "images" / f"{name}.jpg").convert("RGB")
        pixels = pixels.resize((224, 224), Image.Resampling.BICUBIC)
        top5 = np.argsort(-classify(unfolded, pixels)[0])[:5]
        is_correct.append(bool(SHOES.keys() & set(top5.tolist())))
    assert np.mean(is_correct) >= 0.8


def test_freezing_stops_at_its_level():
    model = efficientnet_lite0((64, 64))
    freeze(model, 0)
    assert all(layer.trainable for layer in model.layers)
    freeze(model, 3)
    blocks = [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]
    assert [block.trainable for block in blocks] == [False] * 5 + [True] * 11
    assert not model.layers[1].trainable and model.layers[-1].trainable


def test_damaged_or_missing_weights_are_refused(tmp_path, monkeypatch):
    read_weights.cache_clear()
    damaged = tmp_path / "efficientnet_lite0.npz"
    monkeypatch.setattr(weights, "EFFICIENTNET_LITE0", damaged)
    with pytest.raises(InputError, match="missing"):
        read_weights()
    damaged.write_bytes(b"not an archive")
    damaged.with_suffix(".json").write_text('{"sha256": "0"}')
    with pytest.raises(InputError, match="damaged"):
        read_weights()


def test_another_network_is_refused():
    other = efficientnet.EfficientNet(
        "b1", tf_keras.layers.InputSpec(shape=[None, 64, 64, 3]), activation="relu6"
    )
    with pytest.raises(InputError, match="EfficientNet-b0"):
        load_weights(other)
