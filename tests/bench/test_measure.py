import os
import time

import numpy as np
import pytest

from shopee_od.bench.measure import Row, alone, table


def test_a_figure_stands_beside_its_peer():
    rows = [
        Row("read", 12.0, "s", "limit", 15, 1),
        Row("feed", 450.0, "photos/s", "decode", 600.0, 0.9, more_is_better=True),
    ]
    head, read, feed = table(rows).splitlines()
    assert head.split() == ["here", "beside", "there", "ratio", "asked", "for"]
    assert read.split() == ["read", "12", "s", "limit", "15", "s", "0.80", "≤", "1", "yes"]
    assert feed.split() == ["feed", "450", "photos/s", "decode", "600", "photos/s", "0.75", "≥", "0.9", "NO"]


def fill(megabytes: int) -> dict:
    data = np.ones(megabytes * 2**20, np.uint8)
    time.sleep(0.05)
    return {"sum": int(data.sum())}


def die() -> None:
    os._exit(3)


def test_work_is_measured_in_a_process_of_its_own():
    small, large = alone(fill, 1), alone(fill, 300)
    assert small["sum"] == 2**20 and small["seconds"] >= 0.05
    assert large["peak_memory"] - small["peak_memory"] > 200 * 2**20


def test_a_process_that_dies_is_said():
    with pytest.raises(RuntimeError, match="die ended with status 3"):
        alone(die)
