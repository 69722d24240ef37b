"""What several tests share: where the real photos lie, if they do."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SHOPEE_OD_SHARED") or Path(__file__).resolve().parents[2] / "shared" / "data")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: minutes rather than seconds")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos (CCP, Shopee), or a skip that says where they were looked for."""
    if not (SHARED / "ccp" / "photos").is_dir():
        pytest.skip(f"no real photos at {SHARED}; set SHOPEE_OD_SHARED to a folder with ccp/ and shopee/")
    return SHARED
