"""Sliding windows with a small CNN: on every window by itself, or once over the whole photo, with the same scores.

The second is OverFeat's idea (Sermanet et al., ICLR 2014, section 3.5): a network without padding is itself a sliding
window, whose windows lie as far apart as its pooling takes steps; what overlaps is worked out once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shopee_od.datasets.dataset import Dataset
from shopee_od.detectors.card import checked, read_card
from shopee_od.detectors.regions import RegionDetector, joined, opened
from shopee_od.ops.pyramid import resized, to_photo, windows
from shopee_od.profiles import Profile
from shopee_od.types import Card, Detections, Stage, Trace

SIDE = 48  # pixels: the window, after the photo is scaled
STRIDE = 8  # pixels: a step of 2, and two poolings by 2
RATIOS = (0.45, 0.7, 1.1)  # width : height of the windows in the photo
LONGEST = 300  # pixels of the longer side: of such a photo
SMALLEST, STEP = 64, 1.3  # is the side of the smallest window, as a geometric mean; and the step to the next


def network(classes: int):
    """(B, 48, 48, 3), normalised, -> logits (B, 1, 1, classes + 1), 0 background; any larger photo gives a map of them.

    No layer pads, so that a window's score depends on nothing outside it. `run` is the network in use, compiled for
    photos of any size: it takes a third of the time.
    """
    import tensorflow as tf
    import tf_keras

    layers = tf_keras.layers

    def convolution(filters: int, size: int, strides: int = 1) -> list:
        found = layers.Conv2D(filters, size, strides, use_bias=False)
        return [found, layers.BatchNormalization(momentum=0.9), layers.ReLU()]

    model = tf_keras.Sequential(
        [
            layers.Input([None, None, 3]),
            *convolution(16, 5, 2),
            *convolution(32, 3),
            layers.MaxPool2D(2),
            *convolution(64, 3),
            layers.MaxPool2D(2),
            *convolution(128, 4),
            layers.SpatialDropout2D(0.3),
            layers.Conv2D(classes + 1, 1),
        ]
    )
    any_size = tf.TensorSpec([None, None, None, 3], tf.float32)
    model.run = tf.function(lambda photos: model(photos, training=False), input_signature=[any_size])
    return model


def multiply_adds(model, height: int, width: int) -> int:
    """A `network` and a size of its input -> how often a number is multiplied and added in its convolutions."""
    count, shape = 0, (1, height, width, 3)
    for layer in model.layers:
        before, shape = shape, layer.compute_output_shape(shape)
        if hasattr(layer, "kernel_size"):
            count += math.prod(shape[1:]) * math.prod(layer.kernel_size) * before[3]
    return count


def normalised(photo: np.ndarray) -> np.ndarray:
    """0–255 -> float32 around 0."""
    return (np.asarray(photo, np.float32) - 127) / 64


def levels(height: int, width: int) -> list[tuple[int, int]]:
    """A photo's size -> (height, width) of its levels, one for each shape and size of window, there 48 × 48 pixels.

    A window of another ratio than a square's becomes one where the photo is stretched.
    """
    found, longest = [], max(height, width)
    for ratio in RATIOS:
        side = SMALLEST * longest / LONGEST
        while side * max(ratio**0.5 / width, ratio**-0.5 / height) <= 1:
            found.append((round(height * SIDE / side * ratio**0.5), round(width * SIDE / side * ratio**-0.5)))
            side *= STEP
    return [(max(h, SIDE), max(w, SIDE)) for h, w in found]


class WindowCNN(RegionDetector):
    """A `Detector`: the photo stretched and in many sizes, the CNN on each window, NMS by class.

    A score is the softmax's. shared: whether the CNN runs over each level once, instead of on every window by itself;
    scores are the same.
    """

    kind = "window_cnn"

    def __init__(self, model=None, card: Card | None = None, shared: bool = True):
        """Without a model and a card: untrained, to be `fit`. `shopee_od.load` gives them."""
        super().__init__(model, card)
        self.shared = shared

    @property
    def model(self):
        """The network that it has learnt."""
        self._trained()
        return self._learnt

    @classmethod
    def load(cls, directory: Path) -> WindowCNN:
        """Raises InputError where the folder does not hold a whole detector."""
        card = read_card(directory)
        model = network(len(card.classes))
        with opened(directory) as held:
            model.set_weights([held[f"weights_{k}"] for k in range(len(model.weights))])
        return cls(model, card)

    def fit(self, train: Dataset, val: Dataset | None, profile: Profile, run_dir: Path, seed: int = 0) -> None:
        """Learns from windows of `train`, hard negatives included; the threshold with the best F1 on `val`.

        A detector of the same photos and seed that `run_dir` holds is taken as it is; `profile` has no size for this.
        Raises InputError where no photo has a box.
        """
        from shopee_od.detectors.window_training import learn

        self._fit_once(train, val, run_dir, seed, "scratch", "random", lambda photos: learn(photos, seed))

    def explain(self, image: np.ndarray) -> Trace:
        """uint8 (H, W, 3) -> a map of scores for each level, best windows, kept detections."""
        maps = {}
        for number, (size, _, logits) in enumerate(scored(self.model, checked(image), shared=True)):
            shape = [(side - SIDE) // STRIDE + 1 for side in size]
            maps[f"level {number}"] = probabilities(logits)[:, 1:].max(axis=1).reshape(shape)
        scores = Stage("scores", "How like a garment the window at each place is, size by size.", maps)
        return Trace(image, (scores, *self._last_stages(image)))

    def _arrays(self) -> dict[str, np.ndarray]:
        return {f"weights_{k}": each for k, each in enumerate(self._learnt.get_weights())}

    def _candidates(self, image: np.ndarray, score_threshold: float) -> tuple[Detections, int, int]:
        regions, passes, found = 0, 0, []
        for _, boxes, logits in scored(self._learnt, image, self.shared):
            scores = probabilities(logits)[:, 1:]
            regions, passes = regions + len(boxes), passes + (1 if self.shared else len(boxes))
            rows, columns = np.nonzero(scores >= score_threshold)
            found.append((boxes[rows], scores[rows, columns], columns))
        return joined(found), regions, passes


def scored(model, image: np.ndarray, shared: bool) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
    """uint8 (H, W, 3) -> level by level: its size, its windows (N, 4) in the photo, logits float32 (N, classes + 1)."""
    for size in levels(*image.shape[:2]):
        level = normalised(resized(image, size))
        boxes = windows(*size, (SIDE, SIDE), STRIDE)
        if shared:
            rows, columns = ((side - SIDE) // STRIDE + 1 for side in size)
            logits = model.run(level[None]).numpy()[0, :rows, :columns].reshape(len(boxes), -1)
        else:
            crops = np.stack([level[y1:y2, x1:x2] for x1, y1, x2, y2 in boxes])
            parts = [model.run(crops[i : i + 256]).numpy() for i in range(0, len(crops), 256)]
            logits = np.concatenate(parts).reshape(len(boxes), -1)
        yield size, to_photo(boxes, size, image.shape[:2]), logits


def probabilities(logits: np.ndarray) -> np.ndarray:
    """(N, K) -> (N, K), the softmax of each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
