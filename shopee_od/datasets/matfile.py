"""MATLAB 5 files of label masks and lists of names, read with every length checked.

SciPy's reader trusts the lengths in a file: a damaged one can end the whole process. This one knows little (numbers,
texts and cells of texts, little-endian) and believes nothing. Format: "MAT-File Format", The MathWorks, "Level 5".
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

MOST = 200_000_000  # bytes that an element may unpack to
_HEADER = 128
_COMPRESSED, _MATRIX = 15, 14
_UTF8 = 16
_CELL, _CHAR, _NUMBERS = 1, 4, range(6, 16)  # classes of arrays
_TYPES = {
    1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8",
    16: "u1", 17: "<u2",
}  # fmt: skip
_DEEPEST = 3  # cells within cells


def read_mat(path: str | Path) -> dict[str, np.ndarray | list[str]]:
    """Each variable by its name: an array of numbers as they are stored, a text as [text], cells of texts as a list.

    Raises ValueError where the file is damaged, or holds what this reader does not know.
    """
    data = Path(path).read_bytes()
    if len(data) < _HEADER or data[124:128] != b"\0\1IM":
        raise ValueError("not a MATLAB 5 file")
    found, at = {}, _HEADER
    while at < len(data):
        kind, body, at = _element(data, at)
        if kind == _COMPRESSED:
            kind, body, _ = _element(_unpacked(body), 0)
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} where a variable belongs")
        name, value = _matrix(body)
        found[name] = value
    return found


def _unpacked(body: bytes) -> bytes:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(body, MOST)
    except zlib.error as e:
        raise ValueError(f"damaged ({e})") from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError("cut short, or too large")
    return data


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The element at `at` -> its type, its bytes, where the next one starts."""
    if len(data) - at < 8:
        raise ValueError("cut short")
    kind, length = struct.unpack_from("<II", data, at)
    if kind >> 16:  # up to four bytes stand in the tag itself
        kind, length = kind & 0xFFFF, kind >> 16
        if length > 4:
            raise ValueError("a short element of more than 4 bytes")
        return kind, data[at + 4 : at + 4 + length], at + 8
    end = at + 8 + length
    if end > len(data):
        raise ValueError("cut short")
    return kind, data[at + 8 : end], end if kind == _COMPRESSED else at + 8 + -(-length // 8) * 8


def _matrix(body: bytes, depth: int = 0) -> tuple[str, np.ndarray | list[str]]:
    """A variable's bytes -> its name and value: flags, shape, name, then what it holds, column by column."""
    flags, at = _numbers(body, 0)
    shape, at = _numbers(body, at)
    name, at = _numbers(body, at)
    if not len(flags) or not 2 <= len(shape) <= 8 or (shape < 0).any():
        raise ValueError("a variable without a shape")
    kind, size = int(flags[0]) & 0xFF, int(np.prod(shape, dtype=object))
    title = name.astype(np.uint8).tobytes().decode("latin-1")
    if kind == _CELL:
        if depth >= _DEEPEST or size > len(body) // 8:
            raise ValueError("more cells than there are bytes for")
        texts = []
        for _ in range(size):
            inner, part, at = _element(body, at)
            if inner != _MATRIX:
                raise ValueError(f"an element of type {inner} where a cell belongs")
            value = _matrix(part, depth + 1)[1] if part else []
            texts += value[:1] if isinstance(value, list) and value else [""]
        return title, texts
    if kind == _CHAR and _element(body, at)[0] == _UTF8:
        return title, [_element(body, at)[1].decode("utf-8", "replace")]
    values, _ = _numbers(body, at)
    if kind == _CHAR:
        return title, ["".join(map(chr, values.astype(np.uint16).tolist()))]
    if kind not in _NUMBERS or len(values) != size:
        raise ValueError(f"an array of class {kind}, or of another size than its shape's")
    return title, values.reshape(shape, order="F")


def _numbers(body: bytes, at: int) -> tuple[np.ndarray, int]:
    kind, data, after = _element(body, at)
    if kind not in _TYPES:
        raise ValueError(f"numbers of type {kind}")
    dtype = np.dtype(_TYPES[kind])
    if len(data) % dtype.itemsize:
        raise ValueError("half a number")
    return np.frombuffer(data, dtype), after
