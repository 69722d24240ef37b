import io

import pytest
from clothing_files import render
from PIL import Image

from shopee_od.datasets.duplicates import perceptual_hash
from shopee_od.datasets.photo_identity import PhotoIdentity


def as_jpeg(image, quality=90):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture
def identity():
    return PhotoIdentity(60, 80, perceptual_hash(as_jpeg(render(1))))


def test_copies_of_any_size_and_quality_are_known(identity):
    for size, quality in (((60, 80), 60), ((600, 800), 95), ((45, 60), 80), ((61, 80), 90)):
        assert identity.describe_mismatch(as_jpeg(render(1, size), quality)) == ""


def test_another_picture_is_told(identity):
    assert "it shows another picture" in identity.describe_mismatch(as_jpeg(render(2)))
    upside_down = render(1).transpose(Image.Transpose.ROTATE_180)
    assert "of 64 bits of its hash differ" in identity.describe_mismatch(as_jpeg(upside_down))


def test_another_shape_is_told(identity):
    assert (
        identity.describe_mismatch(as_jpeg(render(1, (80, 60)))) == "its shape is 80×60, not 60×80"
    )
    assert not identity.has_shape((60, 70)) and not identity.has_shape((60, 84))
    assert identity.has_shape((337, 448)) and identity.has_shape((1, 1)) is False


def test_what_is_no_photo_is_told(identity, tmp_path):
    assert "not a photo" in identity.describe_mismatch(b"<html>")
    assert "empty" in identity.describe_mismatch(b"")
    assert "no such file" in identity.describe_mismatch(tmp_path / "x.jpg")
    cut_short = as_jpeg(render(1, (600, 800)))[:2000]
    assert "damaged or cut short" in identity.describe_mismatch(cut_short)
