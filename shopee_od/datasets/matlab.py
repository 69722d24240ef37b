"""MATLAB 5 files of label masks and lists of names, read with every length checked.

`scipy.io.loadmat` trusts the lengths in a file: some damaged files end the whole process with a
segmentation fault, others raise errors of no common class (SciPy 1.17). This reader knows numbers,
texts and cells of texts, little-endian, and refuses everything else with a ValueError.

Format: "MAT-File Format", The MathWorks, "Level 5".
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

MAX_BYTES = 200_000_000  # that an element may unpack to
_HEADER = 128
_COMPRESSED, _MATRIX = 15, 14
_UTF8 = 16
_CELL, _CHAR, _NUMBERS = 1, 4, range(6, 16)  # classes of arrays
_DTYPES = {  # of the elements' types
    1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8",
    12: "<i8", 13: "<u8", 16: "u1", 17: "<u2",
}  # fmt: skip
_MAX_DEPTH = 3  # cells within cells


def read_mat(path: str | Path) -> dict[str, np.ndarray | list[str]]:
    """Reads the variables of a file.

    Args:
        path: the file.
    Returns:
        By name: an array of numbers as they are stored, a text as [text], cells of texts as a list.
    Raises:
        ValueError: the file is damaged, or holds what this reader does not know.
    """
    data = Path(path).read_bytes()
    if len(data) < _HEADER or data[124:128] != b"\0\1IM":
        raise ValueError("not a MATLAB 5 file")
    variables = {}
    offset = _HEADER
    while offset < len(data):
        kind, body, offset = _read_element(data, offset)
        if kind == _COMPRESSED:
            kind, body, _ = _read_element(_decompress(body), 0)
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} where a variable belongs")
        name, value = _read_matrix(body)
        variables[name] = value
    return variables


def _decompress(body: bytes) -> bytes:
    try:
        decompressor = zlib.decompressobj()
        data = decompressor.decompress(body, MAX_BYTES)
    except zlib.error as e:
        raise ValueError(f"damaged ({e})") from None
    if decompressor.unconsumed_tail or not decompressor.eof:
        raise ValueError("cut short, or too large")
    return data


def _read_element(data: bytes, offset: int) -> tuple[int, bytes, int]:
    """The element at `offset`: its type, its bytes, and the offset of the next one."""
    if len(data) - offset < 8:
        raise ValueError("cut short")
    kind, length = struct.unpack_from("<II", data, offset)
    if kind >> 16:  # up to four bytes are in the tag itself
        kind, length = kind & 0xFFFF, kind >> 16
        if length > 4:
            raise ValueError("a short element of more than 4 bytes")
        return kind, data[offset + 4 : offset + 4 + length], offset + 8
    end = offset + 8 + length
    if end > len(data):
        raise ValueError("cut short")
    padding = 0 if kind == _COMPRESSED else -length % 8
    return kind, data[offset + 8 : end], end + padding


def _read_matrix(body: bytes, depth: int = 0) -> tuple[str, np.ndarray | list[str]]:
    """A variable's name and value: its bytes are flags, shape, name, then the data by columns."""
    flags, offset = _read_numbers(body, 0)
    shape, offset = _read_numbers(body, offset)
    name_bytes, offset = _read_numbers(body, offset)
    if not len(flags) or not 2 <= len(shape) <= 8 or (shape < 0).any():
        raise ValueError("a variable without a shape")
    kind = int(flags[0]) & 0xFF
    size = int(np.prod(shape, dtype=object))
    name = name_bytes.astype(np.uint8).tobytes().decode("latin-1")
    if kind == _CELL:
        return name, _read_cells(body, offset, size, depth)
    if kind == _CHAR and _read_element(body, offset)[0] == _UTF8:
        return name, [_read_element(body, offset)[1].decode("utf-8", "replace")]
    values, _ = _read_numbers(body, offset)
    if kind == _CHAR:
        return name, ["".join(map(chr, values.astype(np.uint16).tolist()))]
    if kind not in _NUMBERS or len(values) != size:
        raise ValueError(f"an array of class {kind}, or of another size than its shape's")
    return name, values.reshape(shape, order="F")


def _read_cells(body: bytes, offset: int, size: int, depth: int) -> list[str]:
    """The text of each cell; "" for a cell that is empty or holds no text."""
    if depth >= _MAX_DEPTH or size > len(body) // 8:
        raise ValueError("more cells than there are bytes for")
    texts = []
    for _ in range(size):
        kind, cell, offset = _read_element(body, offset)
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} where a cell belongs")
        value = _read_matrix(cell, depth + 1)[1] if cell else []
        texts += value[:1] if isinstance(value, list) and value else [""]
    return texts


def _read_numbers(body: bytes, offset: int) -> tuple[np.ndarray, int]:
    kind, data, end = _read_element(body, offset)
    if kind not in _DTYPES:
        raise ValueError(f"numbers of type {kind}")
    dtype = np.dtype(_DTYPES[kind])
    if len(data) % dtype.itemsize:
        raise ValueError("half a number")
    return np.frombuffer(data, dtype), end
