import re

import pytest

from shopee_od.course.earlier_losses import (
    EARLIER_VALUES,
    format_loss_comparison,
    show_loss_comparison,
)
from shopee_od.detectors.model_garden.progress import TRAINING_METRICS
from shopee_od.io import write_json
from shopee_od.ops.losses import smooth_l1

OURS = {
    split: {name: k + offset for k, name in enumerate(TRAINING_METRICS)}
    for split, offset in (("train", 0.1234), ("test", 0.5678))
}


def test_every_value_that_is_measured_has_an_earlier_one():
    assert set(EARLIER_VALUES) == set(TRAINING_METRICS)


def test_ours_are_next_to_the_earlier_ones():
    _, _, *rows = format_loss_comparison(OURS).splitlines()
    for (name, earlier), row in zip(EARLIER_VALUES.items(), rows, strict=True):
        values = [OURS["train"][name], OURS["test"][name], earlier.train, earlier.test]
        numbers = [float(text) for text in re.findall(r"\| (\d\.\d{4})(?= \|)", row)]
        assert numbers == pytest.approx(values)
        assert earlier.comparable in row and earlier.reason in row


def test_a_notebook_shows_the_file_or_the_earlier_values_alone(tmp_path):
    file = tmp_path / "five_figures.json"
    assert show_loss_comparison(file).data.count("| – | – |") == len(EARLIER_VALUES)
    write_json(file, {"losses": OURS})
    assert show_loss_comparison(file).data == format_loss_comparison(OURS)


@pytest.mark.parametrize(
    ("scale", "other_scale", "corner", "low", "high"),
    [(4.0, 1.0, 1 / 9, 16, 36), (10.0, 8.0, 1.0, 1.25, 1.5625)],
)
def test_the_ratios_of_box_losses_that_the_reasons_state(scale, other_scale, corner, low, high):
    """A Huber loss with its corner at c is c² · smooth L1 (error / c)."""

    def ratio(error):
        return smooth_l1(scale * error) / (corner**2 * smooth_l1(other_scale * error / corner))

    ratios = [float(ratio(error)) for error in (1e-3, 0.05, 0.1, 0.15, 0.3, 1.0, 1e3)]
    assert all(low - 1e-2 <= value <= high + 1e-2 for value in ratios)
    assert min(ratios) == pytest.approx(low, rel=1e-2)
    assert max(ratios) == pytest.approx(high, rel=1e-2)
