"""One finished report that the tests share."""

from types import SimpleNamespace

import pytest
from small_notebooks import FIGURE, METRICS, tiny_data, write_notebook


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> SimpleNamespace:
    """A finished report of two notebooks. Copy its root before changing anything in it."""
    from shopee_od.reports import make_report

    root = tmp_path_factory.mktemp("finished")
    write_notebook(root / "notebooks" / "01_look.ipynb", FIGURE, METRICS)
    write_notebook(
        root / "notebooks" / "02_after.ipynb",
        "print('\\x1b[31mred', 3 < 4)",
        text="# After\n\nMore.",
    )
    arguments = {"dataset": "coco", "profile": "smoke", "seed": 3, "name": "tiny"}
    arguments |= {
        "data_dir": tiny_data(root / "data"),
        "out": root / "out",
        "notebooks": root / "notebooks",
    }
    report = make_report(**arguments)
    return SimpleNamespace(root=root, arguments=arguments, report=report, folder=report.folder)
