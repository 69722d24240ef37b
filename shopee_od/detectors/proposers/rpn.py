"""The region proposal network: a small head on a map that the detector computes in any case.

The backbone belongs to the feature extractor. The RPN reads one of its maps, the finest; the maps
travel with the proposals, so that regions are pooled from them without a second pass.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from shopee_od.detectors.features.roi_align_map import RoIAlignMap
from shopee_od.detectors.proposers.rpn_head import build_rpn_head
from shopee_od.detectors.slots import ImageMaps, Proposals, assign_variables, read_variables
from shopee_od.ops import two_stage
from shopee_od.ops.anchors import anchor_grid, shapes_of_area
from shopee_od.ops.nms import nms


@dataclass(frozen=True)
class RPNConfig:
    """The anchors, the head, and how proposals are selected.

    Args:
        anchor_sizes: sides of the square anchors, in pixels of the resized image.
        anchor_ratios: width : height; every size comes in every ratio, with the same area.
        channels: of the head's hidden map.
        candidates: the highest-scoring anchors, which NMS is given.
        nms_iou: the highest IoU of two proposals.
        proposals: per image, at most.
    """

    anchor_sizes: tuple[float, ...] = (48.0, 96.0, 192.0)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    channels: int = 256
    candidates: int = 1000
    nms_iou: float = 0.7
    proposals: int = 300


class RPN:
    """A proposer that is a network.

    Args:
        features: the feature extractor whose finest map it reads.
        config: its anchors, its head, and how proposals are selected.
    """

    def __init__(self, features: RoIAlignMap, config: RPNConfig = RPNConfig()) -> None:
        self.features = features
        self.config = config
        levels = features.config.levels
        self.stride = 2 ** min(levels)
        self._finest = levels.index(min(levels))
        self.shapes = shapes_of_area(config.anchor_sizes, config.anchor_ratios)
        width = features.backbone.outputs[self._finest].shape[-1]
        self.head = build_rpn_head(width, len(self.shapes), config.channels)
        cells = tf.TensorSpec([1, None, None, width], tf.float32)
        self._run = tf.function(self.head, input_signature=[cells])

    @property
    def variables(self) -> list[tf.Variable]:
        """Those that training changes; the backbone's are the feature extractor's."""
        return self.head.trainable_variables

    def anchors(self, height: int, width: int) -> np.ndarray:
        """Size of a resized image in pixels -> its anchors, float64 (N, 4) in its pixels."""
        return anchor_grid(height, width, self.stride, self.shapes)

    def compute(self, maps: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The maps of B images, a tensor per level -> logits (B, N) and deltas (B, N, 4)."""
        return self.head(maps[self._finest])

    def predict(self, maps: ImageMaps) -> tuple[np.ndarray, np.ndarray]:
        """The maps of an image -> logits float32 (N,) and deltas float32 (N, 4) of its anchors."""
        logits, deltas = self._run(maps.levels[self._finest])
        return logits[0].numpy(), deltas[0].numpy()

    def select_proposals(
        self, logits: np.ndarray, deltas: np.ndarray, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """From the head's outputs to proposals: the best anchors are moved and clipped, then NMS.

        Args:
            logits: (N,) objectness.
            deltas: (N, 4).
            size: height and width of the resized image.
        Returns:
            (K, 4) boxes in its pixels and (K,) scores in [0, 1], highest first.
        """
        candidates = two_stage.decode_top_anchors(
            logits, deltas, self.anchors(*size), *size, self.config.candidates
        )
        keep = nms(*candidates, self.config.nms_iou)[: self.config.proposals]
        boxes, scores = (part[keep] for part in candidates)
        return boxes, scores

    def propose_from(self, maps: ImageMaps) -> Proposals:
        """The maps of an image -> its proposals, the highest-scoring first, with these maps."""
        boxes, _ = self.select_proposals(*self.predict(maps), maps.size)
        return Proposals(boxes / maps.scale, maps=maps)

    def propose(self, image: np.ndarray) -> Proposals:
        """uint8 (H, W, 3) -> its proposals, the highest-scoring first, with its maps."""
        return self.propose_from(self.features.map_image(image))

    @property
    def num_parameters(self) -> int:
        """The head's; the backbone's are counted by the feature extractor."""
        return self.head.count_params()

    def state_dict(self) -> dict[str, np.ndarray]:
        return read_variables(self.variables)

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        assign_variables(self.variables, state)
