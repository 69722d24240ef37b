import pytest

from benchmarks import data
from shopee_od.datasets.deepfashion import read_consumer_to_shop
from shopee_od.datasets.tfrecord import convert
from shopee_od.errors import InputError
from shopee_od.shopsim import make_shopsim

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def full_size(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPEE_OD_DATA", str(root / "data"))
        with pytest.raises(InputError, match="shopee-od data make shopsim"):
            data.build_full_size(root, 100)
        make_shopsim(root / "data" / "shopsim", 40)
        return root, data.build_full_size(root, 100)


def test_the_full_size_set_reads_as_consumer_to_shop(full_size):
    _, root = full_size
    read = read_consumer_to_shop(root)
    assert len(read) == len(read.boxes) == 100
    assert not [kind for kind in read.problems.counts if "no pair" not in kind]
    assert read.images["item"].str[:7].nunique() == 3  # repetitions
    assert "train" in set(read.images.split)


def test_it_is_built_once(full_size):
    folder, root = full_size
    before = root.stat().st_mtime_ns
    assert data.build_full_size(folder, 100) == root and root.stat().st_mtime_ns == before


def test_the_pipeline_and_its_baseline_deliver(full_size, monkeypatch):
    folder, root = full_size
    monkeypatch.setattr(data, "FED_PHOTOS", 40)
    monkeypatch.setattr(data, "RUNS", 1)
    convert(read_consumer_to_shop(root), folder / "records", 32)
    rates = data._feed(str(folder / "records"))
    assert rates["pipeline"] > 0 and rates["baseline"] > 0
