import pytest

from shopee_od.course import expect


def test_a_value_is_printed_with_its_range(capsys):
    expect("AP50", 0.83456, 0.5, 1)
    expect("rows added", 0, 0, 0)
    expect("AP of a class without boxes", None, 0, 1)
    expect("AP50 of another data set", 0.2)
    assert capsys.readouterr().out.splitlines() == [
        "AP50: 0.8346 (expected 0.5 to 1)",
        "rows added: 0 (expected 0)",
        "AP of a class without boxes: – (expected 0 to 1)",
        "AP50 of another data set: 0.2 (no reference value for this run)",
    ]


@pytest.mark.parametrize("value", [0.49, 1.01, float("nan")])
def test_a_value_outside_its_range_stops_the_notebook(value):
    with pytest.raises(AssertionError, match=r"AP50 is .*, expected 0.5 to 1"):
        expect("AP50", value, 0.5, 1)


def test_nan_stops_the_notebook_even_without_a_range():
    with pytest.raises(AssertionError, match="AP50 is nan"):
        expect("AP50", float("nan"))


def test_the_ends_belong_to_the_range():
    expect("low", 0.5, 0.5, 1)
    expect("high", 1, 0.5, 1)
