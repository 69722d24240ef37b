"""Against a server on this machine that answers as GitHub does."""

import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shopee_od.datasets import DATASETS
from shopee_od.datasets.download import CCP, PARTS, REPOSITORIES, Repository, download
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


@pytest.fixture
def github():
    """Serves FILES.

    `asked` are the paths asked for; `answers` replaces what a path gets (status, content).
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            listing = f"/repos/{CCP.name}/git/trees/{CCP.commit}?recursive=1"
            content = {
                f"/{CCP.name}/{CCP.commit}/{name}": content for name, content in FILES.items()
            }
            content[listing] = json.dumps({"tree": tree(), "truncated": False}).encode()
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
    server.repository = replace(CCP, api=address, raw=address)
    yield server
    server.shutdown()
    server.server_close()


def tree():
    shas = {
        name: hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        for name, content in FILES.items()
    }
    blobs = [
        {"path": n, "type": "blob", "size": len(content), "sha": shas[n]}
        for n, content in FILES.items()
    ]
    return [{"path": "photos", "type": "tree", "sha": "0"}, *blobs]


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_the_matching_files_are_fetched_once(github, tmp_path):
    root = tmp_path / "ccp"
    assert download(github.repository, root, progress=False) == len(WANTED)
    assert contents(root) == {name: FILES[name] for name in WANTED}
    assert not (root / PARTS).exists()
    assert not DATASETS["ccp"].missing_files(root)
    github.asked.clear()
    assert download(github.repository, root, progress=False) == 0
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
    assert download(github.repository, tmp_path, progress=False) == 2
    assert contents(tmp_path) == {name: FILES[name] for name in WANTED}


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
    monkeypatch.setattr("shopee_od.datasets.download.Retry", lambda **_: 0)
    nowhere = Repository(
        CCP.name, CCP.commit, CCP.pattern, "http://127.0.0.1:9", "http://127.0.0.1:9"
    )
    with pytest.raises(
        InputError, match=r"cannot be reached \(ConnectionError\).*the same command resumes"
    ):
        download(nowhere, tmp_path, progress=False)


def test_the_other_data_sets_have_instructions():
    assert all(
        bool(layout.how_to_get) != (name in REPOSITORIES) for name, layout in DATASETS.items()
    )
