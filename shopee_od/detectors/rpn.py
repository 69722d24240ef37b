"""A region proposal network by itself: small convolutions on the maps of a backbone that stays as it is.

The first half of Faster R-CNN (Ren et al., NeurIPS 2015, section 3.1), small enough to learn while one watches. Three
maps share its head, as in a feature pyramid (Lin et al., CVPR 2017, section 4.1), but none lends another what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.detectors.heads import candidates
from shopee_od.detectors.spp_network import scaled
from shopee_od.garden.backbones import BACKBONES, lite0, normalised
from shopee_od.ops import two_stage
from shopee_od.ops.anchors import anchors
from shopee_od.ops.matching import POSITIVE, drawn, label_anchors, targets
from shopee_od.profiles import Profile

CHANNELS = 96  # of its hidden maps
DRAWN, SHARE = 256, 0.5  # anchors a photo that are learnt from, and how many of them may be garments at most
CANDIDATES = 4  # times as many as proposals, a level
LEARNING_RATE = 1e-3


@dataclass(frozen=True, eq=False)
class Maps:
    """What the backbone makes of a photo.

    cells: float32 (1, h, w, C), level by level; canvas: height and width of the scaled photo; size: of the photo
    """

    cells: list[np.ndarray]
    canvas: tuple[int, int]
    size: tuple[int, int]

    @property
    def by(self) -> np.ndarray:
        """(4,), how much x1, y1, x2, y2 grow from the photo to the canvas."""
        return np.tile(np.array(self.canvas[::-1]) / self.size[::-1], 2)


class RPN:
    """Photos in, proposals out; whatever it is taught, it is taught one photo a step, as in the paper."""

    def __init__(self, profile: Profile, seed: int = 0):
        """Untrained, with ImageNet's backbone. Of the profile: input_size, the levels that this backbone has, the
        anchors, proposals.
        """
        deepest = min(profile.max_level, BACKBONES["efficientnet-lite0"].max_level)
        self._profile, self._levels = profile, range(profile.min_level, deepest + 1)
        self._shapes = (profile.anchor_size, profile.anchor_scales, profile.anchor_ratios)
        whole = lite0()
        backbone = tf_keras.Model(whole.inputs, [whole.output[str(level)] for level in self._levels])
        tf_keras.utils.set_random_seed(seed)
        widths = [each.shape[-1] for each in backbone.outputs]
        self._head = head(widths, profile.anchor_scales * len(profile.anchor_ratios))
        self._optimizer = tf_keras.optimizers.Adam(LEARNING_RATE)
        self._rng = np.random.default_rng(seed)
        cells = [tf.TensorSpec([1, None, None, width], tf.float32) for width in widths]
        lists = [tf.TensorSpec([None], tf.int64), tf.TensorSpec([None]), tf.TensorSpec([None, 4])]
        self._step = tf.function(self._learn, [cells, *lists])
        self._run = tf.function(self._head, [cells])
        photo = tf.TensorSpec([1, None, None, 3], tf.float32)
        self._see = tf.function(lambda photos: backbone(photos, training=False), [photo])

    def maps(self, image: np.ndarray) -> Maps:
        """uint8 (H, W, 3) -> its maps, which learning does not change: they are worked out once.

        The photo is scaled as it would be into the profile's canvas, but for whole cells.
        """
        height, width = image.shape[:2]
        canvas = self._profile.canvas(width, height)
        small = scaled(image, min(canvas[0] / height, canvas[1] / width) * min(height, width))
        cells = self._see(normalised(small[None]))
        return Maps([each.numpy() for each in cells], small.shape[:2], image.shape[:2])

    def anchors(self, maps: Maps) -> dict[int, np.ndarray]:
        """By level float64 (N, 4), in pixels of the canvas."""
        return {level: anchors(*maps.canvas, [level], *self._shapes) for level in self._levels}

    def learn(self, maps: Maps, truths: np.ndarray) -> tuple[float, float]:
        """A photo's maps, its boxes (M, 4) in its own pixels -> one step; class loss and box loss before it.

        1. Every anchor gets its label, and 256 are drawn by lot, at most half of them garments.
        2. Class loss: cross-entropy of the drawn. Box loss: smooth L1 of the garments' deltas. Both over all drawn.
        3. One step of Adam down the sum of the two.

        Ren et al., section 3.1.2, equation 1; with their lambda of 10, the two weigh about alike there too.
        """
        every, boxes = np.concatenate(list(self.anchors(maps).values())), truths * maps.by
        labels, matched = label_anchors(every, boxes)
        chosen = drawn(labels, DRAWN, SHARE, self._rng)
        wanted = targets(every, boxes, labels, matched)[chosen]
        says = (labels[chosen] == POSITIVE).astype(np.float32)
        return tuple(float(loss) for loss in self._step(maps.cells, chosen, says, wanted.astype(np.float32)))

    def outputs(self, maps: Maps) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
        """By level: objectness float32 (N,), logits; deltas float32 (N, 4)."""
        outputs = [(logits.numpy()[0], deltas.numpy()[0]) for logits, deltas in self._run(maps.cells)]
        return tuple(dict(zip(self._levels, part, strict=True)) for part in zip(*outputs, strict=True))

    def proposals(self, maps: Maps) -> tuple[np.ndarray, np.ndarray]:
        """(K, 4) in the photo's pixels, (K,) scores, best first: the profile's `proposals` at most."""
        objectness, deltas = self.outputs(maps)
        most = self._profile.proposals
        boxes, scores, levels = candidates(objectness, deltas, self.anchors(maps), maps.canvas, CANDIDATES * most)
        keep = two_stage.proposals(boxes, scores, levels, most)
        return boxes[keep] / maps.by, scores[keep]

    def _learn(self, cells: list[tf.Tensor], chosen: tf.Tensor, says: tf.Tensor, wanted: tf.Tensor):
        with tf.GradientTape() as tape:
            logits, deltas = (tf.gather(tf.concat(part, 1)[0], chosen) for part in zip(*self._head(cells), strict=True))
            class_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(says, logits))
            of_boxes = 4 * tf_keras.losses.huber(wanted, deltas)  # smooth L1; Keras takes the mean of the four
            box_loss = tf.reduce_mean(says * of_boxes)
            total = class_loss + box_loss
        weights = self._head.trainable_variables
        self._optimizer.apply_gradients(zip(tape.gradient(total, weights), weights, strict=True))
        return class_loss, box_loss


def head(widths: Sequence[int], shapes: int) -> tf_keras.Model:
    """Maps of these many channels, anchors a cell -> for each map objectness (B, N) and deltas (B, N, 4).

    A 1 × 1 convolution of its own brings each map to the same channels; then a 3 × 3 one and two ends of 1 × 1, which
    all maps share. So an anchor is judged by the same weights wherever it stands, and whatever its level.
    """
    layers, small = tf_keras.layers, tf_keras.initializers.RandomNormal
    hidden = layers.Conv2D(CHANNELS, 3, padding="same", activation="relu", kernel_initializer="he_normal")
    objectness = layers.Conv2D(shapes, 1, kernel_initializer=small(stddev=0.01))
    deltas = layers.Conv2D(4 * shapes, 1, kernel_initializer=small(stddev=0.01))
    flat, boxes = layers.Reshape([-1]), layers.Reshape([-1, 4])
    maps, ends = [layers.Input([None, None, width]) for width in widths], []
    for each in maps:
        x = hidden(layers.Conv2D(CHANNELS, 1, activation="relu", kernel_initializer="he_normal")(each))
        ends.append((flat(objectness(x)), boxes(deltas(x))))
    return tf_keras.Model(maps, ends)
