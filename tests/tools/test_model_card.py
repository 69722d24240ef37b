"""The model card has the figures of results/, and no others."""

import re
import shlex
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from shopee_od.cli.options import build_profile
from shopee_od.config import to_dict
from shopee_od.course.earlier_losses import EARLIER_VALUES, format_loss_comparison
from shopee_od.detectors.saving import DetectorInfo
from shopee_od.errors import InputError
from shopee_od.profiles import profile
from tools.model_card import list_commands, render_card

SHA256 = "0123456789abcdef" * 4
FAILURES = "- Very small garments are missed.\n"
NUMBER = re.compile(r"(?<![\w.,])[+-]?\d+(?:,\d{3})*(?:\.\d+)?%?(?!\w)")
IN_PROSE = {"95%", "2012", "2014", "2017", "2020", "1.0", "2.0", "0"}
"""Numbers of the texts: of intervals, licenses and years."""


class Figures:
    """Numbers of which no two are alike, and what the card may write for each."""

    def __init__(self):
        self._rng = np.random.default_rng(0)
        self.texts = set(IN_PROSE)

    def value(self):
        """A metric in [0, 1]."""
        x = float(self._rng.random())
        self.texts |= {f"{x:.2f}", f"{x:.3f}", f"{x:.0%}", f"{x:+.2f}", f"{x:+.3f}"}
        return x

    def count(self):
        n = int(self._rng.integers(10, 100_000))
        self.texts |= {f"{n:,}", f"{n / 60:.1f}", f"{n:.1f}", f"{n / 1e3:,.0f}", str(n)}
        return n

    def interval(self):
        return sorted([self.value(), self.value()])

    def row(self):
        return {"boxes": self.count(), "AP": self.value(), "AP50": self.value()}

    def metrics(self, *names):
        return {
            "photos": self.count(),
            "AP": self.value(),
            "AP50": self.value(),
            "agnostic": self.row(),
            "photos_with_a_hit": self.value(),
            "per_type": {name: self.row() for name in ("upper", "lower", "full")},
            "per_class": {name: self.row() for name in names},
            "shop": {"per_name": {"Tops": self.row(), "Dresses": self.row()}},
            "intervals": {
                name: self.interval()
                for name in ("AP", "AP50", "agnostic_AP50", "photos_with_a_hit")
            },
            "false_alarms": {
                "photos": self.count(),
                "false_alarms": self.count(),
                "per_photo": self.value(),
            },
            "gain": {
                "AP50": self.value(),
                "baseline_AP50": self.value(),
                "gain": self.value(),
                "interval": self.interval(),
            },
        }

    def results(self):
        cost = {"first_photo_seconds": float(self.count()), "seconds_per_image": self.value()}
        memory = self.value()
        return {
            "command": "python -m tools.evaluate_shop_detector --data DATA",
            "git": {"commit": "c0ffee" * 7},
            "machine": {"cpu": "a processor", "cores": self.count()},
            "model": {
                "name": "detector",
                "files": {"network.tflite": {"sha256": SHA256, "bytes": self.count()}},
            },
            "baseline": {"name": "baseline", "trained_on": "ccp"},
            "cost": cost | {"peak_memory": memory * 1e9},
            "ccp": self.metrics("pants", "dress"),
            "clothing": self.metrics("trousers", "coat"),
            "shopee": {
                "all": self.metrics("dress"),
                "supported": self.metrics("dress"),
                "groups": {"AP50": self.value(), "min_boxes": self.count(), "names": ["Tops"]},
            },
        }

    def ablation(self):
        sets = {name: self.count() for name in ("ccp", "collages")}
        names = ("agnostic_AP50", "agnostic_AP", "AP")

        def row(compared_to):
            gain = {name: {"value": self.value(), "interval": self.interval()} for name in names}
            return {
                "what": "more data",
                "compared_to": compared_to,
                "trained": {"minutes": self.count()},
                **{name: {"mean": self.value()} for name in names},
                **({"gain": gain} if compared_to else {}),
            }

        return {"seed": 0, "images": sets, "rows": {"first": row(""), "second": row("first")}}

    def losses(self):
        losses = {s: {name: self.value() for name in EARLIER_VALUES} for s in ("train", "test")}
        self.texts |= {f"{x:.4f}" for row in losses.values() for x in row.values()}
        self.texts |= set(NUMBER.findall(format_loss_comparison({})))
        data = {split: {"photos": self.count()} for split in losses}
        return {"losses": losses, "data": data}

    def info(self):
        config = to_dict(profile("shop").replace(steps=self.count(), batch_size=self.count()))
        return DetectorInfo(
            "faster_rcnn",
            "detector",
            ("dress", "t-shirt"),
            ("full", "upper"),
            self.value(),
            config,
            {"network_sha256": SHA256},
            {
                "dataset": "ccp+clothing",
                "photos": self.count(),
                "val_photos": self.count(),
                "seed": 0,
                "steps": config["steps"],
                "best_step": self.count(),
                "epochs": float(self.count()),
                "minutes": self.count(),
                "weights": "EfficientNet-Lite0, COCO",
            },
            self.value(),
        )


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def inputs(figures):
    """The arguments of `render_card`."""
    return [figures.info(), figures.results(), figures.ablation(), figures.losses(), FAILURES]


def test_every_figure_of_the_card_is_in_the_results(inputs, figures):
    card = render_card(*inputs)
    prose = re.sub(r"`[^`]*`|^ {4}.*$", "", card, flags=re.MULTILINE)  # without commands and names
    numbers = set(NUMBER.findall(prose))
    assert not numbers - figures.texts
    assert len(numbers) > 150


def test_the_metrics_of_every_data_set_are_in_the_card(inputs):
    card = render_card(*inputs)
    results = inputs[1]
    shop = results["shopee"]
    for metrics in (results["ccp"], results["clothing"], shop["all"], shop["supported"]):
        values = [metrics["AP"], metrics["agnostic"]["AP50"], metrics["gain"]["gain"]]
        values += [row["AP50"] for row in metrics["per_type"].values()]
        assert all(f"{value:.3f}" in card for value in values)
    assert FAILURES.strip() in card and SHA256 in card


def test_without_shop_photos_baseline_and_ablation_the_card_is_shorter(inputs):
    info, results, *_ = inputs
    del results["shopee"]
    results["baseline"] = None
    for name in ("ccp", "clothing"):
        results[name]["gain"] = None
    card = render_card(info, results, None, None, FAILURES)
    assert "Shopee photos" not in card and "Gain" not in card and "recipe adds" not in card
    assert "## Losses" not in card and "## Accuracy" in card


def test_results_of_another_network_are_refused(inputs):
    info = replace(inputs[0], inference={"network_sha256": SHA256[::-1]})
    with pytest.raises(InputError, match=r"of another network \(detector\) than detector; run"):
        render_card(info, *inputs[1:])


@pytest.mark.parametrize("change", [{"weights": "mine"}, {"dataset": "ccp+mine"}])
def test_data_and_weights_without_a_license_are_refused(inputs, change):
    info = replace(inputs[0], metadata={**inputs[0].metadata, **change})
    with pytest.raises(InputError, match="mine: add its license to tools/model_card"):
        render_card(info, *inputs[1:])


@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        ("ccp+clothing", []),
        ("ccp+categories", ["weights=lite0_coco.npz", "deterministic=true"]),
        ("ccp+clothing+ccp-cutouts", ["augmentation.turns=0.5", "anchor_ratios=0.5,2.0", "rois=9"]),
    ],
)
def test_the_recipe_trains_the_same_profile(figures, dataset, settings):
    sizes = build_profile("shop", ["ccp", "clothing"], settings)
    metadata = {"dataset": dataset, "seed": 7}
    *prepare, command = list_commands(
        replace(figures.info(), config=to_dict(sizes), metadata=metadata)
    )
    words = shlex.split(command)
    given = {name: [] for name in ("--profile", "--dataset", "--set", "--seed")}
    for name, value in pairwise(words):
        if name in given:
            given[name].append(value)
    assert build_profile(given["--profile"][0], given["--dataset"], given["--set"]) == sizes
    assert given["--dataset"] == [name for name in dataset.split("+") if name != "categories"]
    assert ("--categories" in words) == dataset.endswith("categories")
    assert len(prepare) == len(given["--dataset"]) and given["--seed"] == ["7"]
