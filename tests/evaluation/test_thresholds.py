"""The thresholds for garments and for categories, and what is found at one."""

from dataclasses import replace

import numpy as np
import pytest

from shopee_od.evaluation import (
    find_best_threshold,
    find_category_threshold,
    find_garment_threshold,
)
from shopee_od.evaluation.grouping import match_by_class, match_by_type, match_class_agnostic
from shopee_od.evaluation.thresholds import (
    count_false_alarms,
    find_detected_boxes,
    find_detected_images,
)
from shopee_od.ops.boxes import box_iou
from shopee_od.structures import SAME_GARMENT_IOU, Detections

A, B, C, NOWHERE = (0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20), (0, 60, 20, 80)


def test_worked_example(make_dataset, make_detections):
    """Three boxes. F1 after each detection: 2/4, 4/5, 4/6, 4/7, 6/8: best at the second."""
    dataset = make_dataset([[(*A, 0), (*B, 1)], [(*C, 0)]], classes=("shirt", "jeans"))
    detections = make_detections(
        [
            [(*A, 0, 0.9), (*B, 1, 0.7), (*NOWHERE, 1, 0.5)],
            [(*NOWHERE, 0, 0.4), (*C, 0, 0.3)],
        ]
    )
    assert find_best_threshold(detections, dataset, ("shirt", "jeans")) == pytest.approx(
        (0.7, 4 / 5)
    )


def test_the_class_must_be_correct(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0), (*B, 1)]], classes=("shirt", "jeans"))
    detections = make_detections([[(*A, 1, 0.9), (*B, 1, 0.8)]])
    assert find_best_threshold(detections, dataset, ("shirt", "jeans")) == pytest.approx(
        (0.8, 2 / 4)
    )
    assert find_best_threshold(detections, dataset, ("jeans", "shirt")) == pytest.approx(
        (0.9, 2 / 3)
    )


def test_ignore_boxes_neither_count_nor_cost(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0), (*B, 0, {"ignore": True}), (*C, 0, {"iscrowd": True})]])
    detections = make_detections([[(*B, 0, 0.95), (*C, 0, 0.9), (*A, 0, 0.6)]])
    assert find_best_threshold(detections, dataset, ("a",)) == pytest.approx((0.6, 1.0))


def test_a_threshold_takes_all_of_a_score(make_dataset, make_detections):
    """The first of the tied ones alone would have F1 1, but no threshold takes it alone."""
    dataset = make_dataset([[(*A, 0)]])
    detections = make_detections([[(*A, 0, 0.5), (*B, 0, 0.5), (*C, 0, 0.5)]])
    assert find_best_threshold(detections, dataset, ("a",)) == pytest.approx((0.5, 2 / 4))


def test_no_correct_detection(make_dataset, make_detections):
    dataset = make_dataset([[(*A, 0)], []])
    assert find_best_threshold(make_detections([[(*B, 0, 0.5)], []]), dataset, ("a",)) == (0.5, 0.0)
    assert find_best_threshold(make_detections([[], []]), dataset, ("a",)) == (0.5, 0.0)
    assert find_best_threshold(make_detections([[(*A, 0, 0.5)], []]), dataset, ("other",)) == (
        0.5,
        0.0,
    )


def test_it_is_the_best_of_all_thresholds_with_the_f1_it_returns(random_case):
    for seed in range(40):
        dataset, detections = random_case(seed)
        threshold, f1 = find_best_threshold(detections, dataset, dataset.classes)
        at = {
            t: f1_at(detections, dataset, t) for t in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
        }
        assert f1 == pytest.approx(max(at.values()))
        assert f1_at(detections, dataset, threshold) == pytest.approx(f1)


def of_one_class(detections):
    return {i: replace(d, labels=np.zeros(len(d), int)) for i, d in detections.items()}


def test_a_detector_without_garment_scores_has_the_same_garment_threshold(random_case):
    """With all classes as one, after NMS, it is the best threshold."""
    for seed in range(20):
        dataset, detections = random_case(seed)
        garments = dataset.with_classes(("garment",), dataset.boxes.assign(label=0))
        one_class = {i: d.nms(SAME_GARMENT_IOU) for i, d in of_one_class(detections).items()}
        expected = find_best_threshold(one_class, garments, ("garment",))
        assert find_garment_threshold(detections, dataset) == expected


def test_garment_threshold_is_of_garment_scores(make_dataset):
    """Neither class nor class score counts; the box with the higher garment score is kept."""
    dataset = make_dataset([[(*A, 0), (*B, 1)]], classes=("shirt", "jeans"))
    a_by_half = (0, 0, 20, 12)
    detections = {
        1: Detections(
            [A, B, NOWHERE, a_by_half],
            [0.2, 0.4, 0.6, 0.7],
            [1, 0, 0, 0],
            [0.9, 0.8, 0.6, 0.7],
        )
    }
    assert find_garment_threshold(detections, dataset) == pytest.approx((0.8, 1.0))
    assert find_best_threshold(detections, dataset, dataset.classes)[1] < 0.7
    matches = match_class_agnostic(detections, dataset)
    assert matches.scores.tolist() == pytest.approx([0.9, 0.8, 0.6])
    # Within a type the class scores count.
    typed = replace(dataset, boxes=dataset.boxes.assign(type="upper"))
    by_type = match_by_type(detections, typed, ("upper", "upper"))["upper"]
    assert by_type.scores.tolist() == pytest.approx([0.7, 0.6, 0.4])


def test_garments_are_found_by_their_garment_scores(make_dataset):
    dataset = make_dataset([[(*A, 0), (*B, 0)], [(*C, 0)]])
    detections = {
        1: Detections([A, B], [0.2, 0.3], [0, 0], [0.7, 0.4]),
        2: Detections([C], [0.9], [0], [0.4]),
    }
    assert find_detected_boxes(detections, dataset, 0.5).tolist() == [True, False, False]
    _, detected = find_detected_images(detections, dataset, 0.5)
    assert detected.tolist() == [True, False]


CLASSES = ("shirt", "jeans")


def make_tags(*rows):
    """Images of two garments, A and B; a row per garment: the class score of its tag, is it right.

    Returns:
        The boxes of each image, and the Detections by image id; shirts and garment scores of 0.9.
    """
    boxes = []
    detections = {}
    for image_id, k in enumerate(range(0, len(rows), 2), 1):
        pair = rows[k : k + 2]
        corners = (A, B)[: len(pair)]
        boxes.append([(*c, 0 if right else 1) for c, (_, right) in zip(corners, pair, strict=True)])
        scores = [score for score, _ in pair]
        detections[image_id] = Detections(corners, scores, [0] * len(pair), [0.9] * len(pair))
    return boxes, detections


def find_threshold(make_dataset, *rows, **options):
    boxes, detections = make_tags(*rows)
    dataset = make_dataset(boxes, classes=CLASSES)
    return find_category_threshold(detections, dataset, CLASSES, 0.5, **options)


def test_category_threshold_is_the_lowest_with_enough_right(make_dataset):
    """Right so far: 1/1, 1/2, 2/3, 3/4, 4/5, 4/6."""
    rows = [(0.9, True), (0.8, False), (0.7, True), (0.6, True), (0.4, True), (0.3, False)]
    assert find_threshold(make_dataset, *rows) == pytest.approx(0.4)
    assert find_threshold(make_dataset, *rows, precision=0.9) == pytest.approx(0.9)
    assert find_threshold(make_dataset, *rows, precision=0.6) == 0.0
    tied = [(0.9, True), (0.9, False)]
    assert find_threshold(make_dataset, *tied) == 1.0
    assert find_threshold(make_dataset, *tied, precision=0.5) == 0.0


def test_category_threshold_where_all_or_no_tags_are_right(make_dataset):
    assert find_threshold(make_dataset, (0.3, True), (0.2, True)) == 0.0
    assert find_threshold(make_dataset, (0.9, False), (0.8, False)) == 1.0
    dataset = make_dataset([[(*A, 0)], []], classes=CLASSES)
    nothing = {1: Detections.empty(), 2: Detections.empty()}
    assert find_category_threshold(nothing, dataset, CLASSES, 0.5) == 0.0


def test_only_tags_that_are_shown_on_a_garment_of_a_known_class_count(make_dataset):
    """Each wrong tag at 0.9 would lift the threshold to 1.0."""
    boxes, detections = make_tags((0.6, True), (0.5, True))
    wrong = (*C, 1)
    for gt, garment_score, coarse in (
        ((*NOWHERE, 1), 0.9, ()),  # matches no box
        (wrong, 0.4, ()),  # is not shown
        ((*C, 1, {"ignore": True}), 0.9, ()),
        ((*C, 1, {"iscrowd": True}), 0.9, ()),
        (wrong, 0.9, ((0, 1),)),  # label 1 is made a coarse one
    ):
        dataset = make_dataset([[*boxes[0], gt]], classes=CLASSES)
        if coarse:
            labels = dataset.boxes.label.where(dataset.boxes.label != 1, 2)
            dataset = dataset.with_classes(
                CLASSES, dataset.boxes.assign(label=labels), coarse_labels=coarse
            )
        d = detections[1]
        more = Detections(
            [*d.boxes, C], [*d.scores, 0.9], [0, 0, 0], [*d.garment_scores, garment_score]
        )
        assert find_category_threshold({1: more}, dataset, CLASSES, 0.5, 1.0) == 0.0
    dataset = make_dataset([[*boxes[0], wrong]], classes=CLASSES)
    shown = Detections([*d.boxes, C], [*d.scores, 0.9], [0, 0, 0], [0.9] * 3)
    assert find_category_threshold({1: shown}, dataset, CLASSES, 0.5, 1.0) == 1.0


def test_a_tag_on_a_box_of_a_coarse_label_is_not_right(make_dataset):
    boxes, detections = make_tags((0.6, False), (0.5, True))
    dataset = make_dataset(boxes, classes=CLASSES)
    assert find_category_threshold(detections, dataset, CLASSES, 0.5, 0.5) == 0.0
    labels = dataset.boxes.label.replace(0, 2)
    coarse = dataset.with_classes(
        CLASSES, dataset.boxes.assign(label=labels), coarse_labels=((0, 1),)
    )
    assert find_category_threshold(detections, coarse, CLASSES, 0.5, 0.5) == 1.0


def test_a_garment_has_the_tag_of_its_highest_class_score(make_dataset):
    """The order by garment score is another one."""
    dataset = make_dataset([[(*A, 0), (*B, 1)]], classes=CLASSES)
    boxes = [A, A, B]
    detections = {1: Detections(boxes, [0.8, 0.3, 0.6], [0, 1, 1], [0.7, 0.95, 0.9])}
    assert find_category_threshold(detections, dataset, CLASSES, 0.5, 1.0) == 0.0
    swapped = {1: replace(detections[1], labels=1 - detections[1].labels)}
    assert find_category_threshold(swapped, dataset, CLASSES, 0.5) == 1.0
    # Two right tags, of classes that the detector has in another order.
    assert find_category_threshold(swapped, dataset, CLASSES[::-1], 0.5, 1.0) == 0.0


def test_the_category_threshold_keeps_its_precision(random_case):
    """Of the tags at or above it at least so many are right, by matching every pair again."""
    for seed in range(40):
        dataset, detections = random_case(seed, odd=0)
        rng = np.random.default_rng(seed)
        detections = {
            i: Detections(d.boxes, d.scores, d.labels, rng.permutation(d.scores))
            for i, d in detections.items()
        }
        threshold = find_category_threshold(detections, dataset, dataset.classes, 0.3, 0.6)
        tags = list_tags(detections, dataset, 0.3)
        assert threshold in {0.0, 1.0, *(score for score, _ in tags)}
        meets = {
            t: np.mean([right for score, right in tags if score >= t]) >= 0.6
            for t in {score for score, _ in tags}
        }
        lowest = min((t for t, is_met in meets.items() if is_met), default=1.0 if tags else 0.0)
        all_met = tags and lowest == min(meets)
        assert threshold == (0.0 if all_met else lowest)


def list_tags(detections, dataset, garment_threshold):
    """(class score, is right) of each shown box that is matched, garment by garment."""
    tags = []
    for image_id, d in detections.items():
        d = d.select_garments()
        gt = dataset.boxes_of(image_id)
        corners = gt[["x1", "y1", "x2", "y2"]].to_numpy()
        free = np.ones(len(gt), bool)
        for k in np.argsort(-d.garment_scores, kind="stable"):
            iou = box_iou(d.boxes[[k]], corners)[0] * free
            if d.garment_scores[k] >= garment_threshold and (iou >= 0.5).any():
                best = len(iou) - 1 - np.argmax(iou[::-1])  # of equal ones COCO takes the last
                free[best] = False
                tags.append((float(d.scores[k]), d.labels[k] == gt.label.iloc[best]))
    return tags


def f1_at(detections, dataset, threshold):
    """F1 of only the detections at or above a threshold, matched again."""
    above = {i: d.above(threshold) for i, d in detections.items()}
    matches = match_by_class(above, dataset, dataset.classes).values()
    correct = sum(m.correct[0].sum() for m in matches)
    num_detections = sum((~m.ignored[0]).sum() for m in matches)
    num_gt = sum(m.num_gt.sum() for m in matches)
    return 2 * correct / (num_detections + num_gt) if correct else 0.0


def test_false_alarms_are_boxes_that_are_shown_in_photos_without_garments(
    make_dataset, make_detections
):
    garment = (10, 10, 60, 80, 0)
    ignored = (*garment, {"ignore": True})
    dataset = make_dataset([[garment], [ignored], [], []])
    box = (10, 10, 60, 80, 0, 0.9)
    same_again = (11, 10, 60, 80, 0, 0.8)
    low = (0, 0, 9, 9, 0, 0.4)
    detections = make_detections([[box, low], [box, low], [box, same_again, low], []])
    assert count_false_alarms(detections, dataset, 0.5) == {
        "photos": 2,
        "false_alarms": 1,
        "per_photo": 0.5,
    }
    assert count_false_alarms(detections, dataset, 0.3)["false_alarms"] == 2
    assert count_false_alarms(detections, dataset.take([1, 2]), 0.5) == {
        "photos": 0,
        "false_alarms": 0,
        "per_photo": None,
    }
