import io
import shutil
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from shopee_od.datasets.photos import (
    is_plain_jpeg,
    list_photos,
    photo_sizes,
    read_photo,
    read_size,
    read_thumbnail,
)
from shopee_od.errors import InputError


@pytest.fixture
def decode(tmp_path):
    """`read_photo` of a file with these bytes."""

    def decode(data: bytes, name: str = "photo") -> np.ndarray:
        (tmp_path / name).write_bytes(data)
        return read_photo(tmp_path / name)

    return decode


RAMP = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)


def corners(height=40, width=60) -> np.ndarray:
    """A photo that each rotation or flip changes: red, green, blue and white quarters."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[: height // 2, : width // 2, 0] = 255
    photo[: height // 2, width // 2 :, 1] = 255
    photo[height // 2 :, : width // 2, 2] = 255
    photo[height // 2 :, width // 2 :] = 255
    return photo


def bytes_of(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def rotated(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# What EXIF says was done to the upright photo, reversed by hand.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_applied(tmp_path, kind, orientation):
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](corners())))
    path = tmp_path / "photo"
    options = {"lossless": True} if kind == "WEBP" else {}
    path.write_bytes(bytes_of(stored, kind, exif=rotated(orientation), **options))
    np.testing.assert_array_equal(read_photo(path), corners())
    assert read_size(path) == (60, 40)


def test_a_real_photo_rotated_by_exif(tmp_path, portrait):
    path = tmp_path / "rotated.jpg"
    with Image.open(portrait) as image:
        image.save(path, exif=rotated(6))
    assert read_size(portrait) == (512, 600)
    assert read_size(path) == (600, 512)
    assert read_photo(path).shape == (512, 600, 3)


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_invalid_orientation_is_none(tmp_path, orientation):
    path = tmp_path / "photo.jpg"
    path.write_bytes(bytes_of(Image.fromarray(corners()), "JPEG", exif=rotated(orientation)))
    assert read_size(path) == (60, 40) and read_photo(path).shape == (40, 60, 3)


def test_broken_exif_is_no_reason_to_refuse(decode):
    data = bytes_of(Image.fromarray(corners()), "JPEG", exif=b"Exif\0\0not a TIFF header")
    assert decode(data).shape == (40, 60, 3)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_color_spaces(mode, decode):
    image = Image.fromarray(corners()).convert(mode)
    data = bytes_of(image, "TIFF")
    np.testing.assert_array_equal(decode(data), np.asarray(image.convert("RGB")))


def test_a_cmyk_jpeg_is_not_inverted(decode):
    data = bytes_of(Image.new("RGB", (32, 32), (200, 40, 40)).convert("CMYK"), "JPEG")
    assert np.abs(decode(data).mean((0, 1)) - (200, 40, 40)).max() < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind, decode):
    gray = decode(bytes_of(Image.fromarray(RAMP), kind))
    np.testing.assert_array_equal(gray[..., 0], np.rint(RAMP / 257))
    assert (gray[..., 0] == gray[..., 2]).all()


def test_float_grays_reach_from_black_to_white(decode):
    data = bytes_of(
        Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)), "TIFF"
    )
    np.testing.assert_array_equal(decode(data)[..., 1].ravel(), np.arange(256))


@pytest.mark.parametrize("mode, half", [("RGBA", (0, 0, 0, 128)), ("LA", (0, 128))])
def test_transparency_is_composited_over_white(mode, half, decode):
    assert (decode(bytes_of(Image.new(mode, (8, 8)), "PNG")) == 255).all()
    assert (decode(bytes_of(Image.new(mode, (8, 8), half), "PNG")) == 127).all()


def test_a_transparent_palette_is_composited_over_white(decode):
    image = Image.new("P", (8, 8), 3)
    image.putpalette([10] * 768)
    assert (decode(bytes_of(image, "GIF", transparency=3)) == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind, decode):
    frames = [Image.new("RGB", (8, 6), color) for color in ("red", "blue")]
    data = bytes_of(frames[0], kind, save_all=True, append_images=frames[1:])
    photo = decode(data).astype(int)
    assert photo.shape == (6, 8, 3) and np.abs(photo - (255, 0, 0)).max() < 3


def test_the_extension_does_not_matter(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(bytes_of(Image.fromarray(corners()), "PNG"))
    np.testing.assert_array_equal(read_photo(path), corners())
    assert not is_plain_jpeg(path)


@pytest.mark.parametrize("read", [read_photo, read_size])
def test_refusals_name_the_file(tmp_path, portrait, read):
    broken = {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"not a photo at all", "not a photo"),
        "page.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a photo"),
        "start.jpg": (portrait.read_bytes()[:100], "."),
    }
    for name, (data, message) in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name}: .*{message}"):
            read(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.jpg")
    with pytest.raises(InputError, match="folder"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_photo_that_is_cut_short_is_refused(kind, portrait, decode):
    with Image.open(portrait) as image:
        data = bytes_of(image, kind)
    with pytest.raises(InputError, match=r"x\.jpg: "):
        decode(data[: len(data) * 2 // 3], "x.jpg")


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    for side in (10_001, 60_000):  # above MAX_PIXELS; above the limit at which Pillow itself raises
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        path = tmp_path / f"{side}.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        )
        for read in (read_photo, read_size):
            with pytest.raises(InputError, match="larger than 100 megapixels"):
                read(path)


def test_which_files_are_plain_jpegs(portrait, tmp_path):
    data = portrait.read_bytes()
    rgb = Image.fromarray(corners())
    assert is_plain_jpeg(portrait) and is_plain_jpeg(data)
    assert is_plain_jpeg(bytes_of(rgb, "JPEG", progressive=True))
    assert is_plain_jpeg(bytes_of(rgb, "JPEG", exif=rotated(1)))
    assert not is_plain_jpeg(bytes_of(rgb, "JPEG", exif=rotated(3)))
    assert not is_plain_jpeg(bytes_of(rgb.convert("L"), "JPEG"))
    assert not is_plain_jpeg(bytes_of(rgb.convert("CMYK"), "JPEG"))
    assert not is_plain_jpeg(bytes_of(rgb, "PNG"))
    assert not is_plain_jpeg(data[:-2]), "without its end marker"
    assert not is_plain_jpeg(b"") and not is_plain_jpeg(b"\xff\xd8\xff\xd9")
    with pytest.raises(InputError, match="no such file"):
        is_plain_jpeg(tmp_path / "absent.jpg")


def test_list_photos(tmp_path):
    for name in (
        "b/2.JPG",
        "b/1.png",
        "a/x.webp",
        "a/notes.txt",
        ".hidden/3.jpg",
        "a/.4.jpg",
        "odd.name",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    photos = list_photos(
        [tmp_path / "odd.name", tmp_path, tmp_path / "b" / "1.png", tmp_path / "absent"]
    )
    assert [str(path.relative_to(tmp_path)) for path in photos] == [
        "odd.name",
        "a/x.webp",
        "b/1.png",
        "b/2.JPG",
        "absent",
    ]


def test_a_name_that_is_too_long_is_shortened():
    with pytest.raises(
        InputError, match=r"cannot be looked at \(File name too long\); check the path"
    ) as error:
        read_size("[" * 3000 + ".jpg")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_thumbnail_is_upright_gray_and_not_too_small(portrait, orientation):
    with Image.open(portrait) as image:
        exif = Image.Exif()
        exif[0x0112] = orientation
        stream = io.BytesIO()
        image.save(stream, "JPEG", exif=exif)
    thumbnail = read_thumbnail(stream.getvalue(), 64)
    turned = Image.fromarray(read_photo(portrait)).convert("L")
    turned = {1: turned, 3: turned.rotate(180), 6: turned.rotate(-90, expand=True)}[orientation]
    assert thumbnail.mode == "L" and 64 <= min(thumbnail.size) < 200
    difference = np.asarray(thumbnail, float) - np.asarray(turned.resize(thumbnail.size), float)
    assert abs(difference).mean() < 4


def test_sizes_of_photos(tmp_path, own_cache, portrait):
    shutil.copy(portrait, tmp_path / "1.jpg")
    for _ in range(2):
        sizes = photo_sizes(tmp_path, ["1.jpg", "2.jpg"])
        assert sizes[0] == (512, 600) and isinstance(sizes[1], InputError)


def test_a_photo_above_pillows_limit_is_read_without_its_warning(tmp_path, portrait, monkeypatch):
    """By several threads, which share the filters of `warnings`; these are restored."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 512 * 600 - 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(read_size, [portrait] * 200)) == {(512, 600)}
        assert read_photo(portrait).shape == (600, 512, 3)
        assert warnings.filters == filters
        Image.open(portrait).close()
    assert [warning.category for warning in caught] == [Image.DecompressionBombWarning]
