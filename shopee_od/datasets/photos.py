"""Photo files in, upright RGB arrays out: every odd kind of file is put right or refused here."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from shopee_od.types import InputError

MAX_PIXELS = 100_000_000
"""A file that says it is larger is taken for a decompression bomb."""

SLIMMEST = 32
"""A photo with a side this many times the other shows no garment, and might be scaled to no pixels at all."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
# Never all that Pillow knows: its EPS reader, for one, starts an interpreter.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)

# Pillow only warns between one and two times its own limit; here MAX_PIXELS refuses.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_photo(path: str | Path) -> np.ndarray:
    """uint8 (H, W, 3), upright RGB.

    EXIF orientation is applied, transparency laid over white, 16 bits scaled to 8, an animation's first frame
    taken; the file's extension does not matter. Raises InputError where it cannot be read whole.
    """
    with _opened(path) as image:
        return _upright_rgb(image)


def decode_photo(data: bytes, name: str) -> np.ndarray:
    """uint8 (H, W, 3) from a file's bytes, as `read_photo`; `name` is for the error."""
    with _opened(data, name) as image:
        return _upright_rgb(image)


def upright_size(path: str | Path) -> tuple[int, int]:
    """(width, height) of the upright photo, in pixels, from the header. Raises InputError as `read_photo`."""
    with _opened(path) as image:
        if image.format == "TIFF":
            image.load()  # Pillow turns a TIFF upright by itself, then
        width, height = image.size
        return (height, width) if _orientation(image) in _SIDEWAYS else (width, height)


def is_plain_jpeg(photo: str | Path | bytes) -> bool:
    """Whether the file is a whole, upright JPEG of three 8-bit channels, which any decoder reads alike.

    False for every other photo. Raises InputError where there is no such file.
    """
    data = photo if isinstance(photo, bytes) else _present(photo).read_bytes()
    # A file without its end marker satisfies Pillow but not TensorFlow.
    if not data.startswith(b"\xff\xd8") or not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return False
    try:
        with _opened(data, "photo") as image:
            if image.format != "JPEG" or image.mode != "RGB" or _orientation(image) != 1:
                return False
            image.draft(None, (1, 1))  # all coefficients are read, few are turned into pixels
            image.load()
            return True
    except InputError:
        return False


def photo_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files and folders -> the files: those named, whatever their extension, and the photos in each folder.

    Folders are walked in sorted order, without hidden files and folders; no file comes twice. A name that is
    neither stays in the list, so that reading it says what is wrong.
    """
    files: dict[Path, None] = {}
    for path in map(Path, paths):
        files.update(dict.fromkeys(_photos_below(path) if path.is_dir() else [path]))
    return list(files)


def _photos_below(folder: Path) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        found += [Path(parent, n) for n in names if not n.startswith(".") and Path(n).suffix.lower() in EXTENSIONS]
    return sorted(found)


def _present(path: str | Path) -> Path:
    path = Path(path)
    try:
        folder, there = path.is_dir(), path.is_file()
    except OSError as e:  # a name that is too long, or on a disk that is gone
        raise InputError(f"{str(path)[:200]}: cannot be looked at ({e.strerror}); check the path") from None
    if folder:
        raise InputError(f"{path}: this is a folder; name a photo")
    if not there:
        raise InputError(f"{path}: there is no such file; check the path")
    return path


@contextmanager
def _opened(photo: str | Path | bytes, name: str = ""):
    """The opened image; whatever goes wrong in the block becomes an InputError with the file and the mend."""
    if isinstance(photo, bytes):
        source, empty = io.BytesIO(photo), not photo
    else:
        source = _present(photo)
        name, empty = str(photo), source.stat().st_size == 0
    if empty:
        raise InputError(f"{name}: the file is empty; fetch it again")
    try:
        with Image.open(source, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{name}: larger than {MAX_PIXELS // 1_000_000} megapixels; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise InputError(f"{name}: not a photo ({', '.join(FORMATS)}); convert or remove it") from None
    except Exception as e:  # a broken file makes Pillow's decoders raise nearly anything
        raise InputError(f"{name}: the photo is damaged or cut short ({e}); fetch it again") from None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is no reason to refuse the photo
        return 1
    return turn if turn in _UPRIGHT else 1


def _upright_rgb(image: Image.Image) -> np.ndarray:
    image.load()
    turn = _orientation(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    return np.array(image.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else image)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey levels (H, W) of more than 8 bits -> uint8; Pillow's own conversion would clip them to white."""
    whites = (1, 255, 65535) if values.dtype.kind == "f" else (65535,)
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0).clip(0)
    highest = values.max(initial=0)
    white = next((w for w in whites if highest <= w), highest)
    return np.rint(values * (255 / white)).astype(np.uint8)
