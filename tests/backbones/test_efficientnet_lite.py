"""The network with the ImageNet weights is the original, by its recorded outputs for a photo."""

import hashlib
import json
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
    freeze,
    get_backbone,
    load_weights,
    normalize_images,
    read_card,
    weights,
)
from shopee_od.backbones.efficientnet_lite import read_weights
from shopee_od.backbones.lite_network import build_lite
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parent / "efficientnet_lite0_recorded.npz"
SHOES = {502: "clog", 630: "loafer", 770: "running shoe", 774: "sandal", 514: "cowboy boot"}
MILITARY_UNIFORM = 652


def build(size):
    return build_lite(get_backbone("efficientnet-lite0"), size)


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


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("efficientnet-lite0", {2: 2, 3: 4, 4: 10, 5: 15}),
        ("efficientnet-lite1", {2: 3, 3: 6, 4: 14, 5: 20}),
    ],
)
def test_freezing_stops_at_its_level(name, last):
    for level, index in last.items():
        model = build_lite(get_backbone(name), (64, 64))
        freeze(model, 0)
        assert all(layer.trainable for layer in model.layers)
        freeze(model, level)
        blocks = blocks_of(model)
        frozen = index + 1
        assert [b.trainable for b in blocks] == [False] * frozen + [True] * (len(blocks) - frozen)
        assert tuple(blocks[index].output.shape) == tuple(model.output[str(level)].shape)
        assert not model.layers[1].trainable and model.layers[-1].trainable


def blocks_of(model):
    return [layer for layer in model.layers if type(layer).__name__ == "InvertedBottleneckBlock"]


def test_lite0_is_model_garden_s_b0_and_lite2_has_published_sizes():
    theirs = efficientnet.EfficientNet(
        "b0", tf_keras.layers.InputSpec(shape=[None, 64, 64, 3]), activation="relu6"
    )
    ours = build((64, 64))
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    shapes = build_lite(get_backbone("efficientnet-lite2"), (64, 64)).output_shape
    assert [shapes[level][-1] for level in "2345"] == [24, 48, 120, 352]


def write_weights_of(folder, model, backbone, head=True):
    """The model's own weights as a file with a card; returns the file."""
    arrays = {}
    layers = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    named = [("stem", layers[0], norms[0]), ("head", layers[1], norms[1])][: 2 if head else 1]
    for i, block in enumerate(blocks_of(model)):
        parts = [("expand", 0), ("depthwise", 1), ("project", 2)][i == 0 :]
        for part, j in parts:
            pair = getattr(block, f"_conv{j}"), getattr(block, f"_norm{j}")
            named.append((f"block{i:02}/{part}", *pair))
    for name, convolution, norm in named:
        arrays[f"{name}/kernel"] = convolution.get_weights()[0]
        values = norm.get_weights()
        arrays |= {
            f"{name}/{p}": v for p, v in zip(("gamma", "beta", "mean", "var"), values, strict=True)
        }
    path = folder / "weights.npz"
    np.savez(path, **arrays)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    card = {"name": "of a test", "backbone": backbone, "sha256": sha256}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_a_file_of_weights_without_a_head_fits_its_network_alone(tmp_path):
    model = build_lite(get_backbone("efficientnet-lite1"), (64, 64))
    path = write_weights_of(tmp_path, model, "efficientnet-lite1", head=False)
    assert read_card(path)["backbone"] == "efficientnet-lite1"
    other = build_lite(get_backbone("efficientnet-lite1"), (64, 64))
    image = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    head = other.layers[-3].get_weights()[0]
    load_weights(other, path, fold_normalization=False)
    for level in "2345":
        np.testing.assert_array_equal(other(image)[level], model(image)[level])
    np.testing.assert_array_equal(other.layers[-3].get_weights()[0], head)
    with pytest.raises(InputError, match=r"block03/.* does not fit the weights 'of a test'"):
        load_weights(build((64, 64)), path)
    with pytest.raises(InputError, match=r"block.* does not fit the weights"):
        load_weights(build_lite(get_backbone("efficientnet-lite2"), (64, 64)), path)


def test_damaged_or_missing_weights_are_refused(tmp_path, monkeypatch):
    read_weights.cache_clear()
    damaged = tmp_path / "efficientnet_lite0.npz"
    with pytest.raises(InputError, match="missing; write it with tools"):
        read_weights(damaged)
    monkeypatch.setattr(weights, "EFFICIENTNET_LITE0", damaged)
    with pytest.raises(InputError, match="missing; reinstall"):
        read_weights()
    damaged.write_bytes(b"not an archive")
    damaged.with_suffix(".json").write_text('{"sha256": "0"}')
    with pytest.raises(InputError, match="not the card of pretrained weights"):
        read_weights()
    card = '{"name": "a", "backbone": "efficientnet-lite0", "sha256": "0"}'
    damaged.with_suffix(".json").write_text(card)
    with pytest.raises(InputError, match="damaged"):
        read_weights()


def test_another_network_is_refused():
    other = efficientnet.EfficientNet(
        "b1", tf_keras.layers.InputSpec(shape=[None, 64, 64, 3]), activation="relu6"
    )
    with pytest.raises(InputError, match="does not fit the weights 'EfficientNet-Lite0, ImageNet'"):
        load_weights(other)
    resnet = tf_keras.Sequential([tf_keras.layers.Conv2D(3, 3, input_shape=(8, 8, 3))])
    with pytest.raises(InputError, match="not an EfficientNet-Lite"):
        load_weights(resnet)
