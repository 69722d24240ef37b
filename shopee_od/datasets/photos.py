"""Photo files as upright RGB arrays: unusual kinds of files are converted or refused here."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from shopee_od.cache import get_or_compute_per_file
from shopee_od.errors import InputError

MAX_PIXELS = 100_000_000
"""A file whose header gives more is taken for a decompression bomb."""

MAX_ASPECT_RATIO = 32
"""A photo with a side this many times the other shows no garment, and could scale to no pixels."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
# Never all that Pillow knows: its EPS reader, for one, starts an interpreter.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

_TRANSPOSE = {  # EXIF orientation -> what makes the photo upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


def read_photo(path: str | Path) -> np.ndarray:
    """Reads a photo.

    EXIF orientation is applied, transparency composited over white, 16 bits are scaled to 8, and of
    an animation the first frame is taken; the file's extension does not matter.

    Args:
        path: the file.
    Returns:
        uint8 (H, W, 3), upright RGB.
    Raises:
        InputError: there is no such file, or it cannot be read to its end.
    """
    with _open_image(path) as image:
        return _to_upright_rgb(image)


def read_size(photo: str | Path | bytes) -> tuple[int, int]:
    """(width, height) of the upright photo in pixels, from its header.

    Args:
        photo: the file, or its bytes.
    Returns:
        (width, height).
    Raises:
        InputError: there is no such file, or its header cannot be read.
    """
    with _open_image(photo) as image:
        if image.format == "TIFF":
            image.load()  # on loading, Pillow rotates a TIFF by itself
        width, height = image.size
        return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def read_orientation(path: str | Path) -> int:
    """The EXIF orientation: 1 for a file that is stored upright, else 2 to 8.

    Args:
        path: the file.
    Returns:
        1 to 8; 1 where the value is absent or invalid.
    Raises:
        InputError: there is no such file, or its header cannot be read.
    """
    with _open_image(path) as image:
        return _orientation(image)


def photo_sizes(root: Path, names: Sequence[str]) -> list[tuple[int, int] | InputError]:
    """`read_size` of many photos, cached.

    Args:
        root: their folder.
        names: the files, below `root`.
    Returns:
        For each name (width, height) in pixels, or the InputError that `read_size` raised.
    """
    sizes = get_or_compute_per_file(read_size, root, names, "sizes-1")
    return [size if isinstance(size, InputError) else tuple(size) for size in sizes]


def read_thumbnail(photo: str | Path | bytes, side: int) -> Image.Image:
    """The upright photo in gray levels, a JPEG decoded at a fraction of its size.

    Args:
        photo: the file, or its bytes.
        side: pixels that no side falls below, unless the photo's own is smaller.
    Returns:
        An image of the mode L.
    Raises:
        InputError: there is no such file, or it cannot be read to its end.
    """
    with _open_image(photo) as image:
        image.draft("L", (side, side))
        image.load()
        gray = image.convert("L")
        orientation = _orientation(image)
        return gray.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else gray


def is_plain_jpeg(photo: str | Path | bytes) -> bool:
    """Whether a file is a whole, upright JPEG of three 8-bit channels: all decoders read it alike.

    Args:
        photo: the file, or its bytes.
    Returns:
        False also where it is damaged.
    Raises:
        InputError: there is no such file.
    """
    data = photo if isinstance(photo, bytes) else _require_file(photo).read_bytes()
    # A file without its end marker is accepted by Pillow but not by TensorFlow.
    if not data.startswith(b"\xff\xd8") or not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return False
    try:
        with _open_image(data) as image:
            if image.format != "JPEG" or image.mode != "RGB" or _orientation(image) != 1:
                return False
            image.draft(None, (1, 1))  # all coefficients are read, few are turned into pixels
            image.load()
            return True
    except InputError:
        return False


def list_photos(paths: Iterable[str | Path]) -> list[Path]:
    """The files among `paths`, and the photos in the folders among them.

    Args:
        paths: a file is listed with any extension; a folder is searched recursively, in sorted
            order, without hidden files and folders.
    Returns:
        The files, none twice. A path that does not exist stays in the list, so that reading it
        raises the error that names it.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        files.update(dict.fromkeys(_photos_below(path) if path.is_dir() else [path]))
    return list(files)


def _photos_below(folder: Path) -> list[Path]:
    photos = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        photos += [
            Path(parent, n)
            for n in names
            if not n.startswith(".") and Path(n).suffix.lower() in EXTENSIONS
        ]
    return sorted(photos)


def _require_file(path: str | Path) -> Path:
    path = Path(path)
    try:
        is_folder = path.is_dir()
        is_file = path.is_file()
    except OSError as e:  # a name that is too long, or on a disk that is gone
        raise InputError(
            f"{str(path)[:200]}: cannot be looked at ({e.strerror}); check the path"
        ) from None
    if is_folder:
        raise InputError(f"{path}: this is a folder; name a photo")
    if not is_file:
        raise InputError(f"{path}: there is no such file; check the path")
    return path


class _BombWarningFilter:
    """Silences Pillow's warning between one and two times its own limit; MAX_PIXELS refuses here.

    The filters of `warnings` belong to the process, not to a thread: the first thread to enter
    saves them, the last to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._saved = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._threads:
                self._saved.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            self._threads += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self._saved.close()


_bomb_warning_filter = _BombWarningFilter()


@contextmanager
def _open_image(photo: str | Path | bytes) -> Iterator[Image.Image]:
    """The opened image; any error in the block becomes an InputError with the file and the fix."""
    source: Path | io.BytesIO
    if isinstance(photo, bytes):
        name = "photo"
        source = io.BytesIO(photo)
        length = len(photo)
    else:
        name = str(photo)
        path = _require_file(photo)
        source = path
        length = path.stat().st_size
    if not length:
        raise InputError(f"{name}: the file is empty; fetch it again")
    try:
        with _bomb_warning_filter:
            image = Image.open(source, formats=FORMATS)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(
            f"{name}: larger than {MAX_PIXELS // 1_000_000} megapixels; make it smaller"
        ) from None
    except Image.UnidentifiedImageError:
        raise InputError(
            f"{name}: not a photo ({', '.join(FORMATS)}); convert or remove it"
        ) from None
    except Exception as e:  # a broken file makes Pillow's decoders raise nearly anything
        raise InputError(
            f"{name}: the photo is damaged or cut short ({e}); fetch it again"
        ) from None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or its value is invalid."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is no reason to refuse the photo
        return 1
    return orientation if orientation in _TRANSPOSE else 1


def _to_upright_rgb(image: Image.Image) -> np.ndarray:
    image.load()
    orientation = _orientation(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_scale_to_8_bits(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if orientation in _TRANSPOSE:
        image = image.transpose(_TRANSPOSE[orientation])
    return np.array(image)


def _scale_to_8_bits(values: np.ndarray) -> np.ndarray:
    """Gray levels (H, W) of more than 8 bits as uint8; Pillow would clip them to white."""
    whites = (1, 255, 65535) if values.dtype.kind == "f" else (65535,)
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0).clip(0)
    highest = values.max(initial=0)
    white = next((w for w in whites if highest <= w), highest)
    return np.rint(values * (255 / white)).astype(np.uint8)
