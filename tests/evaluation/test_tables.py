"""Metrics as text."""

import re

from shopee_od.evaluation import format_table, score

TOP = (0, 0, 40, 40)


def format_case(make_dataset, make_detections, classes, **options):
    """The metrics of nine images with three classes, and their text."""
    dataset = make_dataset(
        [[(*TOP, i % 2, {"type": "upper"})] for i in range(8)] + [[(*TOP, 2, {"type": "full"})]],
        classes=("shirt", "coat", "kimono"),
    )
    rows = [[(*TOP, i % 2, 0.9)] if i != 1 else [] for i in range(8)] + [[]]
    metrics = score(make_detections(rows), dataset, classes, ("upper", "upper"), 0.4, **options)
    return metrics, format_table(metrics)


def test_every_metric_is_in_its_row(make_dataset, make_detections):
    metrics, text = format_case(make_dataset, make_detections, ("shirt", "coat"), bootstrap=50)
    low, high = metrics["intervals"]["AP50"]
    assert f"{metrics['AP50']:.3f} ({low:.2f} to {high:.2f})" in text
    low, high = metrics["intervals"]["photos_with_a_hit"]
    assert f"at least 0.40: 78% ({low:.0%} to {high:.0%})" in text
    for name, row in (metrics["per_class"] | metrics["per_type"]).items():
        cells = re.search(rf"^{name} +(\S+) +(\S+) +(\S+)$", text, re.MULTILINE).groups()
        expected = [
            str(row["boxes"]),
            *("–" if row[k] is None else f"{row[k]:.3f}" for k in ("AP", "AP50")),
        ]
        assert list(cells) == expected
    assert text.index("\nshirt ") < text.index("\ncoat ")  # highest AP first
    assert "does not know: kimono" in text


def test_it_says_what_average_recall_is(make_dataset, make_detections):
    _, text = format_case(make_dataset, make_detections, ("shirt", "coat"), bootstrap=0)
    assert "averaged over the IoU thresholds 0.50 to 0.95 and over the classes" in text
    assert "per image and class" in text
    assert max(map(len, text.splitlines())) <= 100


def test_without_classes_intervals_or_seconds(make_dataset, make_detections):
    _, text = format_case(make_dataset, make_detections, ("dirndl", "sari"), bootstrap=0)
    assert "mean over classes" in text
    assert "None" not in text
    assert "nan" not in text
    assert "s/image" not in text


def test_seconds_are_shown_where_known(make_dataset, make_detections):
    metrics, _ = format_case(make_dataset, make_detections, ("shirt", "coat"), bootstrap=0)
    assert "0.25 s/image" in format_table(metrics | {"seconds_per_photo": 0.25})
