"""The small ShopSim that the tests of the course share."""

import pytest

from shopee_od.course import setup_notebook


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """A folder of data sets, with the small ShopSim that a first smoke run renders there."""
    root = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPEE_OD_DATA", str(root))
        assert len(setup_notebook("01_test", "smoke", output_dir=str(root / "out")).data)
    return root
