"""A real photo, and a cache folder of each test's own."""

from pathlib import Path

import pytest
from matplotlib import cbook


@pytest.fixture
def portrait() -> Path:
    """A real JPEG, 512 × 600 pixels, in the public domain."""
    return Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "shopee_od"
