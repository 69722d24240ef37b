import pytest
from PIL import Image

from shopee_od.datasets.voc import read_annotation, read_voc
from shopee_od.errors import InputError


@pytest.fixture
def write(tmp_path, own_cache):
    """Writes an annotation as LabelImg does, and its 60 × 40 photo; returns the root."""

    def write(name, *objects, size=(60, 40), photo=True, filename=None, text=None):
        for folder in ("Annotations", "JPEGImages"):
            (tmp_path / folder).mkdir(exist_ok=True)
        sized = (
            f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
            if size
            else ""
        )
        head = f"<folder>mine</folder><filename>{filename or name + '.jpg'}</filename>"
        head += f"<path>C:\\mine\\{name}.jpg</path>{sized}<segmented>0</segmented>"
        content = text or f"<annotation verified='yes'>{head}{''.join(objects)}</annotation>"
        (tmp_path / "Annotations" / f"{name}.xml").write_text(content)
        if photo:
            Image.new("RGB", (60, 40)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
        return tmp_path

    return write


def garment(name="bra", box=(11, 6, 40, 30), difficult=0):
    corners = "".join(
        f"<{key}>{v}</{key}>" for key, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return (
        f"<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>{difficult}</difficult><bndbox>{corners}</bndbox></object>"
    )


def test_corners_count_from_1_and_are_inclusive(write):
    read = read_voc(write("a", garment(box=(1, 1, 60, 40)), garment("slip", (11, 6, 40, 30), 1)))
    assert not read.problems and read.classes == ("bra", "slip")
    assert read.boxes[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [
        [0, 0, 60, 40],
        [10, 5, 40, 30],
    ]
    assert read.boxes.ignore.tolist() == [False, True] and read.boxes.label.tolist() == [0, 1]


def test_splits_from_lists_or_by_position(write, tmp_path):
    for name in "abcdefgh":
        write(name, garment())
    by_position = read_voc(tmp_path).images.split.tolist()
    assert by_position == ["train", "val", "test", "train", "train", "train", "train", "test"]
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\nb\nc\n\n")
    (lists / "test.txt").write_text("c  1\nd -1\n")
    read = read_voc(tmp_path)
    assert read.images.split.tolist() == ["train", "train", "test", "test", "", "", "", ""]
    assert read.problems.counts == {"photo in two splits: kept out of training": 1}


def test_a_photo_is_found_by_its_name_in_any_path_that_a_tool_wrote(write, tmp_path):
    write("a", garment(), filename="C:\\Users\\me\\a.jpg")
    write("b", garment(), filename="gone.png")
    write("c", garment(), filename="../../secret.jpg")
    Image.new("RGB", (60, 40)).save(tmp_path.parent / "secret.jpg")
    read = read_voc(tmp_path)
    assert [path.rsplit("/", 1)[1] for path in read.images.path] == [
        "a.jpg",
        "b.jpg",
        "c.jpg",
    ] and not read.problems


def test_traps_are_counted_and_the_rest_is_read(write, tmp_path):
    entities = '<!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    bomb = f"{entities}<annotation><filename>&b;</filename></annotation>"
    write("a", garment(), size=None)
    write("b", garment(), photo=False)
    write("c", text="<annotation><object>")
    write("d", text=bomb)
    write("e", garment(), size=(40, 60))
    write(
        "f",
        garment(name=" "),
        garment(box=("x", 1, 2, 3)),
        garment(box=(50, 30, 90, 70)),
        "<object><name>slip</name></object>",
    )
    write("g", garment(), size=(0, 0))
    read = read_voc(tmp_path)
    assert read.problems.counts == {
        "photo absent or not readable: left out": 1,
        "annotation not readable: photo left out": 2,
        "size is not that of the upright photo: photo left out; label it again": 1,
        "object without a name: dropped": 1,
        "box with a value that is no number: dropped": 2,
        "box sticks out of its photo: clipped": 1,
    }
    assert len(read) == 3 and read.counted_mask.sum() == 3
    assert read.images.path[
        read.boxes.image_id[read.any_class_mask].map(
            dict(zip(read.images.image_id, read.images.index, strict=True))
        )
    ].tolist() == [str(tmp_path / "JPEGImages" / "f.jpg")]
    not_xml, with_document_type = read.problems.examples["annotation not readable: photo left out"]
    assert "c.xml: not readable as XML" in not_xml
    assert "d.xml: it has a document type" in with_document_type


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(write, tmp_path, encoding):
    """With and without a byte order mark."""
    file = write("a", garment("T恤")) / "Annotations" / "a.xml"
    declared = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    text = f'<?xml version="1.0" encoding="{declared}"?>{file.read_text()}'
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file.write_bytes(mark + text.encode(encoding))
    read = read_voc(tmp_path)
    assert not read.problems and read.classes == ("T恤",) and len(read.boxes) == 1


LAUGHS = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
LONG, MANY = "x" * 9999, "&x;" * 9999
ATTACKS = {
    "billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><annotation>&l9;</annotation>',
    "quadratic blowup": f'<!DOCTYPE a [<!ENTITY x "{LONG}">]><annotation>{MANY}</annotation>',
    "external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "FILE">]><annotation>&x;</annotation>',
    "external parameter entity": '<!DOCTYPE a [<!ENTITY % x SYSTEM "FILE"> %x;]><annotation/>',
    "external document type": '<!DOCTYPE a SYSTEM "FILE"><annotation/>',
    "document type": "<!DOCTYPE annotation><annotation/>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_entities_are_refused(tmp_path, own_cache, attack, encoding):
    (tmp_path / "secret.txt").write_text("secret")
    file = tmp_path / "Annotations" / "a.xml"
    file.parent.mkdir()
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    text = head + ATTACKS[attack].replace("FILE", (tmp_path / "secret.txt").as_uri())
    file.write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=r"a\.xml: it has a document type .*; remove that part"):
        read_annotation(file)
    with pytest.raises(InputError, match="no photos; annotation not readable"):
        read_voc(tmp_path)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no Annotations/\*\.xml"):
        read_voc(tmp_path)
