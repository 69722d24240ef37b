"""Against a server on this machine that answers as Google's and the photos' do."""

import csv
import io
import json
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from openimages_files import box_row, box_text, photo_id, photo_row, photo_text
from PIL import Image
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.datasets import openimages_download
from shopee_od.datasets.download import PARTS
from shopee_od.datasets.openimages import SUBSETS, read_openimages
from shopee_od.datasets.openimages_download import (
    DOWNLOADED,
    Addresses,
    download_openimages,
    match_classes,
)
from shopee_od.errors import InputError

LEFT, UPPER, LOWER = (0.0, 0.0, 0.5, 1.0), (0.1, 0.1, 0.4, 0.4), (0.1, 0.5, 0.4, 0.9)
BOXES = [
    box_row(1, "Dress"),
    box_row(2, "Dress", group=1),
    box_row(3, "Person", LEFT),
    box_row(3, "Dress", UPPER),
    box_row(3, "/m/0bt9lr"),  # a dog
    box_row(4, "Person", LEFT),
    box_row(4, "Shirt", UPPER),
    box_row(5, "Brassiere"),
    box_row(6, "Dress"),
    box_row(6, "Brassiere"),
    box_row(7, "Person", LEFT),
    box_row(7, "Jeans", LOWER),
    box_row(7, "Shirt", UPPER),
    box_row(8, "Dress"),
    box_row(9, "Brassiere"),
    *(box_row(number, "/m/0bt9lr") for number in range(10, 60)),
    box_row(60, "Brassiere"),
]
PHOTOS = [
    photo_row(number, rotation="90.0" if number == 6 else "0.0") for number in range(60, 0, -1)
]
BLOCK = 700
TRAIN = SUBSETS["train"]
BOX_PATH, PHOTO_PATH = f"/{TRAIN.boxes_address}", f"/{TRAIN.photos_address}"


def jpeg(number):
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (number, 0, 0)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def server(monkeypatch, own_cache):
    """Serves the training part.

    `asked` are the paths asked for, with their ranges; `answers` replaces what a path gets (status,
    content); at `hold_at` (path, first byte) it sets `is_held` and answers once `release` is set.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            first = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            start = int(first[1]) if first else 0
            server.asked.append((self.path, start))
            if server.hold_at and server.hold_at[0] == self.path and start >= server.hold_at[1]:
                server.is_held.set()
                server.release.wait(20)
            status, body = server.answers.get(self.path, (200, server.files.get(self.path)))
            if body is None:
                status, body = 404, b""
            elif first and status == 200:
                status, total = 206, len(body)
                body = body[start : int(first[2]) + 1]
            self.send_response(status)
            if status == 206:
                stop = start + len(body) - 1
                self.send_header("Content-Range", f"bytes {start}-{stop}/{total}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - server.cut.get((self.path, start), 0)])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answers, server.cut, server.hold_at = [], {}, {}, None
    server.is_held, server.release = threading.Event(), threading.Event()
    server.files = {
        BOX_PATH: box_text(BOXES).encode(),
        PHOTO_PATH: photo_text(PHOTOS).encode(),
        **{f"/train/{photo_id(number)}.jpg": jpeg(number) for number in range(1, 61)},
    }
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    server.addresses = Addresses(address, address)
    monkeypatch.setattr("shopee_od.datasets.csv_stream.BLOCK", BLOCK)
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def fetch(server, root, classes=("Dress",), photos=2):
    return download_openimages(root, classes, photos, ["train"], server.addresses, progress=False)


def photos_in(root):
    return sorted(int(file.stem[:4], 16) for file in (root / "images").rglob("*.jpg"))


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
        json.dumps({"request": "another", "total": 9, "offset": 9, "kept": 0})
    )
    assert fetch(server, tmp_path).fetched == 2


def test_photos_that_are_gone_or_damaged_are_left_out_and_named(server, tmp_path):
    gone, damaged, cut = (f"/train/{photo_id(number)}.jpg" for number in (1, 3, 8))
    server.answers[gone] = (403, b"<Error><Code>AccessDenied</Code></Error>")
    server.answers[damaged] = (200, b"<html>Log in to this network</html>")
    server.answers[cut] = (200, jpeg(8)[:-200])
    server.answers[f"/train/{photo_id(5)}.jpg"] = (404, b"")
    result = fetch(server, tmp_path, ("Dress", "Brassiere"), 10)
    assert result.fetched == 2 and photos_in(tmp_path) == [9, 60]
    assert [line.partition(": ")[0] for line in result.left_out] == [
        f"train/{photo_id(number)}.jpg" for number in (1, 3, 5, 8)
    ]
    assert "gone (403 Forbidden)" in result.left_out[0]
    assert "damaged (not a photo" in result.left_out[1]
    assert "gone (404 Not Found)" in result.left_out[2]
    assert "damaged (the photo is damaged or cut short" in result.left_out[3]
    dataset = read_openimages(tmp_path)
    assert len(dataset) == 2
    assert dataset.problems.counts["photo absent: left out"] == 4
    server.answers.clear()
    assert fetch(server, tmp_path, ("Dress", "Brassiere"), 10).fetched == 4


def test_a_network_that_lets_no_photo_through_is_refused(server, tmp_path):
    for number in range(1, 61):
        server.answers[f"/train/{photo_id(number)}.jpg"] = (403, b"blocked")
    with pytest.raises(InputError, match=r"none of 2 photos arrived, as train/.*another network"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, b"<html>\n<body>\n<p>\n"), "row 1 must name the column ImageID"),
        ((200, b"\0" * 5000), "not the CSV file that was expected"),
        ((200, box_text([]).replace("XMin", "X1").encode()), "row 1 must name the column XMin"),
        ((203, b"a whole file"), "does not send a part of the file"),
        ((404, b""), "answers 404 Not Found; try later"),
    ],
)
def test_boxes_of_another_kind_are_refused(server, tmp_path, answer, message):
    server.answers[BOX_PATH] = answer
    with pytest.raises(InputError, match=f"{TRAIN.boxes_address}: {message}"):
        fetch(server, tmp_path)
    assert not (tmp_path / TRAIN.box_file).exists()
    server.answers.clear()
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


def test_a_damaged_record_of_what_was_downloaded_is_refused(server, tmp_path):
    fetch(server, tmp_path)
    (tmp_path / DOWNLOADED).write_text("[1]")
    with pytest.raises(InputError, match=r"downloaded\.json: not as it was written; remove it"):
        fetch(server, tmp_path)


def test_offline_is_refused_with_the_fix(tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.datasets.download.Retry", lambda **_: 0)
    nowhere = Addresses("http://127.0.0.1:9", "http://127.0.0.1:9")
    with pytest.raises(
        InputError, match=r"cannot be reached \(ConnectionError\).*the same command resumes"
    ):
        download_openimages(tmp_path, ["Dress"], addresses=nowhere, progress=False)


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


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Dress", "Bra"], "no garment 'Bra'; did you mean Brassiere. There are Brassiere, Coat"),
        (["skirts"], "did you mean Skirt or "),
        (["Person"], "no garment 'Person'; there are "),
        (["Clothing"], "no garment 'Clothing'"),
        ([" ", ""], "no class is named; choose from Brassiere, "),
    ],
)
def test_unknown_classes_are_refused_with_similar_ones(names, message):
    with pytest.raises(InputError, match=message):
        match_classes(names)


def test_names_of_classes_in_any_case_and_order():
    assert match_classes(["swimwear ", "BRASSIERE", "Swimwear"]) == ["Brassiere", "Swimwear"]


def test_the_command(server, tmp_path, monkeypatch):
    monkeypatch.setattr(openimages_download, "Addresses", lambda: server.addresses)
    server.answers[f"/train/{photo_id(1)}.jpg"] = (404, b"")
    result = CliRunner().invoke(
        app,
        ["data", "download", "openimages", "--classes", "Dress, brassiere", "--photos", "2",
         "--split", "train", "--data-dir", str(tmp_path)],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0
    assert "1 photos left out" in result.stdout and photo_id(1) in result.stdout
    assert f"2 files downloaded into {tmp_path}" in result.stdout
    assert "shopee-od data check --dataset openimages" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["openimages"],
            "choose garments: --classes Brassiere,Swimwear; there are Bra",
        ),
        (["openimages", "--classes", "Bra"], "did you mean Brassiere"),
        (["openimages", "--classes", "Dress", "--split", "some"], "--split 'some': choose"),
        (["ccp", "--classes", "dress"], "--classes is for openimages, not for ccp; leave it out"),
        (["modanet", "--photos", "3"], "--photos is for openimages, not for modanet"),
    ],
)
def test_the_command_refuses(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(
            app,
            ["data", "download", *arguments, "--data-dir", str(tmp_path)],
            catch_exceptions=False,
        )
    assert not any(tmp_path.iterdir())
