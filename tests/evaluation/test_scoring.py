"""The metrics of a detector: by class, type and class-agnostic, intervals, JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from shopee_od.evaluation import bootstrap, score

TOP, LEGS = (0, 0, 40, 40), (0, 45, 40, 95)
UPPER, LOWER, FULL = {"type": "upper"}, {"type": "lower"}, {"type": "full"}


def compute_metrics(dataset, detections, classes, types=None, threshold=0.5, **options):
    return score(detections, dataset, classes, types or [""] * len(classes), threshold, **options)


def test_labels_are_matched_by_name(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0), (*LEGS, 1)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*TOP, 2, 0.9), (*LEGS, 1, 0.8)]])
    result = compute_metrics(dataset, detections, ("hat", "jeans", "shirt"))
    assert result["AP"] == pytest.approx(1)
    assert list(result["per_class"]) == ["shirt", "jeans"]
    assert result["unknown_classes"] == []


def test_a_class_without_boxes_is_none_and_out_of_the_mean(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0), (*LEGS, 1, {"ignore": True})]], classes=("shirt", "jeans"))
    result = compute_metrics(
        dataset, make_detections([[(*TOP, 0, 0.9), (*LEGS, 1, 0.8)]]), ("shirt", "jeans")
    )
    assert result["per_class"]["jeans"] == {"AP": None, "AP50": None, "boxes": 0}
    assert result["AP"] == pytest.approx(1)


def test_unknown_classes_count_by_type_and_class_agnostic_only(make_dataset, make_detections):
    boxes = [[(*TOP, 0, UPPER)], [(*TOP, 1, UPPER)]]
    dataset = make_dataset(boxes, classes=("shirt", "kimono"))
    detections = make_detections([[(*TOP, 0, 0.9)], [(*TOP, 1, 0.8)]])  # a coat where the kimono is
    result = compute_metrics(dataset, detections, ("shirt", "coat"), ("upper", "upper"))
    assert result["unknown_classes"] == ["kimono"]
    assert result["AP"] == pytest.approx(1)
    assert list(result["per_class"]) == ["shirt"]
    assert result["per_type"]["upper"] == {
        "AP": pytest.approx(1),
        "AP50": pytest.approx(1),
        "boxes": 2,
    }
    assert result["agnostic"] == {"AP": pytest.approx(1), "AP50": pytest.approx(1), "boxes": 2}
    missed = make_detections([[(*TOP, 0, 0.9)], []])
    assert (
        compute_metrics(dataset, missed, ("shirt", "coat"), ("upper", "upper"))["agnostic"]["AP50"]
        < 0.6
    )


def test_no_shared_class_gives_none_but_still_a_class_agnostic_figure(
    make_dataset, make_detections
):
    dataset = make_dataset([[(*TOP, 0, UPPER)]], classes=("kimono",))
    result = compute_metrics(
        dataset, make_detections([[(*TOP, 0, 0.9)]]), ("coat",), ("upper",), bootstrap=10
    )
    assert [result[name] for name in ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")] == [None] * 6
    assert result["intervals"]["AP"] is None
    assert result["intervals"]["agnostic_AP50"] == pytest.approx([1, 1])
    assert result["per_type"]["upper"]["AP50"] == pytest.approx(1)
    assert result["per_type"]["lower"]["AP50"] is None
    json.loads(json.dumps(result, allow_nan=False))


def test_by_type_the_detection_has_its_class_type_and_the_box_its_own(
    make_dataset, make_detections
):
    """The lower box is detected as a dress, a full-body class: wrong by type, correct agnostic."""
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 1, LOWER)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*TOP, 0, 0.9), (*LEGS, 2, 0.8)]])
    result = compute_metrics(
        dataset, detections, ("shirt", "jeans", "dress"), ("upper", "lower", "full")
    )
    by_type = {name: (row["AP50"], row["boxes"]) for name, row in result["per_type"].items()}
    assert by_type == {"upper": (pytest.approx(1), 1), "lower": (0, 1), "full": (None, 0)}
    assert result["agnostic"]["AP50"] == pytest.approx(1)


def test_a_type_that_the_detector_has_no_class_of_is_none(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 1, LOWER)]], classes=("shirt", "jeans"))
    result = compute_metrics(dataset, make_detections([[(*TOP, 0, 0.9)]]), ("shirt",), ("upper",))
    assert result["per_type"]["lower"] == {"AP": None, "AP50": None, "boxes": 1}


def test_a_box_of_unknown_type_neither_counts_nor_costs_by_type(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER), (*LEGS, 0)]], classes=("shirt",))
    result = compute_metrics(
        dataset, make_detections([[(*LEGS, 0, 0.9), (*TOP, 0, 0.8)]]), ("shirt",), ("upper",)
    )
    assert result["per_type"]["upper"] == {
        "AP": pytest.approx(1),
        "AP50": pytest.approx(1),
        "boxes": 1,
    }


def test_nms_across_classes_where_classes_do_not_matter(make_dataset, make_detections):
    """A coat and a jacket on one garment: one is wrong by class, none by type or class-agnostic."""
    boxes = [[(*TOP, 0, UPPER)], [(*TOP, 1, UPPER)]]
    dataset = make_dataset(boxes, classes=("coat", "jacket"))
    near = (0, 1, 40, 41)
    detections = make_detections(
        [[(*TOP, 0, 0.9), (*near, 1, 0.85)], [(*TOP, 1, 0.8), (*near, 0, 0.7)]]
    )
    result = compute_metrics(dataset, detections, ("coat", "jacket"), ("upper", "upper"))
    assert result["per_class"]["jacket"]["AP50"] == pytest.approx(0.5)
    assert result["per_type"]["upper"]["AP"] == result["agnostic"]["AP"] == pytest.approx(1)


def test_nms_by_type_leaves_other_types_alone(make_dataset, make_detections):
    dataset = make_dataset(
        [[(*TOP, 0, UPPER), (0, 0, 40, 50, 1, FULL)]], classes=("shirt", "dress")
    )
    detections = make_detections([[(*TOP, 0, 0.9), (0, 0, 40, 50, 1, 0.8)]])  # IoU 0.8
    result = compute_metrics(dataset, detections, ("shirt", "dress"), ("upper", "full"))
    assert (
        result["per_type"]["upper"]["AP50"]
        == result["per_type"]["full"]["AP50"]
        == pytest.approx(1)
    )
    assert result["agnostic"]["AP50"] < 0.6


def test_images_with_at_least_one_garment_found(make_dataset, make_detections):
    """Of five images one is empty, one has an ignore box only; two of the others are detected."""
    dataset = make_dataset(
        [[(*TOP, 0)], [], [(*TOP, 0, {"ignore": True})], [(*TOP, 0), (*LEGS, 0)], [(*TOP, 0)]],
        classes=("shirt",),
    )
    detections = make_detections(
        [[(*TOP, 1, 0.5)], [(*TOP, 0, 0.9)], [(*TOP, 0, 0.9)], [(*LEGS, 0, 0.6)], [(*TOP, 0, 0.49)]]
    )
    result = compute_metrics(dataset, detections, ("shirt", "hat"), threshold=0.5)
    assert result["photos"] == 5
    assert result["photos_with_a_hit"] == pytest.approx(2 / 3)
    assert result["threshold"] == 0.5


def test_garment_scores_count_where_classes_do_not(random_case):
    """Class-agnostic and image-level; by class and by type nothing changes."""
    num_changed = 0
    for seed in range(10):
        dataset, detections = random_case(seed)
        rng = np.random.default_rng(seed)
        with_garment_scores = {
            i: replace(d, garment_scores=rng.random(len(d))) for i, d in detections.items()
        }
        before = compute_metrics(dataset, detections, dataset.classes, bootstrap=0)
        after = compute_metrics(dataset, with_garment_scores, dataset.classes, bootstrap=0)
        num_changed += before["agnostic"] != after["agnostic"]
        num_changed += before["photos_with_a_hit"] != after["photos_with_a_hit"]
        equal = {"agnostic", "photos_with_a_hit", "intervals"} ^ before.keys()
        assert all(before[name] == after[name] for name in equal)
    assert num_changed > 10


def test_the_order_of_the_images_does_not_matter(random_case):
    dataset, detections = random_case(11)
    reordered = dataset.take(dataset.images.image_id.to_numpy()[::-1])
    classes = dataset.classes
    assert compute_metrics(dataset, detections, classes, bootstrap=20) == compute_metrics(
        reordered, detections, classes, bootstrap=20
    )


def make_case(make_dataset, make_detections, num_images):
    """Every third garment is missed, every fifth image has a false positive with a high score."""
    dataset = make_dataset(
        [[(*TOP, i % 2, UPPER)] for i in range(num_images)], classes=("shirt", "coat")
    )
    rows = []
    for i in range(num_images):
        good = [(0, i % 7, 40, 40, i % 2, 0.5 + 0.4 * i / num_images)] if i % 3 else []
        rows.append(good + ([(*LEGS, i % 2, 0.95)] if i % 5 == 0 else []))
    return dataset, make_detections(rows)


def test_intervals_contain_the_metric_and_shrink_with_more_images(make_dataset, make_detections):
    widths = []
    for num_images in (30, 300):
        dataset, detections = make_case(make_dataset, make_detections, num_images)
        result = compute_metrics(
            dataset, detections, ("shirt", "coat"), ("upper", "upper"), bootstrap=300
        )
        for name, (low, high) in result["intervals"].items():
            value = result["agnostic"]["AP50"] if name == "agnostic_AP50" else result[name]
            assert 0 < low < value < high < 1, name
        widths.append(np.ptp(result["intervals"]["photos_with_a_hit"]))
    assert widths[0] / widths[1] == pytest.approx(10**0.5, rel=0.3)
    # The standard error of a share of n images is known.
    share = result["photos_with_a_hit"]
    assert widths[1] == pytest.approx(2 * 1.96 * (share * (1 - share) / 300) ** 0.5, rel=0.2)


def test_an_interval_corrects_the_bias_of_the_resamples():
    """Resamples 0.05 to 0.15 above the value: the value itself is that much above the truth."""
    low, high = bootstrap.compute_basic_interval(
        0.5, [np.linspace(0.55, 0.6, 501), np.linspace(0.6, 0.65, 501)[1:]]
    )
    assert (low, high) == pytest.approx((0.3525, 0.4475), abs=1e-4)
    assert bootstrap.compute_basic_interval(0.98, [np.linspace(0.9, 1.0, 101)])[1] == 1.0
    assert bootstrap.compute_basic_interval(0.5, [np.array([np.nan, 0.5])]) == [0.5, 0.5]
    assert bootstrap.compute_basic_interval(0.5, []) is None
    assert bootstrap.compute_basic_interval(None, [np.array([0.5])]) is None


def test_intervals_repeat_by_seed(make_dataset, make_detections):
    dataset, detections = make_case(make_dataset, make_detections, 30)
    first, again, other = (
        compute_metrics(dataset, detections, ("shirt", "coat"), bootstrap=50, seed=s)
        for s in (0, 0, 1)
    )
    assert first == again
    assert first["intervals"] != other["intervals"]


def test_resampling_in_parts_changes_nothing(make_dataset, make_detections, monkeypatch):
    dataset, detections = make_case(make_dataset, make_detections, 30)
    whole = compute_metrics(dataset, detections, ("shirt", "coat"), bootstrap=50)
    monkeypatch.setattr(bootstrap, "ELEMENTS_AT_ONCE", 500)
    assert compute_metrics(dataset, detections, ("shirt", "coat"), bootstrap=50) == whole


def test_without_detections_it_is_zero_not_none(make_dataset, make_detections):
    dataset = make_dataset([[(*TOP, 0, UPPER)], []], classes=("shirt",))
    result = compute_metrics(
        dataset, make_detections([[], []]), ("shirt",), ("upper",), bootstrap=20
    )
    assert (
        result["AP"],
        result["AR100"],
        result["photos_with_a_hit"],
        result["agnostic"]["AP"],
    ) == (
        0,
        0,
        0,
        0,
    )


def test_without_boxes_it_is_none_not_nan(make_dataset, make_detections):
    result = compute_metrics(
        make_dataset([[], []]), make_detections([[(*TOP, 0, 0.9)], []]), ("a",), bootstrap=20
    )
    assert (result["AP"], result["photos_with_a_hit"], result["intervals"]["AP"]) == (
        None,
        None,
        None,
    )


def test_json_round_trip_with_the_promised_keys(random_case):
    for seed in range(20):
        dataset, detections = random_case(seed)
        result = compute_metrics(dataset, detections, dataset.classes, bootstrap=5)
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        promised = {"AP", "AP50", "AP75", "AR100", "agnostic", "per_type", "per_class", "photos"}
        assert promised | {"photos_with_a_hit", "seconds_per_photo", "intervals"} <= set(result)
        assert set(result["per_type"]) == {"upper", "lower", "full"}
