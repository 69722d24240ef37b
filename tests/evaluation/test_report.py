"""The figures as text."""

import re

from shopee_od.evaluation import score, table

TOP = (0, 0, 40, 40)


def shown(make_dataset, make_detections, classes, **more):
    dataset = make_dataset(
        [[(*TOP, i % 2, {"type": "upper"})] for i in range(8)] + [[(*TOP, 2, {"type": "full"})]],
        classes=("shirt", "coat", "kimono"),
    )
    found = [[(*TOP, i % 2, 0.9)] if i != 1 else [] for i in range(8)] + [[]]
    result = score(make_detections(found), dataset, classes, ("upper", "upper"), 0.4, **more)
    return result, table(result)


def test_every_figure_stands_in_its_row(make_dataset, make_detections):
    result, text = shown(make_dataset, make_detections, ("shirt", "coat"), bootstrap=50)
    low, high = result["intervals"]["AP50"]
    assert f"{result['AP50']:.3f} ({low:.2f} to {high:.2f})" in text
    low, high = result["intervals"]["photos_with_a_hit"]
    assert f"at least 0.40: 78% ({low:.0%} to {high:.0%})" in text
    for name, row in (result["per_class"] | result["per_type"]).items():
        cells = re.search(rf"^{name} +(\S+) +(\S+) +(\S+)$", text, re.MULTILINE).groups()
        expected = [str(row["boxes"]), *("–" if row[k] is None else f"{row[k]:.3f}" for k in ("AP", "AP50"))]
        assert list(cells) == expected
    assert text.index("\nshirt ") < text.index("\ncoat ")  # best first
    assert "does not know kimono" in text


def test_without_classes_intervals_or_seconds_it_still_reads(make_dataset, make_detections):
    _, text = shown(make_dataset, make_detections, ("dirndl", "sari"), bootstrap=0)
    assert "mean over classes" in text
    assert "None" not in text
    assert "nan" not in text
    assert "s a photo" not in text


def test_seconds_are_shown_where_known(make_dataset, make_detections):
    result, _ = shown(make_dataset, make_detections, ("shirt", "coat"), bootstrap=0)
    assert "0.25 s a photo" in table(result | {"seconds_per_photo": 0.25})
