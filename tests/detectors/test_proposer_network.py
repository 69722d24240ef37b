"""The pipeline with a proposer that is a network: its parameters, and the maps that it shares."""

from dataclasses import replace

import numpy as np
import pytest
from color_detector import IMAGE, Colors, MeanColor, Quadrants, RedOrGreen

from shopee_od.detectors.pipeline import WEIGHTS_FILE
from shopee_od.detectors.slots import ImageMaps, Slots
from shopee_od.errors import InputError


class Network:
    """A proposer with a number of its own, whose maps took it three seconds."""

    num_parameters = 1

    def __init__(self):
        self.bias = np.zeros(())

    def propose(self, image):
        maps = ImageMaps([], size=(80, 60), image_size=(40, 60), seconds=3.0)
        return replace(Quadrants().propose(image), maps=maps)

    def state_dict(self):
        return {"bias": self.bias}

    def load_state_dict(self, state):
        self.bias = state["bias"]


class NetworkColors(Colors):
    """A recipe whose proposer is trained, too."""

    def build(self, classes, seed=None):
        return Slots(Network(), MeanColor(), RedOrGreen())

    def train(self, slots, data):
        slots.proposer.bias = np.asarray(7.0)
        return super().train(slots, data)


@pytest.fixture
def network_detector(shapes, tmp_path):
    detector = NetworkColors()
    detector.fit(shapes.split("train"), None, tmp_path / "network")
    return detector


def test_a_proposer_with_parameters_is_counted_saved_and_loaded(network_detector, tmp_path):
    assert list(network_detector.slots.parts) == ["proposer", "features", "head"]
    assert network_detector.num_parameters == 5
    with np.load(tmp_path / "network" / WEIGHTS_FILE) as arrays:
        assert set(arrays) == {"proposer.bias", "features.offset", "head.gain", "history"}
    assert NetworkColors.load(tmp_path / "network").slots.proposer.bias == 7


def test_a_saved_detector_without_the_weights_of_its_proposer_is_refused(
    network_detector, tmp_path
):
    file = tmp_path / "network" / WEIGHTS_FILE
    np.savez(file, **{"features.offset": np.zeros(3), "head.gain": np.zeros(())})
    with pytest.raises(InputError, match=r"weights\.npz: damaged or absent; save"):
        NetworkColors.load(tmp_path / "network")


def test_the_pass_that_proposer_and_features_share_counts_once_and_as_the_features(
    network_detector,
):
    run = network_detector.run(IMAGE)
    assert run.seconds["features"] >= 3 and run.seconds["proposals"] < 0
    list(network_detector.detect([IMAGE]))
    assert network_detector.cost.cnn_passes == 5 + 1, "one of each region, and the proposer's"


def test_maps_know_how_much_boxes_grow():
    maps = ImageMaps([], size=(80, 30), image_size=(40, 60), seconds=0.0)
    assert maps.scale.tolist() == [0.5, 2, 0.5, 2]
