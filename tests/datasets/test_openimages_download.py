"""What is fetched, and how a download resumes."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from openimages_files import box_text, photo_id, photo_text
from openimages_server import (
    BLOCK,
    BOX_PATH,
    BOXES,
    PHOTO_PATH,
    PHOTOS,
    TRAIN,
    fetch,
    photos_in,
    serve_openimages,
)

from shopee_od.datasets.http import PARTS
from shopee_od.datasets.openimages import SUBSETS, read_openimages
from shopee_od.datasets.openimages_download import Addresses
from shopee_od.errors import InputError


@pytest.fixture
def server(monkeypatch, own_cache):
    monkeypatch.setattr("shopee_od.datasets.csv_stream.BLOCK", BLOCK)
    with serve_openimages() as server:
        yield server


def rows_of(file):
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def test_the_first_photos_of_each_class_are_fetched_with_all_their_boxes(server, tmp_path):
    result = fetch(server, tmp_path)
    assert (result.fetched, result.left_out) == (2, ())
    assert photos_in(tmp_path) == [1, 3]  # in photo 2 is a group
    boxes = rows_of(tmp_path / TRAIN.box_file)
    assert [row["ImageID"] for row in boxes] == [photo_id(1), photo_id(3), photo_id(3)]
    assert len(boxes[0]) == 21
    dataset = read_openimages(tmp_path)
    assert len(dataset) == 2 and len(dataset.boxes) == 2 and not dataset.problems
    assert not (tmp_path / PARTS).exists()
    last = max(start for path, start in server.asked if path == BOX_PATH)
    assert last < len(server.files[BOX_PATH]) / 2  # once there are enough photos, it ends


def test_author_and_license_of_each_photo_are_kept(server, tmp_path):
    fetch(server, tmp_path)
    rows = rows_of(tmp_path / TRAIN.photo_file)
    assert [row["ImageID"] for row in rows] == [photo_id(1), photo_id(3)]
    assert {row["Author"] for row in rows} == {"Ann Ö."}
    assert {row["Title"] for row in rows} == {'A "dress", red'}
    assert {row["License"] for row in rows} == {"https://creativecommons.org/licenses/by/2.0/"}


def test_the_choice_depends_on_neither_blocks_nor_the_order_of_commands(
    server, tmp_path, monkeypatch
):
    fetch(server, tmp_path / "a", ("Dress", "Brassiere"), 3)
    assert photos_in(tmp_path / "a") == [1, 3, 5, 9]  # ROTATED is not
    assert len(rows_of(tmp_path / "a" / TRAIN.photo_file)) == 5
    monkeypatch.setattr("shopee_od.datasets.csv_stream.BLOCK", 10**6)
    fetch(server, tmp_path / "b", ("Brassiere",), 3)
    fetch(server, tmp_path / "b", ("Dress",), 1)
    fetch(server, tmp_path / "b", ("dress", "Brassiere"), 3)
    for name in (TRAIN.box_file, TRAIN.photo_file):
        assert (tmp_path / "a" / name).read_text() == (tmp_path / "b" / name).read_text()
    assert photos_in(tmp_path / "b") == [1, 3, 5, 9]


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    fetch(server, tmp_path, ("Brassiere",), 10)
    assert photos_in(tmp_path) == [5, 9, 60]
    server.asked.clear()
    assert fetch(server, tmp_path, ("Brassiere",), 2).fetched == 0
    assert not server.asked
    (tmp_path / "images/train" / f"{photo_id(9)}.jpg").unlink()
    assert fetch(server, tmp_path, ("Brassiere",), 10).fetched == 1
    assert [path for path, _ in server.asked] == [f"/train/{photo_id(9)}.jpg"]
    (tmp_path / TRAIN.box_file).unlink()
    fetch(server, tmp_path, ("Brassiere",), 10)
    assert len(read_openimages(tmp_path)) == 3


@pytest.mark.parametrize("path", [BOX_PATH, PHOTO_PATH, f"/train/{photo_id(8)}.jpg"])
def test_a_killed_download_resumes(server, tmp_path, path):
    """Killed in the middle of the boxes, of the photos' rows, and of the photos."""
    server.hold_at = (path, 3 * BLOCK if path in (BOX_PATH, PHOTO_PATH) else 0)
    code = (
        "from pathlib import Path; from shopee_od.datasets import csv_stream;"
        "from shopee_od.datasets.openimages_download import Addresses, download_openimages;"
        f"csv_stream.BLOCK = {BLOCK};"
        f"download_openimages(Path({str(tmp_path)!r}), ['Dress'], 10, ['train'],"
        f"Addresses(*['{server.addresses.photos}'] * 2), progress=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert server.is_held.wait(60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "images/train" / f"{photo_id(8)}.jpg").exists()
    server.hold_at = None
    server.release.set()
    server.asked.clear()
    fetch(server, tmp_path, ("Dress",), 10)
    assert photos_in(tmp_path) == [1, 3, 8]
    assert len(read_openimages(tmp_path)) == 3
    repeated = [start for asked, start in server.asked if asked == path]
    assert min(repeated) > BLOCK if path in (BOX_PATH, PHOTO_PATH) else repeated == [0]
    if path != BOX_PATH:
        assert BOX_PATH not in dict(server.asked)


def test_the_rows_of_another_request_are_not_resumed(server, tmp_path):
    server.answers[PHOTO_PATH] = (404, b"")
    with pytest.raises(InputError, match="answers 404 Not Found; try later"):
        fetch(server, tmp_path)
    server.answers.clear()
    part = tmp_path / PARTS / "train-images-boxable-with-rotation.csv"
    part.with_suffix(".json").write_text(
        json.dumps({"request": "another", "total": 9, "offset": 9, "part_size": 0})
    )
    assert fetch(server, tmp_path).fetched == 2


def test_a_connection_that_breaks_off_is_resumed(server, tmp_path):
    whole = fetch(server, tmp_path / "whole", ("Brassiere",), 10)
    starts = [start for path, start in server.asked if path == BOX_PATH]
    server.cut[BOX_PATH, starts[3]] = 50
    with pytest.raises(InputError, match=r"broke off \(.*\); the same command resumes"):
        fetch(server, tmp_path / "cut", ("Brassiere",), 10)
    server.cut.clear()
    server.asked.clear()
    assert fetch(server, tmp_path / "cut", ("Brassiere",), 10) == whole
    assert [start for path, start in server.asked if path == BOX_PATH] == starts[3:]


def test_a_file_that_changed_in_between_is_refused(server, tmp_path):
    fetch(server, tmp_path / "whole", ("Brassiere",), 10)
    starts = [start for path, start in server.asked if path == BOX_PATH]
    server.cut[BOX_PATH, starts[2]] = 50
    with pytest.raises(InputError, match="broke off"):
        fetch(server, tmp_path / "a", ("Brassiere",), 10)
    server.cut.clear()
    server.files[BOX_PATH] += b"\n"
    with pytest.raises(InputError, match=rf"has changed since; remove {tmp_path}/a/{PARTS} and"):
        fetch(server, tmp_path / "a", ("Brassiere",), 10)


def test_the_addresses_are_the_public_ones():
    addresses = Addresses()
    urls = {
        f"{addresses.annotations}/{address}"
        for subset in SUBSETS.values()
        for address in (subset.boxes_address, subset.photos_address)
    }
    google = "https://storage.googleapis.com/openimages"
    assert urls == {
        f"{google}/v6/oidv6-train-annotations-bbox.csv",
        f"{google}/v5/validation-annotations-bbox.csv",
        f"{google}/v5/test-annotations-bbox.csv",
        f"{google}/2018_04/train/train-images-boxable-with-rotation.csv",
        f"{google}/2018_04/validation/validation-images-with-rotation.csv",
        f"{google}/2018_04/test/test-images-with-rotation.csv",
    }
    assert addresses.photos == "https://open-images-dataset.s3.amazonaws.com"


def write_public(root, address, text):
    """Puts a whole public file into a data set's annotations/."""
    file = root / "annotations" / address.rpartition("/")[2]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_of_whole_public_files_only_the_photos_asked_for_are_fetched(server, tmp_path):
    boxes = write_public(tmp_path, TRAIN.boxes_address, box_text(BOXES))
    photos = write_public(tmp_path, TRAIN.photos_address, photo_text(PHOTOS))
    assert fetch(server, tmp_path).fetched == 2
    assert photos_in(tmp_path) == [1, 3]
    # The size of the file of boxes was asked for; no file of rows was fetched or changed.
    assert [path for path, _ in server.asked if path.endswith(".csv")] == [BOX_PATH]
    assert boxes.read_text(encoding="utf-8") == box_text(BOXES)
    assert photos.read_text(encoding="utf-8") == photo_text(PHOTOS)


def test_rows_are_added_to_a_file_without_a_last_line_end(server, tmp_path):
    fetch(server, tmp_path, ("Brassiere",), 10)
    for name in (TRAIN.box_file, TRAIN.photo_file):
        file = tmp_path / name
        file.write_text(file.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    fetch(server, tmp_path, ("Dress",), 2)
    fetch(server, tmp_path / "once", ("Brassiere",), 10)
    fetch(server, tmp_path / "once", ("Dress",), 2)
    for name in (TRAIN.box_file, TRAIN.photo_file):
        whole = (tmp_path / "once" / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == whole
    assert {row["ImageID"] for row in rows_of(tmp_path / TRAIN.box_file)} >= {photo_id(60)}


def test_a_file_with_other_columns_is_not_added_to(server, tmp_path):
    write_public(tmp_path, TRAIN.boxes_address, "ImageID,More\n1,2\n")
    with pytest.raises(InputError, match=r"bbox\.csv: row 1 is not that of .*; remove the file"):
        fetch(server, tmp_path)


def test_a_photo_without_a_row_is_looked_for_once(server, tmp_path):
    rows = [row for row in PHOTOS if not row.startswith(photo_id(3))]
    server.files[PHOTO_PATH] = photo_text(rows).encode()
    result = fetch(server, tmp_path)
    assert result.fetched == 1 and photos_in(tmp_path) == [1]
    [line] = result.left_out
    assert line.startswith(f"train/{photo_id(3)}.jpg: not in annotations/train-images")
    server.asked.clear()
    assert fetch(server, tmp_path).left_out == result.left_out
    assert not server.asked
    (tmp_path / TRAIN.photo_file).unlink()
    server.files[PHOTO_PATH] = photo_text(PHOTOS).encode()
    assert fetch(server, tmp_path).left_out == () and photos_in(tmp_path) == [1, 3]


def test_a_file_is_never_read_whole(server, tmp_path, monkeypatch):
    """The public files have gigabytes."""
    write_public(tmp_path, TRAIN.boxes_address, box_text(BOXES[:2]))
    monkeypatch.setattr(Path, "read_bytes", _refuse_csv(Path.read_bytes))
    monkeypatch.setattr(Path, "read_text", _refuse_csv(Path.read_text))
    fetch(server, tmp_path)
    assert photos_in(tmp_path) == [1, 3]


def _refuse_csv(read):
    def refuse(path, *arguments, **options):
        assert path.suffix != ".csv" or PARTS in path.parts, f"{path} is read whole"
        return read(path, *arguments, **options)

    return refuse
