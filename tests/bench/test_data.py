import pytest

from shopee_od.bench import data
from shopee_od.datasets.deepfashion import read_consumer_to_shop
from shopee_od.datasets.shopsim import make_shopsim
from shopee_od.datasets.tfrecord import convert
from shopee_od.types import InputError


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPEE_OD_DATA", str(root / "data"))
        with pytest.raises(InputError, match="shopee-od data make shopsim"):
            data.full_size(root, 100)
        make_shopsim(root / "data" / "shopsim", 40)
        return root, data.full_size(root, 100)


def test_the_full_size_set_reads_as_consumer_to_shop(here):
    _, root = here
    read = read_consumer_to_shop(root)
    assert len(read) == len(read.boxes) == 100
    assert not [kind for kind in read.problems.counts if "no pair" not in kind]
    assert read.images["item"].str[:7].nunique() == 3  # repetitions
    assert "train" in set(read.images.split)


def test_it_is_made_once(here):
    folder, root = here
    before = root.stat().st_mtime_ns
    assert data.full_size(folder, 100) == root and root.stat().st_mtime_ns == before


def test_the_pipeline_and_its_peer_deliver(here, monkeypatch):
    folder, root = here
    monkeypatch.setattr(data, "FED", 40)
    monkeypatch.setattr(data, "RUNS", 1)
    convert(read_consumer_to_shop(root), folder / "records", 32)
    rates = data._feed(str(folder / "records"))
    assert rates["ours"] > 0 and rates["bare"] > 0
