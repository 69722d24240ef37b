"""AP and recall: equal to pycocotools, and what ignore and crowd boxes do."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from shopee_od.evaluation import coco
from shopee_od.evaluation.coco import average_precision, match, recall
from shopee_od.evaluation.scoring import score
from shopee_od.types import Detections


def untouched_pycocotools(dataset, detections, only_all_sizes=True):
    """Its own COCOeval, run. An ignore box is given an area outside the range: that, too, makes it neither
    count nor cost, without making it a crowd."""
    truth = [
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
    found = [
        {
            "image_id": image_id,
            "category_id": label,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "score": score,
        }
        for image_id, d in detections.items()
        for (x1, y1, x2, y2), label, score in zip(d.boxes.tolist(), d.labels.tolist(), d.scores.tolist(), strict=True)
    ]
    tables = {
        "images": [{"id": i} for i in dataset.images.image_id],
        "categories": [{"id": k, "name": name} for k, name in enumerate(dataset.classes)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        sides = COCO(), COCO()
        for side, annotations in zip(sides, (truth, found), strict=True):
            side.dataset = tables | {"annotations": [{"id": i} | a for i, a in enumerate(annotations, 1)]}
            side.createIndex()
        evaluation = COCOeval(*sides, "bbox")
        if only_all_sizes:
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
        if not only_all_sizes:
            evaluation.summarize()
    return evaluation


def of_each_class(dataset, detections):
    truth = dataset.boxes.assign(category=dataset.boxes.label)
    return match(truth, detections, dataset.images.image_id.tolist(), len(dataset.classes))


def once(dataset):
    return np.ones((1, len(dataset)), int)


@pytest.mark.parametrize("seeds", [range(100), range(100, 200)])
def test_equal_to_pycocotools_with_crowds_ignore_boxes_and_ties(random_case, seeds):
    for seed in seeds:
        dataset, detections = random_case(seed)
        theirs = untouched_pycocotools(dataset, detections).eval
        for k, matches in enumerate(of_each_class(dataset, detections)):
            precision = theirs["precision"][:, :, k, 0, 2].mean(axis=1)  # -1 where no box counts
            ours = np.nan_to_num(average_precision(matches, once(dataset))[0], nan=-1)
            np.testing.assert_allclose(ours, precision, rtol=0, atol=1e-12, err_msg=f"seed {seed}, class {k}")
            for m, limit in enumerate((1, 10, 100)):
                found = np.nan_to_num(recall(matches, limit), nan=-1)
                np.testing.assert_allclose(found, theirs["recall"][:, k, 0, m], atol=1e-12)


def test_the_summary_is_pycocotools_own(random_case):
    figures = ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")
    for seed in range(30):
        dataset, detections = random_case(seed, odd=0.0)
        stats = untouched_pycocotools(dataset, detections, only_all_sizes=False).stats[[0, 1, 2, 6, 7, 8]]
        classes = dataset.classes
        ours = score(detections, dataset, classes, ["upper"] * len(classes), 0.5, bootstrap=0)
        for name, theirs in zip(figures, stats, strict=True):
            assert (-1 if ours[name] is None else ours[name]) == pytest.approx(theirs, abs=1e-12)


def test_a_hundred_detections_a_photo_count(make_dataset):
    dataset = make_dataset([[(0, 0, 10, 10, 0)]])
    boxes = np.tile([50, 50, 60, 60], (101, 1))
    boxes[100] = [0, 0, 10, 10]  # the only good one has the lowest score
    detections = {1: Detections(boxes, np.linspace(0.9, 0.1, 101), np.zeros(101))}
    (matches,) = of_each_class(dataset, detections)
    assert len(matches.photo) == 100
    assert not average_precision(matches, once(dataset)).any()


def test_photos_in_parts_change_nothing(random_case, monkeypatch):
    dataset, detections = next(case for case in map(random_case, range(100)) if len(case[0]) > 4)
    whole = of_each_class(dataset, detections)
    monkeypatch.setattr(coco, "PHOTOS_AT_ONCE", 2)
    for a, b in zip(whole, of_each_class(dataset, detections), strict=True):
        for field in ("photo", "rank", "scores", "hit", "ignored", "truths"):
            np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_draws_equal_pycocotools_on_the_photos_drawn(random_case):
    """A photo drawn twice stands there twice, under two ids; one not drawn is absent."""
    rng = np.random.default_rng(0)
    for seed in range(40):
        dataset, detections = random_case(seed, ties=False)
        weights = np.array([np.bincount(rng.integers(len(dataset), size=len(dataset)), minlength=len(dataset))])
        drawn, drawn_detections = drawn_set(dataset, detections, weights[0])
        theirs = untouched_pycocotools(drawn, drawn_detections).eval["precision"][..., 0, 2].mean(axis=1)
        for k, matches in enumerate(of_each_class(dataset, detections)):
            ours = np.nan_to_num(average_precision(matches, weights)[0], nan=-1)
            np.testing.assert_allclose(ours, theirs[:, k], rtol=0, atol=1e-12, err_msg=f"seed {seed}")


def drawn_set(dataset, detections, weights):
    """The Dataset and Detections in which photo i stands weights[i] times."""
    drawn = np.repeat(dataset.images.image_id.to_numpy(), weights)
    images = dataset.images.set_index("image_id", drop=False).loc[drawn].assign(image_id=range(1, len(drawn) + 1))
    rows = [
        dict(row._asdict(), image_id=new)
        for new, old in enumerate(drawn, 1)
        for row in dataset.boxes_of(old).itertuples(index=False)
    ]
    rows = [row | {"box_id": i} for i, row in enumerate(rows)]
    made = type(dataset).build("drawn", dataset.root, dataset.classes, images, rows)
    return made, {new: detections[old] for new, old in enumerate(drawn, 1)}


def test_many_draws_at_once_are_the_draws_one_by_one(random_case):
    dataset, detections = random_case(7)
    weights = np.random.default_rng(1).integers(0, 3, (20, len(dataset)))
    for matches in of_each_class(dataset, detections):
        together = average_precision(matches, weights)
        assert together.shape == (20, 10)
        for row, alone in zip(together, weights, strict=True):
            np.testing.assert_array_equal(row, average_precision(matches, alone[None])[0])


GOOD, ODD = (0, 0, 10, 10), (50, 50, 70, 70)


@pytest.mark.parametrize("odd", [{"ignore": True}, {"iscrowd": True}, {"ignore": True, "iscrowd": True}])
def test_an_ignore_box_neither_counts_nor_costs(make_dataset, make_detections, odd):
    dataset = make_dataset([[(*GOOD, 0), (*ODD, 0, odd)]])
    found, missed = make_detections([[(*ODD, 0, 0.9), (*GOOD, 0, 0.8)]]), make_detections([[(*GOOD, 0, 0.8)]])
    for detections in (found, missed):
        (matches,) = of_each_class(dataset, detections)
        assert matches.truths.tolist() == [1]
        np.testing.assert_allclose(average_precision(matches, once(dataset)), 1)


def test_a_detection_on_nothing_costs_what_one_on_an_ignore_box_does_not(make_dataset, make_detections):
    dataset = make_dataset([[(*GOOD, 0)]])
    (matches,) = of_each_class(dataset, make_detections([[(*ODD, 0, 0.9), (*GOOD, 0, 0.8)]]))
    np.testing.assert_allclose(average_precision(matches, once(dataset)), 0.5)


def test_an_ignore_box_is_no_crowd(make_dataset, make_detections):
    """Parts of a crowd match it, many of them; a part of an ignore box, or a second match, is a mistake."""
    part = (50, 50, 58, 58)
    part_of_it = make_detections([[(*part, 0, 0.9), (*GOOD, 0, 0.8)]])
    twice = make_detections([[(*ODD, 0, 0.95), (*ODD, 0, 0.9), (*GOOD, 0, 0.8)]])
    for detections in (part_of_it, twice):
        for odd, expected in (("ignore", 0.5), ("iscrowd", 1.0)):
            dataset = make_dataset([[(*GOOD, 0), (*ODD, 0, {odd: True})]])
            (matches,) = of_each_class(dataset, detections)
            np.testing.assert_allclose(average_precision(matches, once(dataset)), expected)


def test_a_box_that_counts_comes_before_an_ignore_box_that_fits_better(make_dataset, make_detections):
    dataset = make_dataset([[(0, 0, 10, 10, 0), (0, 0, 10, 8, 0, {"ignore": True})]])
    (matches,) = of_each_class(dataset, make_detections([[(0, 0, 10, 8, 0, 0.9)]]))
    assert matches.hit[coco.AT_50].tolist() == [True]
    assert matches.ignored[-1].tolist() == [True]  # at IoU 0.95 only the ignore box is left


def test_nothing_is_printed_and_the_ground_truth_is_left_alone(random_case, capsys):
    dataset, detections = random_case(5)
    before = dataset.boxes.copy()
    of_each_class(dataset, detections)
    assert capsys.readouterr() == ("", "")
    assert dataset.boxes.equals(before)
