"""Fingerprints: by what the results of notebooks and data sets are identified."""

import nbformat
from small_notebooks import tiny_data, write_notebook

from shopee_od.reports import fingerprints


def test_keys_depend_on_contents_not_on_paths(tmp_path):
    notebook = nbformat.read(write_notebook(tmp_path / "01_a.ipynb", "1"), as_version=4)
    key = fingerprints.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    assert key == fingerprints.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    assert len({key, fingerprints.notebook_key(notebook, {"seed": 1}, {"data": "a"}, [])}) == 2
    assert key != fingerprints.notebook_key(notebook, {"seed": 0}, {"data": "b"}, [])
    assert key != fingerprints.notebook_key(notebook, {"seed": 0}, {"data": "a"}, ["k"])
    notebook.cells[-1].metadata["tags"] = ["slow"]
    assert key != fingerprints.notebook_key(notebook, {"seed": 0}, {"data": "a"}, [])
    one, two = tiny_data(tmp_path / "one"), tiny_data(tmp_path / "two")
    assert fingerprints.hash_dataset("coco", one) == fingerprints.hash_dataset("coco", two)
    (two / "annotations.json").write_text("{ }")
    assert fingerprints.hash_dataset("coco", one) != fingerprints.hash_dataset("coco", two)
    for root in (one, two):
        (root / "shopsim.json").write_text("{}")  # the recipe that determines synthetic data
    assert fingerprints.hash_dataset("coco", one) == fingerprints.hash_dataset("coco", two)
    (tmp_path / "m.py").write_text("1")
    before = fingerprints.hash_sources(tmp_path)
    (tmp_path / "m.py").write_text("2")
    assert fingerprints.hash_sources(tmp_path) != before
    before = fingerprints.hash_sources(tmp_path)
    (tmp_path / "models" / "shop").mkdir(parents=True)
    (tmp_path / "models" / "shop" / "detector.json").write_text("{}")
    assert fingerprints.hash_sources(tmp_path) != before
    assert fingerprints.hash_path(tmp_path / "absent") == ""


def test_data_are_identified_by_all_that_their_reader_reads(tmp_path):
    for name in ("Annotations/a.xml", "JPEGImages/a.jpg", "ImageSets/Main/test.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    before = fingerprints.hash_dataset("voc", tmp_path)
    (tmp_path / "JPEGImages" / ".DS_Store").touch()
    assert fingerprints.hash_dataset("voc", tmp_path) == before
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("")
    assert fingerprints.hash_dataset("voc", tmp_path) != before
    category = tmp_path / "category"
    (category / "Anno").mkdir(parents=True)
    known = {fingerprints.hash_dataset("deepfashion-category", category)}
    for name in ("list_bbox.txt", "list_category_img.txt", "list_category_cloth.txt"):
        (category / "Anno" / name).touch()
        known.add(fingerprints.hash_dataset("deepfashion-category", category))
    assert len(known) == 4


def test_a_broken_link_is_identified_by_its_name(tmp_path):
    before = fingerprints.hash_path(tmp_path)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert fingerprints.hash_path(tmp_path) not in ("", before)
