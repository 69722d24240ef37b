"""A small CNN on every window of a pyramid: trained features instead of HOG.

With `shared` the CNN runs once over each level, with the same scores (Sermanet et al., "OverFeat",
ICLR 2014, section 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shopee_od.detectors.features.window_cnn import WindowFeatures, build_network
from shopee_od.detectors.heads.window_softmax import WindowSoftmax
from shopee_od.detectors.pipeline import Pipeline
from shopee_od.detectors.proposers.sliding_windows import StretchConfig, StretchedWindows
from shopee_od.detectors.slots import Slots
from shopee_od.detectors.training.data import TrainingData, TrainingResult
from shopee_od.detectors.training.hard_negative_mining import WindowSlots
from shopee_od.detectors.training.seeding import set_random_seed
from shopee_od.detectors.training.window_cnn import WindowTrainingConfig, train_window_cnn


@dataclass(frozen=True)
class WindowCNNConfig:
    """Hyperparameters of the window CNN; shared: one pass per level instead of one per window."""

    windows: StretchConfig = StretchConfig()
    training: WindowTrainingConfig = WindowTrainingConfig()
    shared: bool = True


class WindowCNN(Pipeline):
    """Windows of a pyramid → small CNN → softmax. Trained: all."""

    kind = "window_cnn"
    method = "scratch"
    initial_weights = "random"
    default_config = WindowCNNConfig()

    @staticmethod
    def training_config(config: WindowCNNConfig) -> WindowCNNConfig:
        return replace(config, shared=True)

    def build(self, classes: int, seed: int | None = None) -> WindowSlots:
        if seed is not None:
            set_random_seed(seed)
        network = build_network(classes)
        windows = self.config.windows
        features = WindowFeatures(network, windows, self.config.shared)
        return Slots(StretchedWindows(windows), features, WindowSoftmax(network))

    def train(self, slots: WindowSlots, data: TrainingData) -> TrainingResult:
        train_window_cnn(slots, data.train, data.seed, self.config.training)
        return TrainingResult()
