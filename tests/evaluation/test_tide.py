"""The error analysis equals tidecv, the program of TIDE's authors, but for a few differences."""

import json

import numpy as np
import pytest
from tide_reference import DIFFERENCES, RECORDED, build_case, make_case, run_tide

from shopee_od.evaluation import curves
from shopee_od.evaluation.error_types import ERROR_TYPES, measure_error_costs
from shopee_od.evaluation.match_table import build_match_table

FIXED_ON_A_GARMENT = ("classification", "localization")
CASES = json.loads(RECORDED.read_text(encoding="utf-8"))


def analyze(dataset, detections):
    """This package's results, as `run_tide` returns tidecv's."""
    table = build_match_table(detections, dataset, dataset.classes)
    costs = measure_error_costs(table)
    ap50 = [curve.ap for curve in table.compute_curves().values() if curve.num_gt]
    return {
        "AP50": float(np.mean(ap50)),
        "count": costs["count"].to_dict(),
        "gain": costs.gain.to_dict(),
    }


def assert_equal(ours, tidecv):
    """Equal, except where a garment has both a wrong class and a bad box to fix (see below).

    tidecv reports falls of AP as 0.
    """
    assert ours["AP50"] == pytest.approx(tidecv["AP50"], abs=1e-9)
    assert ours["count"] == tidecv["count"]
    for name in ERROR_TYPES:
        gain = max(ours["gain"][name], 0)
        if name in FIXED_ON_A_GARMENT and tidecv["with_both"]:
            assert gain > tidecv["gain"][name] - 1e-9
        else:
            assert gain == pytest.approx(tidecv["gain"][name], abs=1e-9)


@pytest.fixture
def same_recall_thresholds(monkeypatch):
    """tidecv's recall thresholds, k / 100: a difference of its own, see "recall 0.7"."""
    monkeypatch.setattr(curves, "RECALL_THRESHOLDS", np.arange(101) / 100)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENCES])
def test_recorded_cases(name, same_recall_thresholds):
    case = CASES[name]
    ours = analyze(*build_case(case))
    assert_equal(ours, case["tidecv"])


def test_the_recorded_cases_have_every_type_of_error():
    cases = [case["tidecv"] for name, case in CASES.items() if name not in DIFFERENCES]
    for name in ERROR_TYPES:
        assert sum(case["count"][name] for case in cases) >= 5
        assert any(case["gain"][name] > 0.01 for case in cases)
    assert sum(not case["with_both"] for case in cases) >= 5


@pytest.mark.slow
def test_tidecv_itself(same_recall_thresholds, random_case):
    """The installed program: the recorded results, 50 new random cases, and those of conftest."""
    pytest.importorskip("tidecv", reason="tide_reference.py says how to install it")
    for case in CASES.values():
        assert run_tide(*build_case(case)) == case["tidecv"]
    for seed in range(100, 150):
        dataset, detections = build_case(make_case(seed))
        assert_equal(analyze(dataset, detections), run_tide(dataset, detections))
    compared = 0
    for seed in range(60):
        dataset, detections = random_case(seed, ties=False, odd=0.0)
        if is_comparable(dataset, detections):
            assert_equal(analyze(dataset, detections), run_tide(dataset, detections))
            compared += 1
    assert compared >= 10


def is_comparable(dataset, detections):
    """None of the differences below: every class has boxes and detections, no IoU is on a boundary.

    A box with its corners swapped, which random shifts can make, is no detection for pycocotools.
    """
    labels = np.concatenate([d.labels for d in detections.values()])
    boxes = np.concatenate([d.boxes for d in detections.values()])
    iou = build_match_table(detections, dataset, dataset.classes).pairs.iou
    return (
        set(dataset.boxes.label) == set(labels.tolist()) == set(range(len(dataset.classes)))
        and (boxes[:, 2:] >= boxes[:, :2]).all()
        and not np.isclose(iou, 0.5).any()
        and not np.isclose(iou, 0.1).any()
    )


@pytest.fixture
def both(request):
    """This package's and tidecv's results of a case in which they differ."""
    case = CASES[request.param]
    return analyze(*build_case(case)), case["tidecv"]


def differ(name):
    return pytest.mark.parametrize("both", [name], indirect=True, ids=[name.replace(" ", "-")])


@differ("a wrong class and a bad box on one garment")
def test_types_are_fixed_apart(both):
    """The paper fixes one type of error and leaves the others as they are.

    tidecv fixes one detection per garment, of either type: where that of the wrong class has the
    higher score, the bad box is not fixed, also when only bad boxes are.
    """
    ours, tidecv = both
    assert ours["AP50"] == tidecv["AP50"] == pytest.approx(0.5)
    assert ours["count"] == tidecv["count"]
    assert ours["gain"]["classification"] == tidecv["gain"]["classification"] == pytest.approx(0.5)
    assert ours["gain"]["localization"] == pytest.approx(0.5)
    assert tidecv["gain"]["localization"] == 0


@differ("a class without detections")
def test_a_class_without_detections_stays_in_the_mean(both):
    """Without its missed boxes tidecv leaves such a class out of the mean; ours keeps AP 0, so that
    gains are of a mean over the same classes."""
    ours, tidecv = both
    assert ours["count"] == tidecv["count"]
    assert (ours["gain"]["missed"], tidecv["gain"]["missed"]) == (0, pytest.approx(0.5))


@differ("a class without boxes")
def test_a_class_without_boxes_has_no_ap(both):
    """COCO has no AP for it; tidecv counts it as 0."""
    ours, tidecv = both
    assert (ours["AP50"], tidecv["AP50"]) == pytest.approx((1, 0.5))
    assert ours["count"] == tidecv["count"]


@differ("a detection on an ignore box")
def test_a_detection_on_an_ignore_box_is_no_error(both):
    """tidecv leaves it out of AP, but counts it as an error."""
    ours, tidecv = both
    assert (ours["AP50"], tidecv["AP50"]) == pytest.approx((1, 1))
    assert (ours["count"]["background"], tidecv["count"]["background"]) == (0, 1)
    assert ours["gain"] == tidecv["gain"] == dict.fromkeys(ERROR_TYPES, 0)


@differ("IoU 0.5")
def test_a_box_with_iou_one_half_fits(both):
    """IoU 0.5 suffices for AP50, so a second such detection is a duplicate; tidecv says its box is
    bad."""
    ours, tidecv = both
    assert (ours["count"]["duplicate"], ours["count"]["localization"]) == (1, 0)
    assert (tidecv["count"]["duplicate"], tidecv["count"]["localization"]) == (0, 1)


@differ("IoU 0.1")
def test_a_box_with_iou_one_tenth_is_on_the_garment(both):
    """As for the right class, where tidecv agrees; for a wrong class it says background."""
    ours, tidecv = both
    assert (ours["count"]["both"], ours["count"]["background"]) == (1, 0)
    assert (tidecv["count"]["both"], tidecv["count"]["background"]) == (0, 1)


@differ("recall 0.7")
def test_recall_thresholds_are_those_of_pycocotools(both):
    """np.linspace(0, 1, 101) has 0.7000000000000001 where tidecv has 70 / 100: seven boxes of ten
    reach one threshold less."""
    ours, tidecv = both
    assert (ours["AP50"], tidecv["AP50"]) == pytest.approx(((70 / 101 + 1) / 2, (71 / 101 + 1) / 2))
