"""Hyperparameters: set by name, to JSON and back."""

import json
from dataclasses import dataclass

import pytest

from shopee_od.config import from_dict, set_values, setting, to_dict
from shopee_od.errors import InputError


@dataclass(frozen=True)
class Inner:
    c: float = 0.01
    enabled: bool = False
    rounds: int = 2


@dataclass(frozen=True)
class Outer:
    steps: int = 10
    name: str = "lite0"
    scales: tuple[int, ...] = (256, 320)
    ratios: tuple[float, ...] = (0.5, 1.0)
    none: tuple[float, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ((1, 2), (3, 4))
    inner: Inner = Inner()


@dataclass(frozen=True)
class Limited:
    step: float = setting(1.25, above=1)
    rounds: int = setting(2, at_least=0)
    spaces: tuple[str, ...] = setting(("hsv", "lab"), choices=("hsv", "lab", "rgb"))
    c: float = 0.01
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("step=1", "step is 1.0; it must be above 1"),
        ("rounds=-1", "rounds is -1; it must be at least 0"),
        ("spaces=hsv,luv", "spaces is 'luv'; use hsv, lab, rgb"),
        ("c=0", "c is 0.0; it must be above 0"),
        ("c=nan", "c is nan; it must be above 0"),
        ("c=inf", "c is inf; it must be above 0"),
        ("inner.c=-1", "inner: c is -1.0; it must be above 0"),
    ],
)
def test_values_outside_their_limits_are_refused(assignment, message):
    with pytest.raises(InputError, match=message):
        set_values(Limited(), [assignment])


def test_limits_allow_what_they_say():
    assignments = ["step=1.01", "rounds=0", "spaces=rgb", "inner.enabled=false"]
    assert set_values(Limited(), assignments) == Limited(1.01, 0, ("rgb",))


@dataclass(frozen=True)
class Checked:
    steps: int = 10

    def check(self):
        if self.steps < 1:
            raise InputError("steps must be at least 1")


def test_values_are_set_in_the_types_of_their_fields():
    assignments = ["steps=500", " name = a=b ", "scales=64", "ratios=1,2.5", "none=3,4"]
    config = set_values(Outer(), [*assignments, "inner.c=1e-3", "inner.enabled=True"])
    assert config == Outer(500, "a=b", (64,), (1.0, 2.5), (3.0, 4.0), inner=Inner(0.001, True))
    assert isinstance(config.ratios[0], float) and isinstance(config.scales[0], int)
    assert config.inner.enabled is True


def test_the_last_of_several_counts_and_the_original_stays():
    original = Outer()
    config = set_values(original, ["inner.rounds=3", "inner.c=1", "inner.rounds=4"])
    assert config.inner == Inner(1.0, False, 4)
    assert original == Outer() and set_values(original, []) is original


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("stride=2", "there is no setting 'stride'; use NAME=VALUE with one of steps, name, "),
        ("", "there is no setting ''"),
        ("=3", "there is no setting ''"),
        ("inner.stride=2", "there is no setting 'stride'; use NAME=VALUE with one of c, enabled"),
        ("inner=3", "inner is a group of settings; use one of inner.c, inner.enabled"),
        ("steps.c=3", "steps has no settings of its own; use steps=VALUE"),
        ("steps=many", "steps is a number, as in steps=10"),
        ("steps=1.5", "steps is a number, as in steps=10"),
        ("steps", "steps is a number, as in steps=10"),
        ("inner.c=x", "c is a number, as in c=0.01"),
        ("inner.enabled=1", "enabled is true or false, as in enabled=false"),
        ("scales=1,b", "scales is values with commas between, as in scales=256,320"),
        ("scales=", "scales is values with commas between"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_sentence(assignment, message):
    with pytest.raises(InputError) as error:
        set_values(Outer(), [assignment], "--option")
    text = str(error.value)
    assert message in text and text.startswith(f"--option {assignment}: ") and "\n" not in text


def test_a_config_checks_itself():
    assert set_values(Checked(), ["steps=1"]).steps == 1
    with pytest.raises(InputError, match="at least 1"):
        set_values(Checked(), ["steps=0"])


def test_what_was_written_as_json_is_read():
    config = set_values(Outer(), ["scales=64", "inner.enabled=true", "inner.c=7"])
    values = json.loads(json.dumps(to_dict(config)))
    assert values["scales"] == [64] and values["inner"]["c"] == 7
    restored = from_dict(Outer(), values)
    assert restored == config and hash(restored) == hash(config)
    assert restored.pairs == ((1, 2), (3, 4)), "tuples of tuples, too"


def test_unknown_names_are_ignored_and_absent_ones_keep_their_values():
    config = from_dict(Outer(steps=3), {"stride": 1, "inner": {"c": 5.0, "gone": 1}})
    assert config == Outer(steps=3, inner=Inner(c=5.0))
    assert from_dict(Outer(), {}) == Outer()
