"""A server on this machine that answers as those of Open Images do, with its training part."""

import io
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openimages_files import box_row, box_text, photo_id, photo_row, photo_text
from PIL import Image

from shopee_od.datasets.openimages import SUBSETS
from shopee_od.datasets.openimages_download import Addresses, download_openimages

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


@contextmanager
def serve_openimages():
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
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def fetch(server, root, classes=("Dress",), photos=2):
    """Downloads from the server."""
    return download_openimages(root, classes, photos, ["train"], server.addresses, progress=False)


def photos_in(root):
    """The numbers of the photos in a data set's folder."""
    return sorted(int(file.stem[:4], 16) for file in (root / "images").rglob("*.jpg"))
