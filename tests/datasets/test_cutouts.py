import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat
from typer.testing import CliRunner

from shopee_od.cli import app
from shopee_od.datasets import open_dataset
from shopee_od.datasets.ccp import GARMENTS, read_ccp
from shopee_od.datasets.clothing import read_clothing
from shopee_od.datasets.cutouts import (
    MARGIN,
    MAX_SIDE,
    cut_out,
    describe_cutouts,
    make_cutouts,
    read_ccp_cutouts,
    read_clothing_cutouts,
)
from shopee_od.datasets.masks import MaskError
from shopee_od.datasets.taxonomy import read_taxonomy
from shopee_od.errors import InputError

LABELS = ["", "skin", *[label for _, labels in GARMENTS.values() for label in labels]]
STREET = (40, 160, 60)
SKIRT, SHIRT = (180, 20, 20), (20, 20, 170)


def colorful(height, width):
    """A photo without a white pixel."""
    return np.random.default_rng(0).integers(0, 200, (height, width, 3), np.uint8)


@pytest.fixture
def ccp(tmp_path, own_cache):
    """CCP's layout with five photos of a street, each with a shirt and a skirt."""
    root = tmp_path / "ccp"
    for folder in ("photos", "annotations/pixel-level"):
        (root / folder).mkdir(parents=True)
    cells = np.empty((1, len(LABELS)), object)
    cells[0] = [np.array([name]) if name else np.array([]) for name in LABELS]
    savemat(root / "label_list.mat", {"label_list": cells})
    pixels = np.zeros((120, 80), np.uint8)
    pixels[10:50, 20:60] = LABELS.index("shirt")
    pixels[50:110, 15:70] = LABELS.index("skirt")
    pixels[115:119, 2:6] = LABELS.index("skirt")  # a speck
    photo = np.full((120, 80, 3), STREET, np.uint8)
    photo[pixels == LABELS.index("shirt")] = SHIRT
    photo[pixels == LABELS.index("skirt")] = SKIRT
    for number in (2, 3, 5, 11, 13):
        Image.fromarray(photo).save(root / "photos" / f"{number:04}.jpg", quality=95)
        savemat(root / f"annotations/pixel-level/{number:04}.mat", {"groundtruth": pixels})
    return root


@pytest.fixture
def cutouts_root(ccp, tmp_path):
    root = tmp_path / "ccp-cutouts"
    assert make_cutouts(read_ccp(ccp), root)
    return root


@settings(deadline=None)
@given(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(8, 60), st.integers(8, 60)),
    st.floats(0.2, 12),
)
def test_the_box_is_the_bounds_of_what_is_not_white(corner_and_size, factor):
    x, y, width, height = (round(value * factor) for value in corner_and_size)
    photo = colorful(y + height + 3, x + width + 3)
    mask = np.zeros(photo.shape[:2], bool)
    mask[y : y + height, x : x + width] = True
    try:
        image, box = cut_out(photo, mask)
    except MaskError:
        assert (width - 2) * (height - 2) < 0.05 * mask.size
        return
    assert max(image.shape[:2]) <= MAX_SIDE
    ys, xs = np.nonzero((image < 250).any(axis=2))
    bounds = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    assert np.abs(np.subtract(box, bounds)).max() <= 2  # the soft edge
    sides = box[2:] - box[:2]
    margins = [*box[:2], *(np.array(image.shape[1::-1]) - box[2:])]
    assert np.abs(margins - MARGIN * sides.max()).max() <= 1.5


def test_nothing_outside_of_the_mask_remains():
    photo = colorful(100, 90)
    canvas = np.zeros((100, 90), np.uint8)
    cv2.ellipse(canvas, (45, 50), (30, 40), 20, 0, 360, 1, -1)
    mask = canvas > 0
    image, box = cut_out(photo, mask)
    offset = np.rint(box[:2]).astype(int)
    ys, xs = np.nonzero(cv2.erode(canvas, np.ones((3, 3), np.uint8)))
    shifted = np.zeros(image.shape[:2], bool)
    rows, columns = np.nonzero(mask)
    shifted[rows - ys.min() + offset[1], columns - xs.min() + offset[0]] = True
    assert (image[~shifted] == 255).all()
    center = image[50 - ys.min() + offset[1], 45 - xs.min() + offset[0]]
    assert center.tolist() == photo[50, 45].tolist()  # its own colors inside


def test_a_garment_at_the_edge_of_its_photo_has_no_frame():
    photo = np.full((50, 40, 3), 80, np.uint8)
    image, box = cut_out(photo, np.ones((50, 40), bool))
    assert box.tolist() == [4, 4, 44, 54] and (image[4:54, 4:44] == 80).all()


def test_a_small_garment_is_refused():
    mask = np.zeros((100, 100), bool)
    mask[:15, :17] = True
    with pytest.raises(MaskError, match=r"garment under 2.5% of its photo: left out"):
        cut_out(colorful(100, 100), mask)


def test_cutouts_of_ccp(ccp, cutouts_root):
    source = read_ccp(ccp)
    dataset = open_dataset("ccp-cutouts", cutouts_root)
    assert dataset.name == "ccp-cutouts" and not dataset.problems
    assert dataset.classes == source.classes and len(dataset) == len(source.boxes) == 10
    assert set(dataset.images.source) == {"cutout"}
    split_of = {2: "train", 3: "train", 5: "test", 11: "val", 13: "train"}
    for image, box in zip(dataset.images.itertuples(), dataset.boxes.itertuples(), strict=True):
        assert image.split == split_of[int(image.path.split("/")[-1][:4])]
        name = dataset.classes[box.label]
        size = {"top": (38, 38), "skirt": (53, 58)}[name]  # without the outermost pixels
        assert (box.x2 - box.x1, box.y2 - box.y1) == size
        assert box.type == GARMENTS[name][0] and box.certain
        pixels = np.asarray(Image.open(image.path)).astype(int)
        garment = pixels[int(box.y1) + 4 : int(box.y2) - 4, int(box.x1) + 4 : int(box.x2) - 4]
        color = SHIRT if name == "top" else SKIRT
        assert np.abs(garment - color).max() < 25
        pixels[int(box.y1) - 1 : int(box.y2) + 1, int(box.x1) - 1 : int(box.x2) + 1] = 255
        assert pixels.min() > 225  # what JPEG adds
        greenness = pixels[..., 1] - pixels.mean(axis=2)
        assert greenness.max() < 10  # no street


def test_the_command_makes_them(ccp, tmp_path):
    def run(*arguments):
        result = CliRunner().invoke(app, ["data", "make", *arguments], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    root = tmp_path / "cutouts"
    arguments = ("ccp-cutouts", "--from", str(ccp), "--data-dir", str(root))
    assert run(*arguments) == f"made in {root}: 10 cutouts\n"
    assert run(*arguments) == f"already in {root}: 10 cutouts\n"
    with pytest.raises(InputError, match="ccp cannot be made, only shopsim, ccp-cutouts, "):
        run("ccp")


def test_they_tell_what_they_were_made_from(ccp, cutouts_root):
    source = read_ccp(ccp)
    manifest = json.loads((cutouts_root / "cutouts.json").read_text())
    assert manifest["source"] == "ccp" and manifest["fingerprint"] == source.fingerprint()
    assert manifest["cutouts"] == 10 and manifest["left_out"] == {}
    times = {file: file.stat().st_mtime_ns for file in cutouts_root.rglob("*")}
    assert not make_cutouts(source, cutouts_root)  # already there
    assert times == {file: file.stat().st_mtime_ns for file in cutouts_root.rglob("*")}
    with pytest.raises(InputError, match="other files, or cutouts of other photos; remove it"):
        make_cutouts(source.split("train"), cutouts_root)
    with pytest.raises(InputError, match="other files"):
        make_cutouts(source, ccp)


def test_a_run_that_was_killed_leaves_nothing(ccp, tmp_path, monkeypatch):
    root = tmp_path / "cutouts"
    (tmp_path / ".cutouts.killed").mkdir()

    def fail(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pandas.DataFrame.to_csv", fail)
        with pytest.raises(KeyboardInterrupt):
            make_cutouts(read_ccp(ccp), root)
    assert not root.exists() and not list(tmp_path.glob(".cutouts.*"))
    assert make_cutouts(read_ccp(ccp), root) and len(read_ccp_cutouts(root)) == 10


def test_a_damaged_photo_is_counted(ccp, tmp_path):
    photo = ccp / "photos" / "0003.jpg"
    photo.write_bytes(photo.read_bytes()[:700])  # its header is whole
    root = tmp_path / "cutouts"
    make_cutouts(read_ccp(ccp), root)
    assert len(read_ccp_cutouts(root)) == 8
    assert describe_cutouts(root) == (
        "8 cutouts\n      2 × photo or its pixel labels not readable: garment left out"
    )


def test_without_a_garment_nothing_is_written(ccp, tmp_path):
    for photo in (ccp / "photos").iterdir():
        photo.write_bytes(photo.read_bytes()[:700])
    with pytest.raises(InputError, match="no garment can be cut out: photo or its pixel labels"):
        make_cutouts(read_ccp(ccp), tmp_path / "cutouts")
    assert not (tmp_path / "cutouts").exists()


def test_other_data_sets_are_refused(cut_data, tmp_path):
    with pytest.raises(InputError, match="no cutouts can be made of coco; use one of ccp, "):
        make_cutouts(cut_data, tmp_path / "cutouts")


def test_an_absent_image_is_left_out_and_counted(cutouts_root):
    names = sorted(file.name for file in (cutouts_root / "images").iterdir())
    (cutouts_root / "images" / names[0]).unlink()
    dataset = read_ccp_cutouts(cutouts_root)
    assert dataset.images.image_id.tolist() == dataset.boxes.image_id.tolist() == [*range(1, 10)]
    assert dataset.problems.counts == {"cutout absent or not readable: left out": 1}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0002-0.jpg", "../0002-0.jpg", "row 2 is damaged; make the cutouts again"),
        ("0002-1.jpg", "0002-0.jpg", "row 3 is damaged"),
        (",test,", ",holdout,", "row 6 is damaged"),
        (",skirt,", ",kilt,", "row 3 is damaged"),
        (",lower,", ",left,", "row 3 is damaged"),
        (",3.0,", ",,", "not readable"),
        ("certain", "sure", "not readable"),
    ],
)
def test_a_damaged_table_is_refused(cutouts_root, old, new, message):
    table = cutouts_root / "cutouts.csv"
    text = table.read_text()
    assert old in text, text
    table.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_ccp_cutouts(cutouts_root)


@pytest.mark.parametrize("content", ["[]", "{}", '{"source": "ccp", "classes": "skirt"}'])
def test_a_damaged_manifest_is_refused(cutouts_root, content):
    (cutouts_root / "cutouts.json").write_text(content)
    with pytest.raises(InputError, match=r"cutouts.json: damaged; make the cutouts again"):
        read_ccp_cutouts(cutouts_root)


def test_cutouts_of_another_data_set_are_refused(cutouts_root):
    with pytest.raises(InputError, match="these are cutouts of ccp, not of clothing"):
        read_clothing_cutouts(cutouts_root)


def test_classes_map_to_categories_like_those_of_the_source():
    taxonomy = read_taxonomy()
    for source in ("ccp", "clothing"):
        for name in taxonomy.classes[source]:
            assert taxonomy.candidates(f"{source}-cutouts", name) == taxonomy.candidates(
                source, name
            )


@pytest.fixture
def real(shared_data):
    for name in ("ccp", "clothing"):
        if not (shared_data / name).is_dir():
            pytest.skip(f"no photos of {name} at {shared_data}")
    return shared_data


def test_real_garments(real, tmp_path):
    for name, read, share in (("ccp", read_ccp, 0.3), ("clothing", read_clothing, 0.4)):
        source = read(real / name).split("train").sample(12, 1)
        make_cutouts(source, tmp_path / name)
        dataset = open_dataset(f"{name}-cutouts", tmp_path / name)
        assert len(dataset) > share * source.counted_mask.sum() and not dataset.problems
        assert set(dataset.images.split) == {"train"}
