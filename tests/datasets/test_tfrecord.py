import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from official.vision.dataloaders import tf_example_decoder
from PIL import Image

from shopee_od.datasets.dataset import Dataset
from shopee_od.datasets.photos import read_photo
from shopee_od.datasets.tfrecord import MANIFEST, convert
from shopee_od.errors import InputError

pytestmark = pytest.mark.slow

FLAGS = {"ignore": False, "iscrowd": False}


def dataset(paths, boxes=(), classes=("cap", "jacket")):
    """Photos with ids 10, 20, …; boxes as (the photo from 1, x1, y1, x2, y2, label, flags)."""
    images = []
    for position, path in enumerate(paths, 1):
        height, width = read_photo(path).shape[:2]
        row = {"image_id": 10 * position, "path": str(path), "split": ""}
        images.append(row | {"width": width, "height": height})
    rows = []
    for i, (position, x1, y1, x2, y2, label, flags) in enumerate(boxes):
        row = {"box_id": i, "image_id": 10 * position, "label": label, **FLAGS, **flags}
        rows.append(row | {"x1": x1, "y1": y1, "x2": x2, "y2": y2})
    return Dataset.build("toy", Path("/none"), classes, images, rows)


def examples(directory):
    """The tf.train.Examples of all shards, in order."""
    files = sorted(str(f) for f in Path(directory).glob("photos-*.tfrecord"))
    return [
        tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(files)
    ]


def feature(example, name):
    values = example.features.feature[name]
    kind = values.WhichOneof("kind")
    return list(getattr(values, kind).value) if kind else []


def ids(directory):
    return [int(feature(example, "image/source_id")[0]) for example in examples(directory)]


@pytest.fixture
def many(tmp_path):
    """Twelve photos of 40 × 30, of twelve colors."""
    for i in range(12):
        Image.new("RGB", (40, 30), (20 * i, 100, 255 - 20 * i)).save(tmp_path / f"{i:02}.jpg")
    return [tmp_path / f"{i:02}.jpg" for i in range(12)]


def test_an_upright_rgb_jpeg_passes_byte_for_byte(portrait, tmp_path):
    convert(dataset([portrait]), tmp_path, progress=False)
    (example,) = examples(tmp_path)
    assert feature(example, "image/encoded") == [portrait.read_bytes()]


def rotated(image, path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90, expand=True).save(path, exif=exif, quality=95)


KINDS = {
    "png": ("photo.png", lambda image, path: image.save(path)),
    "transparent": ("photo.png", lambda image, path: image.convert("RGBA").save(path)),
    "gray": ("photo.jpg", lambda image, path: image.convert("L").save(path, quality=95)),
    "CMYK": ("photo.jpg", lambda image, path: image.convert("CMYK").save(path, quality=95)),
    "rotated by EXIF": ("photo.jpg", rotated),
    "webp": ("photo.webp", lambda image, path: image.save(path, lossless=True)),
    "misnamed": ("photo.jpg", lambda image, path: image.save(path, "PNG")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_photos_are_re_encoded_with_the_same_pixels(portrait, tmp_path, kind):
    name, write = KINDS[kind]
    write(Image.open(portrait).resize((160, 200)), tmp_path / name)
    convert(
        dataset([tmp_path / name], [(1, 16, 20, 80, 150, 1, {})]),
        tmp_path / "records",
        progress=False,
    )
    (example,) = examples(tmp_path / "records")
    (encoded,) = feature(example, "image/encoded")
    assert Image.open(io.BytesIO(encoded)).format == "JPEG"
    decoded = tf_example_decoder.TfExampleDecoder().decode(example.SerializeToString())
    assert decoded["image"].shape == (200, 160, 3)
    difference = decoded["image"].numpy().astype(int) - read_photo(tmp_path / name)
    assert np.abs(difference).mean() < 5  # JPEG stores colors at half the resolution
    np.testing.assert_allclose(decoded["groundtruth_boxes"], [[0.1, 0.1, 0.75, 0.5]], atol=1e-6)


def test_model_gardens_decoder_reads_boxes_labels_and_flags(portrait, many, tmp_path):
    boxes = [
        (1, 51.2, 60, 256, 300, 0, {}),
        (1, 0, 0, 512, 600, 1, {"ignore": True}),
        (1, 100, 200, 110, 240, 1, {"iscrowd": True}),
    ]
    convert(dataset([portrait, many[0]], boxes), tmp_path / "records", progress=False)
    decoder = tf_example_decoder.TfExampleDecoder()
    first, second = (decoder.decode(e.SerializeToString()) for e in examples(tmp_path / "records"))
    np.testing.assert_allclose(
        first["groundtruth_boxes"] * [600, 512, 600, 512],  # y1, x1, y2, x2
        [[60, 51.2, 300, 256], [0, 0, 600, 512], [200, 100, 240, 110]],
        atol=1e-3,
    )
    assert first["groundtruth_classes"].numpy().tolist() == [1, 2, 2], "0 is background"
    assert first["groundtruth_is_crowd"].numpy().tolist() == [False, True, True], (
        "neither is trained on"
    )
    np.testing.assert_allclose(first["groundtruth_area"], [204.8 * 240, 512 * 600, 400], rtol=1e-5)
    assert (int(first["height"]), int(first["width"])) == (600, 512)
    assert (first["source_id"].numpy(), second["source_id"].numpy()) == (b"10", b"20")
    assert len(second["groundtruth_boxes"]) == 0 and second["image"].shape == (30, 40, 3)


def test_shards_hold_every_photo_once_and_a_second_call_writes_nothing(many, tmp_path):
    records = convert(dataset(many), tmp_path / "records", shard_photos=5, progress=False)
    names = sorted(f.name for f in (tmp_path / "records").iterdir())
    assert names == [*(f"photos-{i:05}-of-00003.tfrecord" for i in range(3)), MANIFEST]
    assert ids(tmp_path / "records") == list(range(10, 121, 10))
    assert records.photos == 12 and not records.problems
    assert sorted(tf.io.gfile.glob(records.pattern)) == sorted(
        map(str, (tmp_path / "records").glob("*.tfrecord"))
    )
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "records").iterdir()}
    assert convert(dataset(many), tmp_path / "records", shard_photos=5, progress=False).photos == 12
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "records").iterdir()} == before


def touch(paths):
    os.utime(paths[3], ns=(0, 0))
    return dataset(paths)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda paths: dataset(paths[:-1]), id="one photo fewer"),
        pytest.param(lambda paths: dataset(paths, [(1, 0, 0, 9, 9, 0, {})]), id="another box"),
        pytest.param(lambda paths: dataset(paths, [(1, 0, 0, 8, 8, 1, {})]), id="another label"),
        pytest.param(
            lambda paths: dataset(paths, [(1, 0, 0, 8, 8, 0, {"ignore": True})]), id="a flag"
        ),
        pytest.param(
            lambda paths: dataset(paths, [(1, 0, 0, 8, 8, 0, {})], ("jacket", "cap")),
            id="the classes",
        ),
        pytest.param(touch, id="a file written again"),
    ],
)
def test_a_changed_data_set_is_written_again(many, tmp_path, change):
    convert(
        dataset(many, [(1, 0, 0, 8, 8, 0, {})]),
        tmp_path / "records",
        shard_photos=5,
        progress=False,
    )
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "records").iterdir()}
    changed = change(many)
    assert convert(changed, tmp_path / "records", shard_photos=5, progress=False).photos == len(
        changed
    )
    assert ids(tmp_path / "records") == changed.images.image_id.tolist()
    assert (
        not before.items()
        & {f: f.stat().st_mtime_ns for f in (tmp_path / "records").iterdir()}.items()
    )


def test_fewer_shards_leave_none_of_the_old(many, tmp_path):
    convert(dataset(many), tmp_path / "records", shard_photos=3, progress=False)
    convert(dataset(many), tmp_path / "records", shard_photos=12, progress=False)
    assert [f.name for f in (tmp_path / "records").glob("photos-*")] == [
        "photos-00000-of-00001.tfrecord"
    ]


def test_unreadable_photos_are_left_out_and_counted_each_time(many, tmp_path):
    data = dataset(many)
    many[2].write_bytes(b"")
    many[7].unlink()
    Image.new("RGB", (41, 30)).save(many[9])
    for _ in range(2):
        records = convert(data, tmp_path / "records", shard_photos=5, progress=False)
        assert records.photos == 9 and records.left_out == (30, 80, 100)
        assert records.problems.counts == {"photo left out of the records": 3}
        messages = " ".join(records.problems.examples["photo left out of the records"])
        assert (
            "02.jpg: the file is empty" in messages
            and "07.jpg" in messages
            and "is 41 × 30, its data set has 40" in messages
        )
    assert ids(tmp_path / "records") == [i for i in range(10, 121, 10) if i not in (30, 80, 100)]


def test_photos_too_slim_to_be_scaled_are_left_out(many, tmp_path):
    """They would stop a training."""
    Image.new("RGB", (2, 640)).save(tmp_path / "slim.png")
    Image.new("RGB", (2, 65)).save(tmp_path / "slimmer.png")
    records = convert(
        dataset([*many, tmp_path / "slim.png", tmp_path / "slimmer.png"]), tmp_path / "records"
    )
    assert records.photos == 12 and records.left_out == (130, 140)
    assert "is 2 × 640, too slim" in str(records.problems)


def test_no_readable_photo_at_all_is_refused(many, tmp_path):
    data = dataset(many)
    for path in many:
        path.write_bytes(b"no photo")
    with pytest.raises(InputError, match="no photo could be read"):
        convert(data, tmp_path / "records", progress=False)


def test_a_damaged_manifest_costs_a_conversion_but_raises_no_error(many, tmp_path):
    convert(dataset(many), tmp_path / "records", progress=False)
    for damaged in ("{", "[]", "{}"):
        (tmp_path / "records" / MANIFEST).write_text(damaged)
        assert convert(dataset(many), tmp_path / "records", progress=False).photos == 12
        assert ids(tmp_path / "records") == list(range(10, 121, 10))


CONVERT = """
import sys
from pathlib import Path
from shopee_od.datasets.coco import read_coco
from shopee_od.datasets.tfrecord import convert
records = convert(read_coco(Path(sys.argv[1])), Path(sys.argv[2]), shard_photos=int(sys.argv[3]))
print(records.photos)
"""


def test_a_killed_conversion_resumes_after_its_last_whole_shard(portrait, tmp_path, own_cache):
    """`kill -9` when some of 60 shards are there."""
    import json

    from shopee_od.datasets.coco import read_coco

    (tmp_path / "images").mkdir()
    Image.open(portrait).save(
        tmp_path / "images" / "0.png"
    )  # each takes some 30 ms to encode again
    for i in range(1, 60):
        shutil.copy(tmp_path / "images" / "0.png", tmp_path / "images" / f"{i}.png")
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(60)]
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "jacket"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    data, records = read_coco(tmp_path), tmp_path / "records"

    process = subprocess.Popen(
        [sys.executable, "-c", CONVERT, tmp_path, records, "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(list(records.glob("photos-*"))) < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9, "it ended before it could be killed"
    listed = json.loads((records / MANIFEST).read_text())["shards"]
    assert 4 <= len(listed) < 60
    (records / ".photos-00059-of-00060.tfrecord.x1.tfrecord").write_bytes(b"half a shard")
    (records / ".records.json.x1.json").write_bytes(b"half a manifest")
    whole = {name: (records / name).stat().st_mtime_ns for name in listed}

    assert convert(data, records, shard_photos=1, progress=False).photos == 60
    assert ids(records) == list(range(60))
    assert {name: (records / name).stat().st_mtime_ns for name in listed} == whole
    assert len(list(records.iterdir())) == 61, "60 shards and the manifest"


def test_files_of_others_in_the_folder_stay(many, tmp_path):
    mine = tmp_path / "records" / "photos-2023.zip"
    mine.parent.mkdir()
    mine.write_text("mine")
    convert(dataset(many), mine.parent, progress=False)
    assert mine.read_text() == "mine"


def test_large_photos_are_stored_smaller_and_their_boxes_stay_on_the_garment(tmp_path):
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[100:300, 150:450] = 255
    for name in ("large", "small"):
        size = (600, 400) if name == "large" else (60, 40)
        Image.fromarray(pixels).resize(size).save(tmp_path / f"{name}.png")
    boxes = [(1, 150, 100, 450, 300, 0, {}), (2, 15, 10, 45, 30, 0, {})]
    photos = dataset([tmp_path / "large.png", tmp_path / "small.png"], boxes)
    convert(photos, tmp_path / "records", progress=False, max_side=120)
    sizes = []
    for example in examples(tmp_path / "records"):
        stored = tf.io.decode_jpeg(feature(example, "image/encoded")[0]).numpy()
        height, width = stored.shape[:2]
        assert [height, width] == [feature(example, f"image/{s}")[0] for s in ("height", "width")]
        sizes.append((width, height))
        ymin, xmin, ymax, xmax = (
            feature(example, f"image/object/bbox/{side}")[0]
            for side in ("ymin", "xmin", "ymax", "xmax")
        )
        assert (ymin, xmin, ymax, xmax) == (0.25, 0.25, 0.75, 0.75)
        inside = stored[round(ymin * height) + 3 : round(ymax * height) - 3]
        assert inside[:, round(xmin * width) + 3 : round(xmax * width) - 3].mean() > 240
    assert sizes == [(120, 80), (60, 40)]
    convert(photos, tmp_path / "records", progress=False)
    first = examples(tmp_path / "records")[0]
    assert feature(first, "image/width") == [600], "written again, since the setting is another"


def test_progress_names_the_data_set_that_photos_are_from(many, tmp_path, capsys):
    images = dataset(many).images.assign(dataset=["a"] * 6 + ["b"] * 6)
    joint = Dataset.build("a+b", "/none", ("cap",), images, [])
    convert(joint.take(images.image_id[:6]), tmp_path / "a")
    assert "records a:" in capsys.readouterr().err
    convert(joint, tmp_path / "both")
    assert "records a+b:" in capsys.readouterr().err
