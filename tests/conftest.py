"""What several tests share: real photos, small photos, a detector trained on the small ones."""

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SHARED = Path(
    os.environ.get("SHOPEE_OD_SHARED") or Path(__file__).resolve().parents[2] / "shared" / "data"
)

JACKET, CAP = (10, 315, 512, 600), (147, 22, 372, 175)
"""x1, y1, x2, y2 in the portrait that comes with matplotlib."""
CUTS = {  # x1, y1, x2, y2 in the portrait, the width to resize to, and the split
    1: ((0, 0, 512, 600), 128, "train"),
    2: ((0, 280, 512, 600), 150, "train"),
    3: ((100, 0, 420, 480), 96, "train"),
    4: ((60, 10, 512, 400), 140, "train"),
    5: ((0, 0, 500, 560), 110, "train"),
    6: ((20, 0, 512, 590), 120, "val"),
    7: ((0, 250, 512, 592), 128, "val"),
    8: ((110, 0, 410, 500), 90, "val"),
}


FAST = os.environ.get("SHOPEE_OD_TESTS") == "fast"
"""Whether this is `make test-fast`, in which no test may import TensorFlow."""
SLOW_MODULE = re.compile(r"^pytestmark = .*pytest\.mark\.slow", re.MULTILINE)


def pytest_configure(config):
    marker = "slow: imports TensorFlow, or takes seconds; left out of make test-fast"
    config.addinivalue_line("markers", marker)
    if FAST:
        for name in ("tensorflow", "tf_keras"):
            sys.modules[name] = None  # whoever imports it gets an ImportError


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leaves modules marked slow as a whole unread in `make test-fast`: they import TensorFlow."""
    is_test = collection_path.suffix == ".py" and collection_path.name.startswith("test_")
    if FAST and is_test and SLOW_MODULE.search(collection_path.read_text(encoding="utf-8")):
        return True
    return None


def pytest_collection_modifyitems(items):
    """The longest files come first, so that no worker is left alone with them at the end."""
    of_smoke_run = {item.path for item in items if "smoke_run" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path.name != "test_runs.py", item.path not in of_smoke_run))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos (CCP, Shopee), or a skip that names where they were expected."""
    if not (SHARED / "ccp" / "photos").is_dir():
        pytest.skip(
            f"no real photos at {SHARED}; set SHOPEE_OD_SHARED to a folder with ccp/ and shopee/"
        )
    return SHARED


@pytest.fixture(scope="session")
def cuts(tmp_path_factory) -> Path:
    """COCO JSON: eight small crops of a portrait with its cap and jacket, five train, three val."""
    from matplotlib import cbook
    from PIL import Image

    root = tmp_path_factory.mktemp("cuts")
    (root / "images").mkdir()
    portrait = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    images, annotations = [], []
    for number, ((left, top, right, bottom), width, split) in CUTS.items():
        scale = width / (right - left)
        photo = portrait.crop((left, top, right, bottom)).resize(
            (width, round((bottom - top) * scale))
        )
        images.append({"id": number, "file_name": f"{number}.jpg", "split": split})
        photo.save(root / "images" / f"{number}.jpg", quality=90)
        for category, (x1, y1, x2, y2) in enumerate((CAP, JACKET)):
            x1, y1, x2, y2 = max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)
            if y2 - y1 > 40:
                bbox = [
                    (x1 - left) * scale,
                    (y1 - top) * scale,
                    (x2 - x1) * scale,
                    (y2 - y1) * scale,
                ]
                annotations.append({"image_id": number, "category_id": category, "bbox": bbox})
    categories = [{"id": 0, "name": "cap"}, {"id": 1, "name": "jacket", "supercategory": "upper"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def cut_data(cuts, tmp_path_factory):
    """The Dataset of `cuts`."""
    from shopee_od.datasets.coco import read_coco

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return read_coco(cuts)


@pytest.fixture(scope="session")
def smoke_run(cut_data, tmp_path_factory) -> SimpleNamespace:
    """detector, trained on `cut_data` for 40 steps; run_dir, profile, seed, train, val.

    Tracing the network takes most of its minute, so that it is trained once for all tests. Do not
    change it.
    """
    from shopee_od.detectors.model_garden import ModelGardenFasterRCNN
    from shopee_od.profiles import profile

    sizes = profile("smoke").replace(input_size=96, steps=40, report_every=4, validate_every=20)
    run = SimpleNamespace(
        detector=ModelGardenFasterRCNN(sizes),
        run_dir=tmp_path_factory.mktemp("run"),
        profile=sizes,
        seed=3,
        train=cut_data.split("train"),
        val=cut_data.split("val"),
    )
    run.detector.fit(run.train, run.val, run.run_dir, run.seed)
    return run
