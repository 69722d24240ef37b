"""What several tests share: where the real photos lie, if they do; small photos, and a detector trained on them."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

SHARED = Path(os.environ.get("SHOPEE_OD_SHARED") or Path(__file__).resolve().parents[2] / "shared" / "data")

JACKET, CAP = (10, 315, 512, 600), (147, 22, 372, 175)
"""x1, y1, x2, y2 in the portrait that comes with matplotlib."""
CUTS = {  # x1, y1, x2, y2 in the portrait, the width they are scaled to, and the split
    1: ((0, 0, 512, 600), 128, "train"),
    2: ((0, 280, 512, 600), 150, "train"),
    3: ((100, 0, 420, 480), 96, "train"),
    4: ((60, 10, 512, 400), 140, "train"),
    5: ((0, 0, 500, 560), 110, "train"),
    6: ((20, 0, 512, 590), 120, "val"),
    7: ((0, 250, 512, 592), 128, "val"),
    8: ((110, 0, 410, 500), 90, "val"),
}


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: minutes rather than seconds")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos (CCP, Shopee), or a skip that says where they were looked for."""
    if not (SHARED / "ccp" / "photos").is_dir():
        pytest.skip(f"no real photos at {SHARED}; set SHOPEE_OD_SHARED to a folder with ccp/ and shopee/")
    return SHARED


@pytest.fixture(scope="session")
def cuts(tmp_path_factory) -> Path:
    """Eight small cuts of one portrait, with its cap and its jacket boxed, as COCO JSON: five to train, three val."""
    from matplotlib import cbook
    from PIL import Image

    root = tmp_path_factory.mktemp("cuts")
    (root / "images").mkdir()
    portrait = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    images, annotations = [], []
    for number, ((left, top, right, bottom), width, split) in CUTS.items():
        scale = width / (right - left)
        photo = portrait.crop((left, top, right, bottom)).resize((width, round((bottom - top) * scale)))
        images.append({"id": number, "file_name": f"{number}.jpg", "split": split})
        photo.save(root / "images" / f"{number}.jpg", quality=90)
        for category, (x1, y1, x2, y2) in enumerate((CAP, JACKET)):
            x1, y1, x2, y2 = max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)
            if y2 - y1 > 40:
                bbox = [(x1 - left) * scale, (y1 - top) * scale, (x2 - x1) * scale, (y2 - y1) * scale]
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
    """detector: fitted to `cut_data` in 40 steps of the smoke profile; and run_dir, profile, seed, train, val.

    Tracing the network costs most of its minute, so that it is trained once for all tests. Change nothing in it.
    """
    from shopee_od.detectors.faster_rcnn import FasterRCNN
    from shopee_od.profiles import profile

    run = SimpleNamespace(detector=FasterRCNN(), run_dir=tmp_path_factory.mktemp("run"))
    run.train, run.val = cut_data.split("train"), cut_data.split("val")
    run.profile = profile("smoke").with_(input_size=96, steps=40, report_every=4, validate_every=20)
    run.seed = 3
    run.detector.fit(run.train, run.val, run.profile, run.run_dir, run.seed)
    return run
