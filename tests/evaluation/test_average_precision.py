"""AP and recall: equal to pycocotools, and what ignore and crowd boxes do."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from shopee_od.evaluation import average_precision as coco
from shopee_od.evaluation.average_precision import (
    compute_average_precision,
    compute_recall,
    match_detections,
)
from shopee_od.evaluation.scoring import score
from shopee_od.structures import Detections


def run_pycocotools(dataset, detections, only_all_sizes=True):
    """pycocotools' own COCOeval, unmodified.

    Ignore boxes get an area outside the range: COCOeval ignores them without making them crowds.
    """
    gt_annotations = [
        {
            "id": i,
            "image_id": row.image_id,
            "category_id": row.label,
            "bbox": [float(row.x1), float(row.y1), float(row.x2 - row.x1), float(row.y2 - row.y1)],
            "area": 1e11 if row.ignore else float((row.x2 - row.x1) * (row.y2 - row.y1)),
            "iscrowd": int(row.iscrowd),
        }
        for i, row in enumerate(dataset.boxes.itertuples(), 1)
    ]
    results = [
        {
            "image_id": image_id,
            "category_id": label,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "score": score,
        }
        for image_id, d in detections.items()
        for (x1, y1, x2, y2), label, score in zip(
            d.boxes.tolist(), d.labels.tolist(), d.scores.tolist(), strict=True
        )
    ]
    tables = {
        "images": [{"id": i} for i in dataset.images.image_id],
        "categories": [{"id": k, "name": name} for k, name in enumerate(dataset.classes)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        sides = COCO(), COCO()
        for side, annotations in zip(sides, (gt_annotations, results), strict=True):
            side.dataset = tables | {
                "annotations": [{"id": i} | a for i, a in enumerate(annotations, 1)]
            }
            side.createIndex()
        evaluation = COCOeval(*sides, "bbox")
        if only_all_sizes:
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
        if not only_all_sizes:
            evaluation.summarize()
    return evaluation


def match_each_class(dataset, detections):
    gt_boxes = dataset.boxes.assign(category=dataset.boxes.label)
    return match_detections(
        gt_boxes, detections, dataset.images.image_id.tolist(), len(dataset.classes)
    )


def unit_weights(dataset):
    return np.ones((1, len(dataset)), int)


@pytest.mark.parametrize("seeds", [range(100), range(100, 200)])
def test_equal_to_pycocotools_with_crowds_ignore_boxes_and_ties(random_case, seeds):
    for seed in seeds:
        dataset, detections = random_case(seed)
        reference = run_pycocotools(dataset, detections).eval
        for k, matches in enumerate(match_each_class(dataset, detections)):
            precision = reference["precision"][:, :, k, 0, 2].mean(axis=1)  # -1 where no box counts
            ours = np.nan_to_num(
                compute_average_precision(matches, unit_weights(dataset))[0], nan=-1
            )
            np.testing.assert_allclose(
                ours, precision, rtol=0, atol=1e-12, err_msg=f"seed {seed}, class {k}"
            )
            for m, limit in enumerate((1, 10, 100)):
                recall = np.nan_to_num(compute_recall(matches, limit), nan=-1)
                np.testing.assert_allclose(recall, reference["recall"][:, k, 0, m], atol=1e-12)


def test_the_summary_is_pycocotools_own(random_case):
    names = ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")
    for seed in range(30):
        dataset, detections = random_case(seed, odd=0.0)
        stats = run_pycocotools(dataset, detections, only_all_sizes=False).stats[[0, 1, 2, 6, 7, 8]]
        classes = dataset.classes
        ours = score(detections, dataset, classes, ["upper"] * len(classes), 0.5, bootstrap=0)
        for name, reference in zip(names, stats, strict=True):
            assert (-1 if ours[name] is None else ours[name]) == pytest.approx(reference, abs=1e-12)


def test_a_hundred_detections_per_image_count(make_dataset):
    dataset = make_dataset([[(0, 0, 10, 10, 0)]])
    boxes = np.tile([50, 50, 60, 60], (101, 1))
    boxes[100] = [0, 0, 10, 10]  # the only good one has the lowest score
    detections = {1: Detections(boxes, np.linspace(0.9, 0.1, 101), np.zeros(101))}
    (matches,) = match_each_class(dataset, detections)
    assert len(matches.image) == 100
    assert not compute_average_precision(matches, unit_weights(dataset)).any()


def test_matching_in_parts_changes_nothing(random_case, monkeypatch):
    dataset, detections = next(case for case in map(random_case, range(100)) if len(case[0]) > 4)
    whole = match_each_class(dataset, detections)
    monkeypatch.setattr(coco, "IMAGES_PER_CALL", 2)
    for a, b in zip(whole, match_each_class(dataset, detections), strict=True):
        for field in ("image", "rank", "scores", "correct", "ignored", "num_gt", "gt_index"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_resamples_equal_pycocotools_on_the_resampled_images(random_case):
    """An image drawn twice is there twice, under two ids; an image not drawn is absent."""
    rng = np.random.default_rng(0)
    for seed in range(40):
        dataset, detections = random_case(seed, ties=False)
        weights = np.array(
            [np.bincount(rng.integers(len(dataset), size=len(dataset)), minlength=len(dataset))]
        )
        resample, resample_detections = make_resample(dataset, detections, weights[0])
        reference = (
            run_pycocotools(resample, resample_detections).eval["precision"][..., 0, 2].mean(axis=1)
        )
        for k, matches in enumerate(match_each_class(dataset, detections)):
            ours = np.nan_to_num(compute_average_precision(matches, weights)[0], nan=-1)
            np.testing.assert_allclose(
                ours, reference[:, k], rtol=0, atol=1e-12, err_msg=f"seed {seed}"
            )


def make_resample(dataset, detections, weights):
    """The Dataset and Detections that contain image i weights[i] times."""
    image_ids = np.repeat(dataset.images.image_id.to_numpy(), weights)
    images = (
        dataset.images.set_index("image_id", drop=False)
        .loc[image_ids]
        .assign(image_id=range(1, len(image_ids) + 1))
    )
    rows = [
        dict(row._asdict(), image_id=new)
        for new, old in enumerate(image_ids, 1)
        for row in dataset.boxes_of(old).itertuples(index=False)
    ]
    rows = [row | {"box_id": i} for i, row in enumerate(rows)]
    resample = type(dataset).build("resample", dataset.root, dataset.classes, images, rows)
    return resample, {new: detections[old] for new, old in enumerate(image_ids, 1)}


def test_many_resamples_at_once_equal_single_ones(random_case):
    dataset, detections = random_case(7)
    weights = np.random.default_rng(1).integers(0, 3, (20, len(dataset)))
    for matches in match_each_class(dataset, detections):
        at_once = compute_average_precision(matches, weights)
        assert at_once.shape == (20, 10)
        for row, weight in zip(at_once, weights, strict=True):
            np.testing.assert_array_equal(row, compute_average_precision(matches, weight[None])[0])


GOOD, ODD = (0, 0, 10, 10), (50, 50, 70, 70)


@pytest.mark.parametrize(
    "odd", [{"ignore": True}, {"iscrowd": True}, {"ignore": True, "iscrowd": True}]
)
def test_an_ignore_box_neither_counts_nor_costs(make_dataset, make_detections, odd):
    dataset = make_dataset([[(*GOOD, 0), (*ODD, 0, odd)]])
    detected = make_detections([[(*ODD, 0, 0.9), (*GOOD, 0, 0.8)]])
    missed = make_detections([[(*GOOD, 0, 0.8)]])
    for detections in (detected, missed):
        (matches,) = match_each_class(dataset, detections)
        assert matches.num_gt.tolist() == [1]
        np.testing.assert_allclose(compute_average_precision(matches, unit_weights(dataset)), 1)


def test_a_detection_on_nothing_costs_what_one_on_an_ignore_box_does_not(
    make_dataset, make_detections
):
    dataset = make_dataset([[(*GOOD, 0)]])
    (matches,) = match_each_class(dataset, make_detections([[(*ODD, 0, 0.9), (*GOOD, 0, 0.8)]]))
    np.testing.assert_allclose(compute_average_precision(matches, unit_weights(dataset)), 0.5)


def test_an_ignore_box_is_no_crowd(make_dataset, make_detections):
    """Any number of parts match a crowd; a part of an ignore box, or a second match, is wrong."""
    part = (50, 50, 58, 58)
    part_of_it = make_detections([[(*part, 0, 0.9), (*GOOD, 0, 0.8)]])
    twice = make_detections([[(*ODD, 0, 0.95), (*ODD, 0, 0.9), (*GOOD, 0, 0.8)]])
    for detections in (part_of_it, twice):
        for odd, expected in (("ignore", 0.5), ("iscrowd", 1.0)):
            dataset = make_dataset([[(*GOOD, 0), (*ODD, 0, {odd: True})]])
            (matches,) = match_each_class(dataset, detections)
            np.testing.assert_allclose(
                compute_average_precision(matches, unit_weights(dataset)), expected
            )


def test_a_box_that_counts_comes_before_an_ignore_box_that_fits_better(
    make_dataset, make_detections
):
    dataset = make_dataset([[(0, 0, 10, 10, 0), (0, 0, 10, 8, 0, {"ignore": True})]])
    (matches,) = match_each_class(dataset, make_detections([[(0, 0, 10, 8, 0, 0.9)]]))
    assert matches.correct[coco.AT_50].tolist() == [True]
    assert matches.ignored[-1].tolist() == [True]  # at IoU 0.95 only the ignore box fits


def test_nothing_is_printed_and_the_ground_truth_is_unchanged(random_case, capsys):
    dataset, detections = random_case(5)
    before = dataset.boxes.copy()
    match_each_class(dataset, detections)
    assert capsys.readouterr() == ("", "")
    assert dataset.boxes.equals(before)
