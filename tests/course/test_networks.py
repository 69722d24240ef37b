"""Tables of layers: shapes and parameters are those of the network as it runs."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow

import tf_keras  # noqa: E402

from shopee_od.course import describe_layers  # noqa: E402
from shopee_od.detectors.features.window_cnn import WindowFeatures, build_network  # noqa: E402
from shopee_od.detectors.heads.softmax_box_head import (  # noqa: E402
    BoxHeadConfig,
    build_box_head,
)
from shopee_od.detectors.proposers.sliding_windows import StretchConfig  # noqa: E402

layers = tf_keras.layers


def test_the_window_cnn_from_48_pixels_to_one_score_per_class():
    network = build_network(16)
    WindowFeatures(network, StretchConfig())  # its layers are then in a second network
    table = describe_layers(network, (48, 48, 3))
    sides = [text.split(" × ")[0] for text in table.output[:-1]]
    assert sides == ["48", "22", "20", "10", "8", "4", "1", "1"]
    assert table.output.iloc[-2] == "1 × 1 × 17"
    assert table.parameters.loc["all"] == network.count_params()
    assert table.parameters.iloc[:-1].sum() == network.count_params()
    assert "Conv2D 5 × 5, 16 channels, stride 2, batch norm, ReLU" in table.index
    wider = describe_layers(network, (72, 64, 3))
    shape = network(np.zeros((1, 72, 64, 3), np.float32)).shape[1:]
    assert wider.output.iloc[-2] == " × ".join(map(str, shape))


def test_a_network_of_one_size_needs_no_input_shape():
    head = build_box_head(5, 7, 24, BoxHeadConfig(channels=8, units=16))
    table = describe_layers(head)
    assert table.output.tolist()[-3:] == ["6", "20", ""]
    assert table.output.iloc[0] == "7 × 7 × 24"
    assert table.parameters.loc["all"] == head.count_params()


def test_a_layer_that_several_inputs_share_is_one_row_with_all_shapes():
    maps = [layers.Input([None, None, 4]) for _ in range(2)]
    shared = layers.Conv2D(3, 3, padding="same", activation="relu")
    network = tf_keras.Model(maps, [shared(cells) for cells in maps])
    table = describe_layers(network, (8, 6, 4), (4, 3, 4))
    row = table.loc["Conv2D 3 × 3, 3 channels, ReLU"]
    assert (row.output, row.parameters) == ("8 × 6 × 3, 4 × 3 × 3", 4 * 9 * 3 + 3)


def test_a_network_of_any_size_asks_for_a_size():
    with pytest.raises(ValueError, match="give 1 input shape"):
        describe_layers(build_network(2))
