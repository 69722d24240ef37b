import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.check import check_dataset
from shopee_od.datasets.dataset import Dataset
from shopee_od.drawing.anchor_coverage import draw_uncovered_boxes
from shopee_od.profiles import profile

LAPTOP = profile("laptop")


def dataset(tmp_path, boxes, classes=("dress", "skirt"), width=300, height=400):
    """Gray photos, and boxes as (image_id, x1, y1, x2, y2, label, type)."""
    images = []
    for k in sorted({row[0] for row in boxes}):
        Image.new("RGB", (width, height), (120, 120, 120)).save(tmp_path / f"{k}.jpg")
        images.append(
            {"image_id": k, "path": str(tmp_path / f"{k}.jpg"), "width": width, "height": height}
        )
    names = ("image_id", "x1", "y1", "x2", "y2", "label", "type")
    rows = [dict(zip(names, row, strict=True)) | {"box_id": k} for k, row in enumerate(boxes)]
    return Dataset.build("toy", tmp_path, classes, images, rows)


def finding(check, name):
    return next(finding for finding in check.findings if finding.name == name)


def garments(n=30):
    """Two well-shaped garments per photo, of two classes."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(n):
        x, y = rng.uniform(40, 80, 2)
        rows += [
            (k, x, y, x + 120, y + 190, 0, "full"),
            (k, x + 10, y, x + 110, y + 120, 1, "lower"),
        ]
    return rows


def test_a_suitable_data_set_is_ok(tmp_path):
    check = check_dataset(dataset(tmp_path, garments()), LAPTOP)
    assert all(finding.ok for finding in check.findings), str(check)
    assert str(check).count("OK ") == 6
    assert (
        len(check.uncovered) == 0
        and draw_uncovered_boxes(check, dataset(tmp_path, garments())) is None
    )


def test_boxes_are_checked_as_the_network_sees_them(tmp_path):
    data = dataset(tmp_path, [(0, 30, 40, 130, 240, 0, "full")])
    row = check_dataset(data, LAPTOP).boxes.iloc[0]
    height, width = LAPTOP.canvas(300, 400)
    scale = min(width / 300, height / 400)
    assert row.scale == pytest.approx(scale)
    assert [row.x1, row.y1, row.x2, row.y2] == pytest.approx(
        [v * scale for v in (30, 40, 130, 240)], rel=1e-5
    )


def test_unsuitable_anchors_are_named_with_better_ones(tmp_path):
    far = LAPTOP.replace(anchor_size=16.0, anchor_scales=1, anchor_ratios=(3.0,))
    data = dataset(tmp_path, garments())
    anchors = finding(check_dataset(data, far), "anchors")
    assert not anchors.ok and "0.0% of 60 boxes have a positive anchor" in anchors.message
    assert "60 have no anchor at IoU ≥ 0.5" in anchors.message
    words = dict(word.split("=") for word in anchors.fix.split() if "=" in word)
    ratios = tuple(map(float, words["anchor_ratios"].split(",")))
    sizes = {
        "anchor_size": float(words["anchor_size"]),
        "anchor_scales": int(words["anchor_scales"]),
    }
    better = check_dataset(data, far.replace(anchor_ratios=ratios, **sizes))
    assert (
        f"reaches {(better.boxes.best >= 0.7).mean():.1%}" in anchors.fix
        and finding(better, "anchors").ok
    )


def test_the_worst_boxes_are_drawn_first(tmp_path):
    data = dataset(
        tmp_path, [*garments(), (30, 10, 10, 250, 24, 0, "full"), (31, 10, 10, 60, 20, 1, "lower")]
    )
    check = check_dataset(data, LAPTOP)
    assert (
        set(check.uncovered.image_id) == {30, 31} and check.uncovered.best.is_monotonic_increasing
    )
    sheet = draw_uncovered_boxes(check, data)
    red = (np.asarray(sheet).astype(int) - [225, 60, 60]).__abs__().sum(axis=2) < 60
    assert red.any()


def test_slim_tiny_rare_and_single_garments_are_named(tmp_path):
    rows = [(k, 50, 50, 250, 65, 0, "upper") for k in range(30)] + [
        (30, 10, 10, 20, 20, 1, "lower")
    ]
    check = check_dataset(dataset(tmp_path, rows, ("dress", "skirt", "coat")), LAPTOP)
    assert "30 have a side over 10 times the other" in finding(check, "degenerate boxes").message
    assert not finding(check, "tiny garments").ok
    classes = finding(check, "classes")
    assert (
        "30 times" in classes.message
        and "skirt 1, coat 0" in classes.message
        and "balance=0.5" in classes.fix
    )
    single = finding(check, "unlabeled garments")
    assert not single.ok and "31 photos of tops or bottoms" in single.message
    assert str(check).count("WARN ") == 5 and str(check).count("→") == 5


def test_boxes_that_do_not_count_are_skipped(tmp_path):
    data = dataset(tmp_path, garments(2))
    ignored = data.with_classes(data.classes, data.boxes.assign(ignore=True))
    check = check_dataset(ignored, LAPTOP)
    assert len(check.boxes) == 0 and "0 boxes" in finding(check, "anchors").message


def test_photos_without_a_box_are_counted(tmp_path):
    """A photo whose boxes are to be ignored has some."""
    data = dataset(tmp_path, garments(10))
    assert (
        "0 (0%) are trained as photos without"
        in finding(check_dataset(data, LAPTOP), "photos without a box").message
    )
    few = data.with_classes(data.classes, data.boxes[data.boxes.image_id >= 2])
    empty = finding(check_dataset(few, LAPTOP), "photos without a box")
    assert empty.ok and empty.message.startswith("2 (20%) are trained as photos without garments")
    many = data.with_classes(data.classes, data.boxes[data.boxes.image_id >= 3])
    assert not finding(check_dataset(many, LAPTOP), "photos without a box").ok
    ignored = many.with_classes(data.classes, data.boxes.assign(ignore=True))
    assert finding(check_dataset(ignored, LAPTOP), "photos without a box").ok


def test_the_balance_counts_no_ignored_boxes(tmp_path):
    data = dataset(tmp_path, garments())
    boxes = data.boxes.assign(ignore=(data.boxes.label == 1) & (data.boxes.image_id >= 3))
    ignored = data.with_classes(data.classes, boxes)
    assert ignored.count_boxes().tolist() == [30, 3]
    message = finding(check_dataset(ignored, LAPTOP), "classes").message
    assert message.endswith("10 times the boxes of the rarest; fewer than 20: skirt 3")


def test_boxes_of_coarse_labels_are_checked_but_are_of_no_class(tmp_path):
    rows = [(*row[:5], row[5] if row[0] else 2, row[6]) for row in garments()]
    rows.append((30, 0, 0, 299, 30, 2, "upper"))
    classes = ("dress", "skirt")
    plain = dataset(tmp_path, [(*row[:5], 0, row[6]) for row in rows], classes)
    boxes = plain.boxes.assign(label=[row[5] for row in rows])
    data = plain.with_classes(classes, boxes, coarse_labels=((0, 1),))
    check = check_dataset(data, LAPTOP)
    assert len(check.boxes) == 61
    message = finding(check, "classes").message
    assert message == "the most frequent class has 1 times the boxes of the rarest"
    assert draw_uncovered_boxes(check, data) is not None
