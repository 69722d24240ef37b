"""The figures of a detector: by class, type and class-agnostic, intervals, JSON, whole runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.evaluation import evaluate, predict, score, scoring, table
from shopee_od.types import Cost, Detections, Detector, InputError

TOP, LEGS = (0, 0, 40, 40), (0, 45, 40, 95)
UPPER, LOWER, FULL = {"type": "upper"}, {"type": "lower"}, {"type": "full"}


def figures(dataset, detections, classes, types=None, threshold=0.5, **more):
    return score(detections, dataset, classes, types or [""] * len(classes), threshold, **more)


def test_labels_are_matched_by_name(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0), (*LEGS, 1)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*TOP, 2, 0.9), (*LEGS, 1, 0.8)]])
    result = figures(dataset, detections, ("hat", "jeans", "shirt"))
    assert result["AP"] == pytest.approx(1)
    assert list(result["per_class"]) == ["shirt", "jeans"]
    assert result["unknown_classes"] == []


def test_a_class_without_boxes_is_none_and_out_of_the_mean(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0), (*LEGS, 1, {"ignore": True})]], classes=("shirt", "jeans"))
    result = figures(dataset, make_detections([[(*TOP, 0, 0.9), (*LEGS, 1, 0.8)]]), ("shirt", "jeans"))
    assert result["per_class"]["jeans"] == {"AP": None, "AP50": None, "boxes": 0}
    assert result["AP"] == pytest.approx(1)


def test_unknown_classes_count_by_type_and_class_agnostic_only(make_dataset, make_detections):
    photos = [[(*TOP, 0, UPPER)], [(*TOP, 1, UPPER)]]
    dataset = make_dataset(photos, classes=("shirt", "kimono"))
    detections = make_detections([[(*TOP, 0, 0.9)], [(*TOP, 1, 0.8)]])  # a coat on the kimono
    result = figures(dataset, detections, ("shirt", "coat"), ("upper", "upper"))
    assert result["unknown_classes"] == ["kimono"]
    assert result["AP"] == pytest.approx(1)
    assert list(result["per_class"]) == ["shirt"]
    assert result["per_type"]["upper"] == {"AP": pytest.approx(1), "AP50": pytest.approx(1), "boxes": 2}
    assert result["agnostic"] == {"AP": pytest.approx(1), "AP50": pytest.approx(1), "boxes": 2}
    missed = make_detections([[(*TOP, 0, 0.9)], []])
    assert figures(dataset, missed, ("shirt", "coat"), ("upper", "upper"))["agnostic"]["AP50"] < 0.6


def test_no_shared_class_gives_none_but_still_a_class_agnostic_figure(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER)]], classes=("kimono",))
    result = figures(dataset, make_detections([[(*TOP, 0, 0.9)]]), ("coat",), ("upper",), bootstrap=10)
    assert [result[name] for name in ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")] == [None] * 6
    assert result["intervals"]["AP"] is None
    assert result["intervals"]["agnostic_AP50"] == pytest.approx([1, 1])
    assert result["per_type"]["upper"]["AP50"] == pytest.approx(1)
    assert result["per_type"]["lower"]["AP50"] is None
    json.loads(json.dumps(result, allow_nan=False))


def test_by_type_the_detection_has_its_class_type_and_the_box_its_own(make_dataset, make_detections):
    """The lower half is found as a dress, a full-body class: wrong by type, right class-agnostic."""
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 1, LOWER)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*TOP, 0, 0.9), (*LEGS, 2, 0.8)]])
    result = figures(dataset, detections, ("shirt", "jeans", "dress"), ("upper", "lower", "full"))
    by_type = {name: (row["AP50"], row["boxes"]) for name, row in result["per_type"].items()}
    assert by_type == {"upper": (pytest.approx(1), 1), "lower": (0, 1), "full": (None, 0)}
    assert result["agnostic"]["AP50"] == pytest.approx(1)


def test_a_type_that_the_detector_has_no_class_of_is_none(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 1, LOWER)]], classes=("shirt", "jeans"))
    result = figures(dataset, make_detections([[(*TOP, 0, 0.9)]]), ("shirt",), ("upper",))
    assert result["per_type"]["lower"] == {"AP": None, "AP50": None, "boxes": 1}


def test_a_box_of_unknown_type_neither_counts_nor_costs_by_type(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 0)]], classes=("shirt",))
    result = figures(dataset, make_detections([[(*LEGS, 0, 0.9), (*TOP, 0, 0.8)]]), ("shirt",), ("upper",))
    assert result["per_type"]["upper"] == {"AP": pytest.approx(1), "AP50": pytest.approx(1), "boxes": 1}


def test_nms_across_classes_where_classes_do_not_matter(make_dataset, make_detections):
    """A coat and a jacket on one garment: one is a mistake of its class, but none by type or agnostic."""
    photos = [[(*TOP, 0, UPPER)], [(*TOP, 1, UPPER)]]
    dataset = make_dataset(photos, classes=("coat", "jacket"))
    near = (0, 1, 40, 41)
    detections = make_detections([[(*TOP, 0, 0.9), (*near, 1, 0.85)], [(*TOP, 1, 0.8), (*near, 0, 0.7)]])
    result = figures(dataset, detections, ("coat", "jacket"), ("upper", "upper"))
    assert result["per_class"]["jacket"]["AP50"] == pytest.approx(0.5)
    assert result["per_type"]["upper"]["AP"] == result["agnostic"]["AP"] == pytest.approx(1)


def test_nms_by_type_leaves_other_types_alone(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER), (0, 0, 40, 50, 1, FULL)]], classes=("shirt", "dress"))
    detections = make_detections([[(*TOP, 0, 0.9), (0, 0, 40, 50, 1, 0.8)]])  # IoU 0.8
    result = figures(dataset, detections, ("shirt", "dress"), ("upper", "full"))
    assert result["per_type"]["upper"]["AP50"] == result["per_type"]["full"]["AP50"] == pytest.approx(1)
    assert result["agnostic"]["AP50"] < 0.6


def test_photos_with_a_hit(make_dataset, make_detections):
    """Of the five photos one shows nothing and one only an ignore box; two of the other three are hit."""
    dataset = make_dataset(
        [[(*TOP, 0)], [], [(*TOP, 0, {"ignore": True})], [(*TOP, 0), (*LEGS, 0)], [(*TOP, 0)]],
        classes=("shirt",),
    )
    detections = make_detections(
        [[(*TOP, 1, 0.5)], [(*TOP, 0, 0.9)], [(*TOP, 0, 0.9)], [(*LEGS, 0, 0.6)], [(*TOP, 0, 0.49)]]
    )
    result = figures(dataset, detections, ("shirt", "hat"), threshold=0.5)
    assert result["photos"] == 5
    assert result["photos_with_a_hit"] == pytest.approx(2 / 3)
    assert result["threshold"] == 0.5


def test_the_order_of_the_photos_does_not_matter(random_case):
    dataset, detections = random_case(11)
    turned = dataset.take(dataset.images.image_id.to_numpy()[::-1])
    classes = dataset.classes
    assert figures(dataset, detections, classes, bootstrap=20) == figures(turned, detections, classes, bootstrap=20)


def shirts(make_dataset, make_detections, photos):
    """Every third shirt is missed, every fifth photo has a mistake with a high score."""
    dataset = make_dataset([[(*TOP, i % 2, UPPER)] for i in range(photos)], classes=("shirt", "coat"))
    found = []
    for i in range(photos):
        good = [(0, i % 7, 40, 40, i % 2, 0.5 + 0.4 * i / photos)] if i % 3 else []
        found.append(good + ([(*LEGS, i % 2, 0.95)] if i % 5 == 0 else []))
    return dataset, make_detections(found)


def test_intervals_hold_the_figure_and_shrink_with_more_photos(make_dataset, make_detections):
    widths = []
    for photos in (30, 300):
        dataset, detections = shirts(make_dataset, make_detections, photos)
        result = figures(dataset, detections, ("shirt", "coat"), ("upper", "upper"), bootstrap=300)
        for name, (low, high) in result["intervals"].items():
            value = result["agnostic"]["AP50"] if name == "agnostic_AP50" else result[name]
            assert 0 < low < value < high < 1, name
        widths.append(np.ptp(result["intervals"]["photos_with_a_hit"]))
    assert widths[0] / widths[1] == pytest.approx(10**0.5, rel=0.3)
    # a share of n photos has a known standard error
    share = result["photos_with_a_hit"]
    assert widths[1] == pytest.approx(2 * 1.96 * (share * (1 - share) / 300) ** 0.5, rel=0.2)


def test_an_interval_takes_back_what_the_draws_are_off_by():
    """Draws 0.05 to 0.15 above the figure say that the figure itself is as much above the truth."""
    low, high = scoring._interval(0.5, [np.linspace(0.55, 0.6, 501), np.linspace(0.6, 0.65, 501)[1:]])
    assert (low, high) == pytest.approx((0.3525, 0.4475), abs=1e-4)
    assert scoring._interval(0.98, [np.linspace(0.9, 1.0, 101)])[1] == 1.0
    assert scoring._interval(0.5, [np.array([np.nan, 0.5])]) == [0.5, 0.5]
    assert scoring._interval(0.5, []) is scoring._interval(None, [np.array([0.5])]) is None


def test_intervals_repeat_by_seed(make_dataset, make_detections):
    dataset, detections = shirts(make_dataset, make_detections, 30)
    first, again, other = (figures(dataset, detections, ("shirt", "coat"), bootstrap=50, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first["intervals"] != other["intervals"]


def test_draws_in_parts_change_nothing(make_dataset, make_detections, monkeypatch):
    dataset, detections = shirts(make_dataset, make_detections, 30)
    whole = figures(dataset, detections, ("shirt", "coat"), bootstrap=50)
    monkeypatch.setattr(scoring, "ELEMENTS_AT_ONCE", 500)
    assert figures(dataset, detections, ("shirt", "coat"), bootstrap=50) == whole


def test_nothing_found_at_all_is_zero_not_none(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER)], []], classes=("shirt",))
    result = figures(dataset, make_detections([[], []]), ("shirt",), ("upper",), bootstrap=20)
    assert (result["AP"], result["AR100"], result["photos_with_a_hit"], result["agnostic"]["AP"]) == (
        0,
        0,
        0,
        0,
    )


def test_no_boxes_at_all_is_none_not_nan(make_dataset, make_detections):
    result = figures(make_dataset([[], []]), make_detections([[(*TOP, 0, 0.9)], []]), ("a",), bootstrap=20)
    assert (result["AP"], result["photos_with_a_hit"], result["intervals"]["AP"]) == (None, None, None)


def test_json_round_trip_with_the_promised_keys(random_case):
    for seed in range(20):
        dataset, detections = random_case(seed)
        result = figures(dataset, detections, dataset.classes, bootstrap=5)
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        promised = {"AP", "AP50", "AP75", "AR100", "agnostic", "per_type", "per_class", "photos"}
        assert promised | {"photos_with_a_hit", "seconds_per_photo", "intervals"} <= set(result)
        assert set(result["per_type"]) == {"upper", "lower", "full"}


class BrightBox:
    """A detector of one class: the bounds of what is bright."""

    name, classes, types, threshold = "bright", ("shirt",), ("upper",), 0.5

    def __init__(self):
        self.cost = Cost(photos=3, seconds=100.0)  # from earlier work, which must not count

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            self.cost.photos += 1
            self.cost.seconds += 0.25
            y, x = np.nonzero(image.mean(axis=2) > 128)
            box = [[x.min(), y.min(), x.max() + 1, y.max() + 1]] if len(x) else np.zeros((0, 4))
            yield Detections(box, [0.9] * len(box), [0] * len(box))

    def fit(self, train, val, profile, run_dir, seed=0): ...

    def explain(self, image): ...

    def save(self, directory): ...


@pytest.fixture
def bright_photos(tmp_path):
    """Three photos: a bright box, another one, nothing."""
    images, rows = [], []
    for i, box in enumerate([(5, 10, 30, 40), (20, 0, 44, 20), None], 1):
        pixels = np.zeros((50, 60, 3), np.uint8)
        if box:
            x1, y1, x2, y2 = box
            pixels[y1:y2, x1:x2] = 255
            ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            rows.append({"box_id": i, "image_id": i * 10, "label": 0, "type": "upper"} | ends)
        path = tmp_path / f"{i}.png"
        Image.fromarray(pixels).save(path)
        images.append({"image_id": i * 10, "path": str(path), "width": 60, "height": 50, "split": "test"})
    return Dataset.build("bright", tmp_path, ("shirt",), images, rows)


def test_a_run_from_files_to_figures(bright_photos, capsys):
    detector = BrightBox()
    assert isinstance(detector, Detector)
    result = evaluate(detector, bright_photos, bootstrap=20, progress=False)
    assert result["AP"] == result["per_type"]["upper"]["AP"] == pytest.approx(1)
    assert (result["photos"], result["photos_with_a_hit"]) == (3, 1)
    assert result["seconds_per_photo"] == pytest.approx(0.25)
    assert capsys.readouterr() == ("", "")


def test_predict_streams_photos_and_shows_progress_on_stderr(bright_photos, capsys):
    found = predict(BrightBox(), bright_photos)
    assert {i: len(d) for i, d in found.items()} == {10: 1, 20: 1, 30: 0}
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err


def test_a_detector_that_skips_a_photo_is_found_out(bright_photos):
    class Skips(BrightBox):
        def detect(self, images, **settings):
            yield from list(super().detect(images, **settings))[1:]

    with pytest.raises(ValueError, match="shorter"):
        predict(Skips(), bright_photos, progress=False)


def test_a_truncated_photo_is_left_out_and_named(bright_photos):
    broken = Path(bright_photos.images.path[0])
    broken.write_bytes(broken.read_bytes()[:80])
    result = evaluate(BrightBox(), bright_photos, bootstrap=0, progress=False)
    assert result["photos"] == 2 and result["AP"] == pytest.approx(1)
    assert list(result["left_out"]) == [str(broken)] and "1.png" in table(result)
    for path in bright_photos.images.path:
        Path(path).write_bytes(b"")
    with pytest.raises(InputError, match="no photo can be read"):
        evaluate(BrightBox(), bright_photos, progress=False)
