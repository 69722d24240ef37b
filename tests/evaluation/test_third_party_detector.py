"""Evaluation of a detector that satisfies the protocol and nothing more, from files to metrics."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.detector import Detector
from shopee_od.errors import InputError
from shopee_od.evaluation import evaluate, format_table, predict
from shopee_od.evaluation.cross_dataset import evaluate_cross_dataset
from shopee_od.evaluation.prediction_cache import load_or_compute_predictions
from shopee_od.structures import Cost, Detections, Trace

TAXONOMY = """
shop:
  upper: {Tops: [T-shirts]}
classes:
  bright: {shirt: T-shirts, vest: Tops}
  elsewhere: {shirt: T-shirts}
"""


class BrightBoxDetector:
    """Detects one class: the bounding box of the bright pixels. It knows only the protocol."""

    classes = ("shirt",)
    types = ("upper",)
    threshold = 0.5
    category_threshold = 0.0
    name = "bright"
    num_parameters = 1

    def __init__(self, metadata=None):
        self.metadata = metadata or {}
        self.cost = Cost(images=3, seconds=100.0)  # from earlier images, which must not count

    def fit(self, train, val, run_dir, seed=0):
        raise NotImplementedError

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            seconds = self.cost.seconds + 0.25
            self.cost = replace(self.cost, images=self.cost.images + 1, seconds=seconds)
            y, x = np.nonzero(image.mean(axis=2) > 128)
            box = [[x.min(), y.min(), x.max() + 1, y.max() + 1]] if len(x) else np.zeros((0, 4))
            yield Detections(box, [0.9] * len(box), [0] * len(box))

    def explain(self, image):
        return Trace(image, ())

    def save(self, directory):
        raise NotImplementedError


@pytest.fixture
def dataset(tmp_path):
    """Three images: a bright box of each of two classes, and nothing."""
    images = []
    rows = []
    for i, box in enumerate([(5, 10, 30, 40), (20, 0, 44, 20), None], 1):
        pixels = np.zeros((50, 60, 3), np.uint8)
        if box:
            x1, y1, x2, y2 = box
            pixels[y1:y2, x1:x2] = 255
            corners = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            rows.append({"box_id": i, "image_id": i * 10, "label": 0, "type": "upper"} | corners)
        path = tmp_path / f"{i}.png"
        Image.fromarray(pixels).save(path)
        size = {"width": 60, "height": 50}
        images.append({"image_id": i * 10, "path": str(path), "split": "test"} | size)
    return Dataset.build("bright", tmp_path, ("shirt",), images, rows)


@pytest.fixture
def taxonomy(tmp_path):
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY)
    return read_taxonomy(tmp_path / "taxonomy.yaml")


def add_unknown_class(dataset):
    """The data set with a second class, of its second box, that the detector does not know."""
    return dataset.with_classes(("shirt", "vest"), dataset.boxes.assign(label=[0, 1]))


def test_it_satisfies_the_protocol():
    assert isinstance(BrightBoxDetector(), Detector)
    assert BrightBoxDetector.__bases__ == (object,)


def test_from_files_to_metrics(dataset, capsys):
    result = evaluate(BrightBoxDetector(), dataset, bootstrap=20, progress=False)
    assert result["AP"] == result["per_type"]["upper"]["AP"] == pytest.approx(1)
    assert (result["photos"], result["photos_with_a_hit"]) == (3, 1)
    assert result["seconds_per_photo"] == pytest.approx(0.25)
    assert capsys.readouterr() == ("", "")


def test_predict_reads_image_by_image_and_shows_progress_on_stderr(dataset, capsys):
    detections = predict(BrightBoxDetector(), dataset)
    assert {i: len(d) for i, d in detections.items()} == {10: 1, 20: 1, 30: 0}
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err


def test_a_detector_that_skips_an_image_is_refused(dataset):
    class SkippingDetector(BrightBoxDetector):
        def detect(self, images, **options):
            yield from list(super().detect(images, **options))[1:]

    with pytest.raises(ValueError, match="shorter"):
        predict(SkippingDetector(), dataset, progress=False)


def test_a_truncated_image_is_left_out_and_named(dataset):
    broken = Path(dataset.images.path[0])
    broken.write_bytes(broken.read_bytes()[:80])
    result = evaluate(BrightBoxDetector(), dataset, bootstrap=0, progress=False)
    assert result["photos"] == 2 and result["AP"] == pytest.approx(1)
    assert list(result["left_out"]) == [str(broken)] and "1.png" in format_table(result)
    for path in dataset.images.path:
        Path(path).write_bytes(b"")
    with pytest.raises(InputError, match="no image can be read"):
        evaluate(BrightBoxDetector(), dataset, progress=False)


def test_a_detector_that_counts_no_cost_has_no_seconds(dataset):
    class UncountedDetector(BrightBoxDetector):
        def detect(self, images, **options):
            for image in images:
                yield next(BrightBoxDetector().detect([image], **options))

    result = evaluate(UncountedDetector(), dataset, bootstrap=0, progress=False)
    assert result["seconds_per_photo"] is None
    assert "s/image" not in format_table(result)


def test_by_taxonomy_where_it_names_its_data_set(dataset, taxonomy, capsys):
    detector = BrightBoxDetector({"dataset": "elsewhere"})
    data = add_unknown_class(dataset)
    result = evaluate(detector, data, bootstrap=0, progress=False, taxonomy=taxonomy)
    assert result["unknown_classes"] == ["vest"]
    assert result["shop"]["per_name"]["Tops"]["boxes"] == 2
    assert result["shop"]["AP50"] == pytest.approx(1)
    assert capsys.readouterr().err == ""


def test_without_metadata_it_is_evaluated_but_not_by_taxonomy(dataset, taxonomy, capsys):
    detector = BrightBoxDetector()
    data = add_unknown_class(dataset)
    result = evaluate(detector, data, bootstrap=0, progress=False, taxonomy=taxonomy)
    assert result["AP"] == pytest.approx(1) and result["shop"] is None
    message = capsys.readouterr().err
    assert "not evaluated by taxonomy group" in message and "metadata" in message
    detections = predict(detector, data, progress=False)
    with pytest.raises(InputError, match=r"set metadata\['dataset'\]"):
        evaluate_cross_dataset(detections, data, detector, taxonomy)


def test_a_class_that_the_taxonomy_lacks_is_named_on_stderr(dataset, taxonomy, capsys):
    detector = BrightBoxDetector({"dataset": "nowhere"})
    data = add_unknown_class(dataset)
    result = evaluate(detector, data, bootstrap=0, progress=False, taxonomy=taxonomy)
    assert result["shop"] is None
    assert "does not map nowhere: 'shirt'" in capsys.readouterr().err


def test_its_predictions_are_cached(dataset, tmp_path):
    detector = BrightBoxDetector()
    folder = tmp_path / "cached"
    computed = load_or_compute_predictions(detector, dataset, folder, progress=False)
    cached = load_or_compute_predictions(BrightBoxDetector(), dataset, folder, progress=False)
    assert (computed.from_cache, cached.from_cache) == (False, True)
    assert computed.seconds_per_image == cached.seconds_per_image == pytest.approx(0.25)
    for image_id, detections in computed.detections.items():
        np.testing.assert_array_equal(cached.detections[image_id].boxes, detections.boxes)
