import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from shopee_od.datasets.matlab import read_mat


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", "i8"])
def test_numbers_equal_scipys(tmp_path, dtype, compressed):
    values = np.arange(-5, 55).reshape(6, 10).astype(dtype)
    savemat(
        tmp_path / "a.mat", {"groundtruth": values, "n": values[:1, :1]}, do_compression=compressed
    )
    read, theirs = read_mat(tmp_path / "a.mat"), loadmat(tmp_path / "a.mat")
    for name in ("groundtruth", "n"):
        assert read[name].dtype == theirs[name].dtype
        np.testing.assert_array_equal(read[name], theirs[name])


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_and_cells_of_texts(tmp_path, compressed):
    cells = np.empty((1, 4), object)
    cells[0] = ["null", "t-shirt", "", "Größe"]
    savemat(
        tmp_path / "a.mat", {"label_list": cells, "title": "clothes"}, do_compression=compressed
    )
    assert read_mat(tmp_path / "a.mat") == {
        "label_list": ["null", "t-shirt", "", "Größe"],
        "title": ["clothes"],
    }


def test_ccps_own_files_are_read_as_scipy_reads_them(shared_data):
    root = shared_data / "ccp"
    names = [
        str(cell[0]) if len(cell) else ""
        for cell in loadmat(root / "label_list.mat")["label_list"].ravel()
    ]
    assert read_mat(root / "label_list.mat")["label_list"] == names
    for file in sorted((root / "annotations" / "pixel-level").glob("*.mat"))[::50]:
        theirs = loadmat(file)["groundtruth"]
        ours = read_mat(file)["groundtruth"]
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def mat_file(*elements: bytes) -> bytes:
    return b"MATLAB 5.0".ljust(124) + b"\0\1IM" + b"".join(elements)


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(flag: int, shape: tuple, data: bytes) -> bytes:
    head = (
        element(6, struct.pack("<II", flag, 0))
        + element(5, np.array(shape, "<i4").tobytes())
        + element(1, b"x")
    )
    return element(14, head + data)


PACKED = zlib.compress(matrix(9, (2, 2), element(2, b"abcd")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a MATLAB 5 file"),
        (b"MATLAB 7.3 MAT-file".ljust(200), "not a MATLAB 5 file"),
        (mat_file(b"\x0e\0\0\0"), "cut short"),
        (mat_file(struct.pack("<II", 14, 999)), "cut short"),
        (mat_file(element(9, b"\0" * 8)), "an element of type 9"),
        (mat_file(element(15, b"no zlib")), "damaged"),
        (mat_file(element(15, PACKED[:-8])), "cut short"),
        (mat_file(matrix(9, (2, 2), element(2, b"abc"))), "another size than its shape's"),
        (mat_file(matrix(9, (-2, -2), element(2, b"abcd"))), "without a shape"),
        (mat_file(matrix(9, (2, 2), element(77, b"abcd"))), "numbers of type 77"),
        (mat_file(matrix(9, (1, 1), element(4, b"abc"))), "half a number"),
        (mat_file(matrix(1, (2**31 - 1, 2**31 - 1), b"")), "more cells than there are bytes"),
        (mat_file(matrix(2, (1, 1), element(2, b"a"))), "an array of class 2"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path, content, message):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_mat(tmp_path / "a.mat")


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("shopee_od.datasets.matlab.MAX_BYTES", 1000)
    (tmp_path / "a.mat").write_bytes(
        mat_file(element(15, zlib.compress(matrix(9, (100, 100), element(2, b"\0" * 10_000)))))
    )
    with pytest.raises(ValueError, match="too large"):
        read_mat(tmp_path / "a.mat")
