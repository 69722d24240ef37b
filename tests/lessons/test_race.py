"""The race: the same photos for all stages, a row each, read again from disk."""

import numpy as np
import pytest

from shopee_od.lessons import begin, race
from shopee_od.types import Cost, Detections


class Guesser:
    """Finds the same box in every photo, and counts."""

    parameters, threshold, name = 4, 0.5, "guesser"

    def __init__(self, data, weights="none"):
        self.classes, self.types, self.cost = data.classes, data.types, Cost(photos=5, seconds=50, regions=70)
        self.trained = {"minutes": 0.5, "photos": 7, "weights": weights}

    def detect(self, images, score_threshold=0.05, max_detections=100):
        for image in images:
            was, (height, width) = self.cost, image.shape[:2]
            self.cost = Cost(was.photos + 1, was.seconds + 2, was.regions + 30, was.cnn_passes + 3, 10**9)
            yield Detections(np.array([[0, 0, width, height]]), np.array([0.9]), np.array([0]))


@pytest.fixture
def setting(tmp_path, shared_shopsim):
    return begin("02_test", "smoke", "shopsim", str(shared_shopsim), str(tmp_path / "out"))


@pytest.fixture(scope="module")
def shared_shopsim(tmp_path_factory):
    from shopee_od.datasets.shopsim import make_shopsim

    folder = tmp_path_factory.mktemp("data") / "shopsim"
    make_shopsim(folder, 96)
    return folder


def test_all_stages_have_the_same_photos_and_no_test_photo_is_trained_on(setting):
    train, val, test = race.photos(setting)
    assert [each.images.split.unique().tolist() for each in (train, val, test)] == [["train"], ["val"], ["test"]]
    assert all(a.images.equals(b.images) for a, b in zip((train, val, test), race.photos(setting), strict=True))
    assert not set(train.images["item"]) & set(test.images["item"])


def test_a_row_holds_accuracy_and_the_cost_of_this_run_alone(setting):
    row = race.enter(setting, "rcnn", Guesser(setting.data))
    photos = len(race.photos(setting)[2])
    assert row["test_photos"] == photos and row["train_photos"] == 7 and row["training_minutes"] == 0.5
    assert (row["regions"], row["cnn_passes"], row["seconds"]) == (30, 3, 2)  # a photo
    assert row["peak_memory"] == 10**9 and row["parameters"] == 4 and row["weights"] == "none"
    assert 0 <= row["AP"] <= row["AP50"] <= 1 and 0 <= row["recall"] <= 1


def test_rows_are_kept_from_the_bottom_of_the_ladder_and_the_last_one_counts(setting):
    assert len(race.rows(setting)) == 0
    for stage, weights in (("rcnn", "a"), ("hog_svm", "b"), ("rcnn", "c")):
        race.enter(setting, stage, Guesser(setting.data, weights))
    rows = race.rows(setting)
    assert rows.index.tolist() == ["hog_svm", "rcnn"] and rows.weights.tolist() == ["b", "c"]


def test_a_table_names_its_columns_and_reads_gigabytes(setting):
    race.enter(setting, "cnn_once", Guesser(setting.data))
    table = race.table(race.rows(setting))
    assert table.index.tolist() == ["Sliding windows: the CNN once"]
    assert table["memory, GB"].tolist() == [1.0] and table["CNN passes"].tolist() == [3]


def test_metrics_carry_their_stage_and_hold_no_names(setting):
    row = race.enter(setting, "spp_net", Guesser(setting.data))
    metrics = race.metrics("spp_net", row)
    assert metrics["spp_net_AP50"] == row["AP50"] and "spp_net_name" not in metrics


def test_a_stage_has_a_place_on_the_ladder(setting):
    with pytest.raises(KeyError):
        race.enter(setting, "yolo", Guesser(setting.data))
