"""Against a server on this machine that answers as GitHub does."""

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from clothing_files import photo_id, render, write_box_file, write_photos

from shopee_od.datasets import DATASETS
from shopee_od.datasets.clothing import photo_identities, read_clothing
from shopee_od.datasets.download import (
    CCP,
    CLOTHING,
    REPOSITORIES,
    DownloadResult,
    Repository,
    download,
)
from shopee_od.datasets.http import PARTS
from shopee_od.datasets.photo_identity import PhotoIdentity
from shopee_od.errors import InputError

FILES = {
    "README.md": b"# CCP",
    "label_list.mat": b"names",
    "annotations/pixel-level/0001.mat": b"\0\1" * 500,
    "annotations/image-level/1005.mat": b"tags",
    "photos/0001.jpg": b"\xff\xd8" * 900,
    "photos/1004.jpg": b"\xff\xd8" * 800,
    "photos/1005.jpg": b"no pixel labels",
    "show_pixel_anno.m": b"code",
}
WANTED = {name for name in FILES if "1005" not in name and name != "show_pixel_anno.m"}


@contextmanager
def serve(repository, files):
    """Serves `files` as the repository.

    `asked` are the paths asked for; `answers` replaces what a path gets (status, content).
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            name, commit = repository.name, repository.commit
            listing = f"/repos/{name}/git/trees/{commit}?recursive=1"
            content = {f"/{name}/{commit}/{file}": content for file, content in files.items()}
            content[listing] = json.dumps({"tree": tree(files), "truncated": False}).encode()
            status, body = server.answers.get(
                self.path.rsplit("/", 1)[-1], (200, content.get(self.path))
            )
            self.send_response(404 if body is None else status)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answers = [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    server.repository = replace(repository, api=address, raw=address)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def github():
    with serve(CCP, FILES) as server:
        yield server


def tree(files=FILES):
    shas = {
        name: hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        for name, content in files.items()
    }
    blobs = [
        {"path": n, "type": "blob", "size": len(content), "sha": shas[n]}
        for n, content in files.items()
    ]
    return [{"path": "photos", "type": "tree", "sha": "0"}, *blobs]


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_the_matching_files_are_fetched_once(github, tmp_path):
    root = tmp_path / "ccp"
    assert download(github.repository, root, progress=False).fetched == len(WANTED)
    assert contents(root) == {name: FILES[name] for name in WANTED}
    assert not (root / PARTS).exists()
    assert not DATASETS["ccp"].missing_files(root)
    github.asked.clear()
    assert download(github.repository, root, progress=False) == DownloadResult(0)
    assert len(github.asked) == 1  # the listing


def test_a_stopped_download_resumes_and_a_damaged_file_is_fetched_again(github, tmp_path):
    github.answers["1004.jpg"] = (404, b"")
    with pytest.raises(
        InputError, match=r"photos/1004.jpg: answers 404 .*git clone https://github.com/bearpaw"
    ):
        download(github.repository, tmp_path, progress=False)
    github.answers.clear()
    download(github.repository, tmp_path, progress=False)
    (tmp_path / "label_list.mat").write_bytes(b"namez")
    (tmp_path / "photos/0001.jpg").unlink()
    github.asked.clear()
    assert download(github.repository, tmp_path, progress=False).fetched == 2
    assert contents(tmp_path) == {name: FILES[name] for name in WANTED}


def test_files_of_equal_content_do_not_share_their_temporary_file(tmp_path, monkeypatch):
    """All are written before one of them is given its name."""
    files = {f"photos/{number:04}.jpg": b"\xff\xd8" * 900 for number in range(4)}
    barrier = threading.Barrier(len(files))
    write = Path.write_bytes

    def write_together(path, content):
        size = write(path, content)
        barrier.wait(20)
        return size

    monkeypatch.setattr(Path, "write_bytes", write_together)
    with serve(CCP, files) as server:
        assert download(server.repository, tmp_path, progress=False).fetched == len(files)
    assert contents(tmp_path) == files


def test_a_file_that_does_not_end_is_refused(github, tmp_path):
    github.answers["0001.jpg"] = (200, b"\xff\xd8" * 10_000)
    with pytest.raises(
        InputError, match=r"0001.jpg: larger than the 1,800 bytes expected.*git clone"
    ):
        download(github.repository, tmp_path, progress=False)


def test_a_damaged_file_gets_no_name(github, tmp_path):
    github.answers["0001.jpg"] = (200, b"\xff\xd8" * 899 + b"xx")
    with pytest.raises(
        InputError, match=r"photos/0001.jpg: arrived damaged \(1,800 of 1,800 bytes\)"
    ):
        download(github.repository, tmp_path, progress=False)
    assert not (tmp_path / "photos/0001.jpg").exists()


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ((200, b"<html>"), "not the listing that was expected"),
        ((200, json.dumps({"tree": tree(), "truncated": True}).encode()), "it is not whole"),
        ((200, b'{"tree": []}'), "it is not whole"),
        ((403, b"rate limit"), "answers 403 Forbidden; wait an hour"),
    ],
)
def test_a_listing_of_another_kind_is_refused(github, tmp_path, listing, message):
    github.answers[f"{CCP.commit}?recursive=1"] = listing
    with pytest.raises(InputError, match=message):
        download(github.repository, tmp_path, progress=False)


def test_a_path_that_leaves_the_folder_is_refused(github, tmp_path):
    bad = [{"path": "../photos/0001.jpg", "type": "blob", "size": 1, "sha": "0"}]
    github.answers[f"{CCP.commit}?recursive=1"] = (200, json.dumps({"tree": bad}).encode())
    with pytest.raises(InputError, match="leaves"):
        download(replace(github.repository, pattern=".*"), tmp_path / "ccp", progress=False)


def test_offline_is_refused_with_the_fix(tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.datasets.http.Retry", lambda **_: 0)
    nowhere = Repository(
        CCP.name, CCP.commit, CCP.pattern, None, "http://127.0.0.1:9", "http://127.0.0.1:9"
    )
    with pytest.raises(
        InputError, match=r"cannot be reached \(ConnectionError\).*the same command resumes"
    ):
        download(nowhere, tmp_path, progress=False)


def test_the_other_data_sets_have_instructions():
    downloaded = {*REPOSITORIES, "openimages"}
    assert all(bool(layout.how_to_get) != (name in downloaded) for name, layout in DATASETS.items())


@pytest.fixture
def clothing(tmp_path, own_cache, monkeypatch):
    """Serves the photos of `clothing_files`, larger than the labeled copies, and others.

    Photo 1 shows another picture than the labeled one, and photo 2 is rotated.
    """
    monkeypatch.setattr("shopee_od.datasets.clothing.BOX_FILE", tmp_path / "clothing_boxes.csv")
    write_box_file(tmp_path / "clothing_boxes.csv", write_photos(tmp_path / "labeled"))
    photos = write_photos(tmp_path / "published", (90, 120))
    render(99, (90, 120)).save(photos[1])
    render(2, (90, 120)).rotate(90, expand=True).save(photos[2])
    files = {f"images/{photo.name}": photo.read_bytes() for photo in photos}
    files |= {"README.md": b"# Clothing", "images.csv": b"image,label\n"}
    with serve(CLOTHING, files | {f"images/{photo_id(7)}.jpg": b"not labeled"}) as server:
        server.files = files
        yield server


def test_photos_that_are_not_those_labeled_are_left_out_and_named(clothing, tmp_path):
    root = tmp_path / "clothing"
    result = download(clothing.repository, root, progress=False)
    assert result.fetched == 3
    other_picture, rotated = result.left_out
    assert other_picture.startswith(f"images/{photo_id(1)}.jpg: it shows another picture")
    assert rotated == f"images/{photo_id(2)}.jpg: its shape is 120×90, not 60×80"
    same = [f"images/{photo_id(k)}.jpg" for k in (0, 3, 4)]
    assert contents(root) == {name: clothing.files[name] for name in same}
    dataset = read_clothing(root)
    assert dataset.images.image_id.tolist() == [0, 3, 4] and set(dataset.images.width) == {90}


def test_a_stopped_download_of_photos_resumes(clothing, tmp_path):
    clothing.answers[f"{photo_id(4)}.jpg"] = (404, b"")
    with pytest.raises(InputError, match="answers 404"):
        download(clothing.repository, tmp_path / "clothing", progress=False)
    clothing.answers.clear()
    download(clothing.repository, tmp_path / "clothing", progress=False)
    clothing.asked.clear()
    assert download(clothing.repository, tmp_path / "clothing", progress=False).fetched == 0
    assert len(clothing.asked) == 3  # the listing, and the two photos that are not those labeled


def test_a_larger_copy_that_is_there_is_kept_and_a_broken_one_replaced(clothing, tmp_path):
    root = tmp_path / "clothing"
    photos = write_photos(root, (600, 800))
    photos[3].write_bytes(photos[3].read_bytes()[:3000])
    large = photos[0].read_bytes()
    assert download(clothing.repository, root, progress=False) == DownloadResult(1)
    assert photos[0].read_bytes() == large
    assert photos[3].read_bytes() == clothing.files[f"images/{photos[3].name}"]


def test_the_labeled_photos_are_those_that_the_repository_is_asked_for():
    identities = photo_identities()
    assert all(re.fullmatch(CLOTHING.pattern, path) for path in identities)
    assert all(isinstance(identity, PhotoIdentity) for identity in identities.values())
    assert CLOTHING.identities is photo_identities
