import os
import time

import numpy as np
import pytest

from benchmarks.measure import Measurement, format_table, run_in_new_process


def test_a_value_is_compared_with_its_baseline():
    rows = [
        Measurement("read", 12.0, "s", "limit", 15, 1),
        Measurement("feed", 450.0, "images/s", "decode", 600.0, 0.9, more_is_better=True),
    ]
    head, read, feed = format_table(rows).splitlines()
    assert head.split() == ["measured", "baseline", "its", "value", "ratio", "wanted"]
    assert read.split() == ["read", "12", "s", "limit", "15", "s", "0.80", "≤", "1", "yes"]
    assert feed.split() == [
        "feed",
        "450",
        "images/s",
        "decode",
        "600",
        "images/s",
        "0.75",
        "≥",
        "0.9",
        "NO",
    ]


def fill(megabytes: int) -> dict:
    data = np.ones(megabytes * 2**20, np.uint8)
    time.sleep(0.05)
    return {"sum": int(data.sum())}


def die() -> None:
    os._exit(3)


def test_a_function_is_measured_in_a_new_process():
    small, large = run_in_new_process(fill, 1), run_in_new_process(fill, 300)
    assert small["sum"] == 2**20 and small["seconds"] >= 0.05
    assert large["peak_memory"] - small["peak_memory"] > 200 * 2**20


def test_a_process_that_dies_is_an_error():
    with pytest.raises(RuntimeError, match="die ended with status 3"):
        run_in_new_process(die)
