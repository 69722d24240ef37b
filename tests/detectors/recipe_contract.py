"""What every recipe does: the tests that the test class of a recipe inherits."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from shopee_od import load
from shopee_od.detector import Detector
from shopee_od.detectors.pipeline import STEPS, WEIGHTS_FILE, Pipeline
from shopee_od.errors import InputError
from shopee_od.structures import BoxStage, ScoreStage

STAGES = ["proposals", "features", "scores", "candidates", "detections"]
NO_PHOTOS = {
    "gray": np.zeros((64, 64), np.uint8),
    "with alpha": np.zeros((64, 64, 4), np.uint8),
    "floats": np.zeros((64, 64, 3)),
    "a list": [],
}


@dataclass(frozen=True)
class Trained:
    """A detector trained on the shapes, and the folder that it was trained in."""

    detector: Pipeline
    run_dir: Path


def train(detector: Pipeline, shapes, run_dir: Path) -> Trained:
    """Trains a detector on the shapes."""
    detector.fit(shapes.split("train"), shapes.split("val"), run_dir)
    return Trained(detector, run_dir)


class RecipeContract:
    """Tests of a fixture `trained`; a subclass says how many passes of a CNN are expected."""

    kind: str
    min_ap50 = 0.8
    box_tolerance = 0.0
    """Pixels; where a network's sums depend on where in memory its inputs are."""
    score_tolerance = 0.0

    def expected_passes(self, detector: Pipeline, regions: int) -> int:
        raise NotImplementedError

    def test_it_detects_the_shapes_it_was_trained_on(self, trained, shapes):
        from shopee_od.evaluation import evaluate

        detector = trained.detector
        assert isinstance(detector, Detector)
        metrics = evaluate(detector, shapes.split("test"), bootstrap=0)
        assert metrics["AP50"] > self.min_ap50
        assert detector.metadata["photos"] == 30
        assert detector.metadata["weights"] == detector.initial_weights
        assert 0 < detector.threshold < 1
        files = {file.name for file in trained.run_dir.iterdir()}
        assert files == {"detector.json", WEIGHTS_FILE}

    def test_regions_passes_and_seconds_are_counted(self, trained, shape_photo):
        detector = trained.detector
        image, _ = shape_photo(np.random.default_rng(8), 1, 100)
        before = detector.cost
        seconds_before = dict(detector.seconds)
        [detections] = detector.detect([image])
        after = detector.cost
        regions = len(detector.slots.proposer.propose(image))
        assert after.images - before.images == 1
        assert after.regions - before.regions == regions > 15
        passes = after.cnn_passes - before.cnn_passes
        assert passes == self.expected_passes(detector, regions)
        assert after.peak_memory > 0
        seconds = {step: detector.seconds[step] - seconds_before[step] for step in STEPS}
        assert min(seconds.values()) > 0
        assert sum(seconds.values()) <= after.seconds - before.seconds + 1e-9
        assert 1 <= len(detections) <= 100
        assert (detections.boxes >= 0).all()
        assert (detections.boxes <= np.array([150, 180, 150, 180]) + 1e-3).all()

    def test_saved_and_loaded_it_detects_the_same(self, trained, shape_photo, tmp_path):
        detector = trained.detector
        detector.save(tmp_path / "copy")
        image, _ = shape_photo(np.random.default_rng(5), 1, 90)
        [expected] = detector.detect([image])
        assert len(expected)
        for directory in (trained.run_dir, tmp_path / "copy"):
            loaded = load(directory)
            assert type(loaded) is type(detector) and loaded.kind == self.kind
            assert loaded.config == detector.config
            assert replace(loaded.info, config={}) == replace(detector.info, config={})
            assert loaded.num_parameters == detector.num_parameters
            assert loaded.history.equals(detector.history)
            [detections] = loaded.detect([image])
            np.testing.assert_array_equal(detections.labels, expected.labels)
            for name, tolerance in (
                ("boxes", self.box_tolerance),
                ("scores", self.score_tolerance),
            ):
                np.testing.assert_allclose(
                    getattr(detections, name), getattr(expected, name), rtol=0, atol=tolerance
                )

    def test_trained_again_in_the_same_folder_it_is_reused(self, trained, shapes):
        file = trained.run_dir / WEIGHTS_FILE
        before = file.stat().st_mtime_ns
        again = type(trained.detector)(trained.detector.config)
        again.fit(shapes.split("train"), shapes.split("val"), trained.run_dir)
        assert file.stat().st_mtime_ns == before
        assert again.threshold == trained.detector.threshold
        assert again.history.equals(trained.detector.history)

    @pytest.mark.parametrize("damage", ["absent", "cut", "other shapes", "other names"])
    def test_damaged_weights_are_refused(self, trained, tmp_path, damage):
        trained.detector.save(tmp_path / "copy")
        file = tmp_path / "copy" / WEIGHTS_FILE
        with np.load(file) as saved:
            arrays = dict(saved)
        if damage == "absent":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:200])
        elif damage == "other shapes":
            of_head = [name for name in arrays if name.startswith("head.")]
            largest = max(of_head, key=lambda name: arrays[name].size)
            np.savez(file, **arrays | {largest: arrays[largest][:-1]})
        else:
            np.savez(file, weights_x=np.zeros(3))
        with pytest.raises(InputError, match=r"weights\.npz: damaged or absent; save"):
            load(tmp_path / "copy")

    def test_weights_for_other_classes_are_refused(self, trained, tmp_path):
        trained.detector.save(tmp_path / "copy")
        file = tmp_path / "copy" / "detector.json"
        text = file.read_text(encoding="utf-8")
        changed = text.replace('"ring"', '"ring", "square"').replace(
            '"upper",', '"upper", "upper",'
        )
        file.write_text(changed, encoding="utf-8")
        with pytest.raises(InputError, match=r"weights\.npz: damaged or absent; save"):
            load(tmp_path / "copy")

    def test_a_trace_has_five_stages(self, trained, shape_photo):
        detector = trained.detector
        image, _ = shape_photo(np.random.default_rng(5), 0, 100)
        images = detector.cost.images
        trace = detector.explain(image)
        assert detector.cost.images == images, "explaining is not detecting"
        assert [stage.name for stage in trace.stages] == STAGES
        assert all(stage.description for stage in trace.stages)
        proposals, _, scores, candidates, detections = trace.stages
        assert isinstance(proposals, BoxStage) and isinstance(scores, ScoreStage)
        assert isinstance(candidates, BoxStage) and isinstance(detections, BoxStage)
        assert scores.scores.shape == (len(proposals.boxes), 2)
        assert len(proposals.boxes) > len(candidates.boxes) >= len(detections.boxes) >= 1
        assert (candidates.scores >= detector.threshold).all()
        if candidates.before is not None:
            assert candidates.before.shape == candidates.boxes.shape
        assert all(stage.seconds > 0 for stage in trace.stages[:3])
        [expected] = detector.detect([image], detector.threshold)
        for name in ("boxes", "scores", "labels"):
            np.testing.assert_array_equal(getattr(detections, name), getattr(expected, name))

    @pytest.mark.parametrize("given", NO_PHOTOS)
    def test_what_is_no_photo_is_refused(self, trained, given):
        detector = trained.detector
        for use in (detector.explain, lambda image: next(detector.detect([image]))):
            with pytest.raises(InputError, match="a photo is uint8"):
                use(NO_PHOTOS[given])

    def test_a_photo_without_anything_in_it_has_no_garment(self, trained):
        image = np.full((40, 30, 3), 128, np.uint8)
        [detections] = trained.detector.detect([image], 0.5)
        assert len(detections) == 0
        assert [stage.name for stage in trained.detector.explain(image).stages] == STAGES

    def test_without_boxes_it_cannot_be_trained(self, trained, shapes, tmp_path):
        unlabeled = shapes.with_classes(shapes.classes, shapes.boxes.iloc[:0])
        with pytest.raises(InputError, match="no training photo has a box"):
            type(trained.detector)().fit(unlabeled, None, tmp_path / "run")
