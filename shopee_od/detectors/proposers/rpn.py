"""A region proposal network by itself: a small head on the maps of a backbone that is not trained.

The first half of Faster R-CNN, small enough to train while one watches. Three maps share its head,
as in a feature pyramid, but without the pyramid's connections between them.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1; Lin et al., "Feature Pyramid
Networks", CVPR 2017, section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from shopee_od.backbones import BACKBONES, efficientnet_lite0, normalize_images
from shopee_od.detectors.features.spp_map import scale_to_cells
from shopee_od.detectors.proposers.rpn_head import build_rpn_head
from shopee_od.detectors.slots import Proposals
from shopee_od.detectors.training.losses import rpn_loss
from shopee_od.ops import two_stage
from shopee_od.ops.anchors import generate_anchors
from shopee_od.ops.label_assignment import FG, box_regression_targets, label_anchors
from shopee_od.ops.sampling import subsample_labels
from shopee_od.profiles import Profile


@dataclass(frozen=True)
class RPNConfig:
    """The head and its training; anchors, input size and proposals are the profile's.

    Args:
        channels: of the hidden maps.
        anchors_per_image: sampled for the loss.
        foreground: share of them with a garment, at most.
        candidates: per level before NMS, as a multiple of the proposals.
        learning_rate: of Adam.
    """

    channels: int = 96
    anchors_per_image: int = 256
    foreground: float = 0.5
    candidates: int = 4
    learning_rate: float = 1e-3


@dataclass(frozen=True, eq=False)
class ImageMaps:
    """The backbone's maps of an image.

    Args:
        cells: float32 (1, h, w, C), level by level.
        canvas: height and width of the scaled image.
        size: those of the image.
    """

    cells: list[np.ndarray]
    canvas: tuple[int, int]
    size: tuple[int, int]

    @property
    def scale(self) -> np.ndarray:
        """(4,), how much x1, y1, x2, y2 grow from the image to the canvas."""
        return np.tile(np.array(self.canvas[::-1]) / self.size[::-1], 2)


class RPN:
    """A proposer that is trained one image per step, as in the paper.

    Args:
        profile: of it input_size, the levels that the backbone has, the anchors and proposals.
        seed: of its weights and of the sampled anchors.
        config: the head and its training.
    """

    def __init__(self, profile: Profile, seed: int = 0, config: RPNConfig = RPNConfig()) -> None:
        deepest = min(profile.max_level, BACKBONES["efficientnet-lite0"].max_level)
        self.config = config
        self.levels = range(profile.min_level, deepest + 1)
        self._profile = profile
        whole = efficientnet_lite0()
        outputs = [whole.output[str(level)] for level in self.levels]
        backbone = tf_keras.Model(whole.inputs, outputs)
        tf_keras.utils.set_random_seed(seed)
        widths = [output.shape[-1] for output in backbone.outputs]
        anchors_per_cell = profile.anchor_scales * len(profile.anchor_ratios)
        self.head = build_rpn_head(widths, anchors_per_cell, config.channels)
        self._optimizer = tf_keras.optimizers.Adam(config.learning_rate)
        self._rng = np.random.default_rng(seed)
        cells = [tf.TensorSpec([1, None, None, width], tf.float32) for width in widths]
        sampled = tf.TensorSpec([None], tf.int64)
        labels = tf.TensorSpec([None], tf.float32)
        deltas = tf.TensorSpec([None, 4], tf.float32)
        self._train_step = tf.function(
            self._compute_step, input_signature=[cells, sampled, labels, deltas]
        )
        self._run_head = tf.function(self.head, input_signature=[cells])
        images = tf.TensorSpec([1, None, None, 3], tf.float32)
        self._run_backbone = tf.function(
            lambda images: backbone(images, training=False), input_signature=[images]
        )

    def compute_maps(self, image: np.ndarray) -> ImageMaps:
        """uint8 (H, W, 3) -> its maps, which training does not change: compute them once.

        The image is scaled as into the profile's canvas, but to whole cells.
        """
        height, width = image.shape[:2]
        canvas = self._profile.canvas(width, height)
        side = min(canvas[0] / height, canvas[1] / width) * min(height, width)
        scaled = scale_to_cells(image, side)
        cells = self._run_backbone(normalize_images(scaled[None]))
        return ImageMaps([c.numpy() for c in cells], scaled.shape[:2], image.shape[:2])

    def anchors(self, maps: ImageMaps) -> dict[int, np.ndarray]:
        """By level float64 (N, 4), in pixels of the canvas."""
        height, width = maps.canvas
        size, scales = self._profile.anchor_size, self._profile.anchor_scales
        ratios = self._profile.anchor_ratios
        return {k: generate_anchors(height, width, [k], size, scales, ratios) for k in self.levels}

    def train_step(self, maps: ImageMaps, gt_boxes: np.ndarray) -> tuple[float, float]:
        """One step of training on one image.

        1. Every anchor is labeled; 256 are sampled at random, at most half of them foreground.
        2. Class loss: cross-entropy of the sampled anchors. Box loss: smooth L1 (β = 1) of the
           foreground's deltas. Both are averaged over all sampled anchors.
        3. One step of Adam on the sum of the two.

        Args:
            maps: of the image.
            gt_boxes: (M, 4) in pixels of the image.
        Returns:
            Class loss and box loss before the step.
        Source:
            Ren et al., section 3.1.2, equation 1; with the paper's λ = 10 the two losses have about
            equal weights there too.
        """
        anchors = np.concatenate(list(self.anchors(maps).values()))
        boxes = gt_boxes * maps.scale
        labels, matched = label_anchors(anchors, boxes)
        count, share = self.config.anchors_per_image, self.config.foreground
        sampled = subsample_labels(labels, count, share, self._rng)
        deltas = box_regression_targets(anchors, boxes, labels, matched)[sampled]
        foreground = (labels[sampled] == FG).astype(np.float32)
        losses = self._train_step(maps.cells, sampled, foreground, deltas.astype(np.float32))
        class_loss, box_loss = (float(loss) for loss in losses)
        return class_loss, box_loss

    def predict(self, maps: ImageMaps) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
        """By level: objectness float32 (N,), logits; deltas float32 (N, 4)."""
        objectness = {}
        deltas = {}
        for level, (logits, moves) in zip(self.levels, self._run_head(maps.cells), strict=True):
            objectness[level] = logits.numpy()[0]
            deltas[level] = moves.numpy()[0]
        return objectness, deltas

    def propose_from(self, maps: ImageMaps) -> tuple[np.ndarray, np.ndarray]:
        """Proposals from an image's maps.

        Returns:
            (K, 4) boxes in pixels of the image and (K,) scores, highest first; at most the
            profile's `proposals`.
        """
        objectness, deltas = self.predict(maps)
        count = self._profile.proposals
        boxes, scores, levels = two_stage.decode_anchors_by_level(
            objectness, deltas, self.anchors(maps), maps.canvas, self.config.candidates * count
        )
        keep = two_stage.filter_proposals(boxes, scores, levels, count)
        return boxes[keep] / maps.scale, scores[keep]

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> its proposals, the highest-scoring first."""
        boxes, _ = self.propose_from(self.compute_maps(image))
        return Proposals(boxes)

    def _compute_step(self, cells, sampled, labels, gt_deltas):
        with tf.GradientTape() as tape:
            outputs = zip(*self.head(cells), strict=True)
            logits, deltas = (tf.gather(tf.concat(part, 1)[0], sampled) for part in outputs)
            class_loss, box_loss = rpn_loss(logits, deltas, labels, gt_deltas)
            loss = class_loss + box_loss
        weights = self.head.trainable_variables
        gradients = tape.gradient(loss, weights)
        self._optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return class_loss, box_loss
