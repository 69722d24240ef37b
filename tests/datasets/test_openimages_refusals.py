"""Servers, files and networks that a download refuses, and its command."""

import pytest
from openimages_files import box_text, photo_id
from openimages_server import (
    BLOCK,
    BOX_PATH,
    TRAIN,
    fetch,
    jpeg,
    photos_in,
    serve_openimages,
)
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.datasets import openimages_download
from shopee_od.datasets.openimages import read_openimages
from shopee_od.datasets.openimages_download import (
    DOWNLOADED,
    Addresses,
    download_openimages,
)
from shopee_od.errors import InputError


@pytest.fixture
def server(monkeypatch, own_cache):
    monkeypatch.setattr("shopee_od.datasets.csv_stream.BLOCK", BLOCK)
    with serve_openimages() as server:
        yield server


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


def test_a_photo_that_does_not_end_is_left_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr(openimages_download, "MAX_PHOTO", 10_000)
    server.answers[f"/train/{photo_id(1)}.jpg"] = (200, b"\xff\xd8" * 10_000)
    result = fetch(server, tmp_path)
    assert result.fetched == 1 and photos_in(tmp_path) == [3]
    assert "larger than the 10,000 bytes expected" in result.left_out[0]


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


def test_a_damaged_record_of_what_was_downloaded_is_refused(server, tmp_path):
    fetch(server, tmp_path)
    (tmp_path / DOWNLOADED).write_text("[1]")
    with pytest.raises(InputError, match=r"downloaded\.json: not as it was written; remove it"):
        fetch(server, tmp_path)


def test_offline_is_refused_with_the_fix(tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.datasets.http.Retry", lambda **_: 0)
    nowhere = Addresses("http://127.0.0.1:9", "http://127.0.0.1:9")
    with pytest.raises(
        InputError, match=r"cannot be reached \(ConnectionError\).*the same command resumes"
    ):
        download_openimages(tmp_path, ["Dress"], addresses=nowhere, progress=False)


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
