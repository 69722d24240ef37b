"""Several data sets evaluated each apart and all together."""

from dataclasses import replace

import pytest
from joint_cases import (
    CLASSES,
    make_dataset,
    make_detections,
    make_detector,
    make_home,
    make_street,
)

from shopee_od.datasets.dataset import Dataset
from shopee_od.errors import InputError
from shopee_od.evaluation import evaluate, evaluate_sources, format_table, scoring
from shopee_od.evaluation.prediction import Predictions


@pytest.fixture
def predicted(monkeypatch):
    """Makes evaluation use given detections, by data set, without reading images."""

    def give(detections, unreadable=None, seconds=None):
        monkeypatch.setattr(
            scoring,
            "compute_predictions",
            lambda detector, dataset, progress: Predictions(
                detections[dataset.name],
                (unreadable or {}).get(dataset.name, {}),
                (seconds or {}).get(dataset.name),
            ),
        )

    return give


def test_sources_apart_and_together(street, home, taxonomy, predicted):
    detections = {
        "street": {5: make_detections((0, 1, 0.9), (1, 3, 0.8))},
        "home": {8: make_detections((0, 0, 0.9), (1, 1, 0.8), (2, 2, 0.3))},
    }
    predicted(detections, seconds={"street": 0.5})
    result = evaluate_sources(make_detector(), [street, home], taxonomy, bootstrap=5)
    assert set(result) == {"sources", "together"}
    for name, dataset in (("street", street), ("home", home)):
        apart = evaluate(make_detector(), dataset, bootstrap=5, taxonomy=taxonomy)
        assert result["sources"][name] == apart
    assert list(result["sources"]["street"]["per_class"]) == ["blouse", "coat", "mini"]
    together = result["together"]
    assert together.keys() == result["sources"]["home"].keys()
    assert list(together["per_class"]) == list(CLASSES)
    assert together["photos"] == 2 and together["agnostic"]["boxes"] == 7
    assert together["per_class"]["top"]["boxes"] == 1
    assert together["AP50"] == pytest.approx(1)
    assert together["seconds_per_photo"] == 0.5
    # The detector does not know bikinis: how many are found is reported apart.
    assert together["unknown_classes"] == ["bikini"]
    assert together["shop"]["gaps"] == {"Swimwear": {"boxes": 1, "found": 0.0}}
    # By the taxonomy's groups, as before.
    assert result["sources"]["home"]["shop"]["gaps"]["Swimwear"]["boxes"] == 1
    assert result["sources"]["home"]["shop"]["per_name"]["Tops"]["boxes"] == 2
    assert "blouse" in format_table(result["sources"]["street"])


def test_an_unreadable_image_is_left_out_of_its_source_and_of_all(
    street, home, taxonomy, predicted
):
    images = street.images.to_dict("records")
    images.append(images[0] | {"image_id": 6, "path": "/broken.jpg"})
    street = replace(
        Dataset.build("street", "/street", street.classes, images, street.boxes),
        problems=street.problems,
    )
    detections = {"street": {5: make_detections((0, 1, 0.9))}, "home": {8: make_detections()}}
    predicted(detections, {"street": {"/broken.jpg": "is no photo"}})
    result = evaluate_sources(make_detector(), [street, home], taxonomy, bootstrap=0)
    assert result["sources"]["street"]["photos"] == 1 and result["together"]["photos"] == 2
    assert result["together"]["left_out"] == {"/broken.jpg": "is no photo"}
    assert result["together"]["seconds_per_photo"] is None


def test_a_class_that_the_taxonomy_lacks_is_no_class_of_the_same_name(taxonomy, predicted, capsys):
    """Refused before the images are read."""
    mixed = make_dataset("home", ("kimono", "top"), ("kimono", "upper"))
    with pytest.raises(InputError, match=r"'top' is a category.* 'kimono'; add it below classes"):
        evaluate(make_detector(), mixed, bootstrap=0, taxonomy=taxonomy)
    predicted({"home": {5: make_detections((0, 0, 0.9))}})
    own = make_detector("home", ("kimono", "top"), ("upper", "upper"))
    assert evaluate(own, mixed, bootstrap=0, taxonomy=taxonomy)["AP50"] == pytest.approx(1)
    unnamed = make_detector(None, ("coat",), ("upper",))
    with pytest.raises(InputError, match=r"'coat' is a category.*set metadata\['dataset'\]"):
        evaluate_sources(unnamed, [make_street(), make_home()], taxonomy, bootstrap=0)


def test_a_class_that_the_taxonomy_lacks(street, taxonomy, predicted, capsys):
    other = make_dataset("home", ("kimono",), ("kimono", "upper"), image_id=8)
    predicted({"street": {5: make_detections()}, "home": {8: make_detections((0, 0, 0.9))}})
    result = evaluate(make_detector(), other, bootstrap=0, taxonomy=taxonomy)
    assert result["unknown_classes"] == ["kimono"] and result["shop"] is None
    assert "does not map home: 'kimono'" in capsys.readouterr().err
    with pytest.raises(InputError, match="'kimono' is missing"):
        evaluate_sources(make_detector(), [street, other], taxonomy)
