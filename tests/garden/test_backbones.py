"""The ImageNet weights: the very network, shown by what the original answered for a photo."""

from pathlib import Path

import numpy as np
import pytest
import tf_keras
from official.vision.modeling.backbones import efficientnet
from PIL import Image

from shopee_od.garden import backbones
from shopee_od.types import InputError

RECORDED = Path(__file__).parent / "efficientnet_lite0_recorded.npz"
SHOES = {502: "clog", 630: "loafer", 770: "running shoe", 774: "sandal", 514: "cowboy boot"}


def build(size):
    return efficientnet.EfficientNet(
        "b0", tf_keras.layers.InputSpec(shape=[None, *size, 3]), activation="relu6", norm_epsilon=1e-3
    )


@pytest.fixture(scope="module")
def unfolded():
    model = build((224, 224))
    backbones.load_lite0(model, fold=False)
    return model


@pytest.fixture(scope="module")
def recorded():
    with np.load(RECORDED) as arrays:
        return dict(arrays)


def logits(model, pixels):
    features = model((np.asarray(pixels, np.float32)[None] - 127) / 128, training=False)
    kernel, bias = backbones.lite0_classifier()
    return features["6"].numpy().mean((1, 2)) @ kernel + bias


def test_every_level_and_the_classes_are_as_the_original_answered(unfolded, recorded):
    features = unfolded((recorded["pixels"][None].astype(np.float32) - 127) / 128, training=False)
    for level in "2345":
        ours, theirs = features[level][0].numpy()[..., ::4], recorded[f"level{level}"]
        assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max(), level
    np.testing.assert_allclose(logits(unfolded, recorded["pixels"])[0], recorded["logits"], atol=1e-3, rtol=1e-3)
    assert recorded["logits"].argmax() == 652  # military uniform: it is the photo of an admiral


def test_folded_into_the_stem_it_sees_model_gardens_photos_the_same(unfolded, recorded):
    folded = build((224, 224))
    backbones.load_lite0(folded)
    pixels = recorded["pixels"][None].astype(np.float32)
    theirs = unfolded((pixels - 127) / 128, training=False)["2"].numpy()
    ours = folded((pixels / 255 - backbones.MEAN) / backbones.STD, training=False)["2"].numpy()
    # The rim differs: padding is 127 for one and the mean colour for the other.
    difference = np.abs(ours - theirs)[:, 4:-4, 4:-4].max()
    assert difference <= 1e-3 * np.abs(theirs).max()


def test_shoes_are_seen_as_shoes(unfolded, shared_data):
    photos = sorted((shared_data / "clothing-small" / "test" / "shoes").glob("*"))[:20]
    seen = []
    for photo in photos:
        pixels = Image.open(photo).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        top5 = np.argsort(-logits(unfolded, pixels)[0])[:5]
        seen.append(bool(SHOES.keys() & set(top5.tolist())))
    assert np.mean(seen) >= 0.8


def test_damaged_or_missing_weights_are_refused(tmp_path, monkeypatch):
    backbones.lite0_weights.cache_clear()
    damaged = tmp_path / "efficientnet_lite0.npz"
    monkeypatch.setattr(backbones, "LITE0", damaged)
    with pytest.raises(InputError, match="missing"):
        backbones.lite0_weights()
    damaged.write_bytes(b"not an archive")
    damaged.with_suffix(".json").write_text('{"sha256": "0"}')
    with pytest.raises(InputError, match="damaged"):
        backbones.lite0_weights()


def test_another_network_is_refused():
    other = efficientnet.EfficientNet("b1", tf_keras.layers.InputSpec(shape=[None, 64, 64, 3]), activation="relu6")
    with pytest.raises(InputError, match="EfficientNet-b0"):
        backbones.load_lite0(other)
    with pytest.raises(InputError, match="not known"):
        backbones.backbone("vgg")
