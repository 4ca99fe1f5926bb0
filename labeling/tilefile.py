"""A picture's pyramid of tiles in one file: what it looks like, and how one tile is read out of it.

Level 0 is the smallest (one tile); each further level doubles both sides, rounded up, and the last is the picture
itself. Tiles are TILE pixels a side and overlap their neighbours by OVERLAP pixels, as in Deep Zoom.

Layout (big-endian): the magic, width and height of the picture (u32 each); for each tile, level by level from the
largest to the smallest and row by row, where it begins (u64) and its bytes (u32); then the tiles, each a picture file.
One file a picture, because a large one has thousands of tiles: they appear, and go, together.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

TILED_SIDE: Final = 4096  # a picture with a longer side is shown by its tiles
TILE: Final = 256
OVERLAP: Final = 1
_MAGIC: Final = b"BTILES01"
_HEAD: Final = struct.Struct(">8sII")
_ENTRY: Final = struct.Struct(">QI")
_MOST_BYTES: Final = 4 * 2**20  # of one tile; any real one is far smaller
ReadPart = Callable[[int, int], bytes]  # (start, number of bytes) -> bytes


@dataclass(frozen=True, kw_only=True)
class Level:
    """One size of the picture: `number` as in addresses, sizes in its pixels, `first` tile in the file's order."""

    number: int
    width: int
    height: int
    columns: int
    rows: int
    first: int

    def box(self, column: int, row: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of a tile with its overlap, half-open."""
        left, top = max(0, column * TILE - OVERLAP), max(0, row * TILE - OVERLAP)
        right, bottom = (column + 1) * TILE + OVERLAP, (row + 1) * TILE + OVERLAP
        return left, top, min(right, self.width), min(bottom, self.height)


def levels(width: int, height: int) -> tuple[Level, ...]:
    """All levels of a picture of this size, the largest first."""
    sizes = [(width, height)]
    while max(sizes[-1]) > TILE:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    found: list[Level] = []
    first = 0
    for position, (across, down) in enumerate(sizes):
        columns, rows = -(-across // TILE), -(-down // TILE)
        number = len(sizes) - 1 - position
        found.append(Level(number=number, width=across, height=down, columns=columns, rows=rows, first=first))
        first += columns * rows
    return tuple(found)


class TileWriter:
    """Writes the tiles of a picture in any order, and the index last."""

    def __init__(self, out: BinaryIO, *, width: int, height: int) -> None:
        last = levels(width, height)[-1]
        self._out = out
        self._head = _HEAD.pack(_MAGIC, width, height)
        self._starts = array("Q", bytes(8 * (last.first + 1)))
        self._sizes = array("Q", bytes(8 * (last.first + 1)))
        self._end = _HEAD.size + _ENTRY.size * len(self._starts)
        out.seek(self._end)

    def add(self, number: int, data: bytes) -> None:
        """A tile by its number in the file's order."""
        self._starts[number], self._sizes[number] = self._end, len(data)
        self._out.write(data)
        self._end += len(data)

    def finish(self) -> None:
        """Without this the file is not a pyramid. Raises ValueError if a tile is missing."""
        if 0 in self._sizes:
            raise ValueError(f"tile {list(self._sizes).index(0)} was never written")
        self._out.seek(0)
        self._out.write(self._head)
        for start, size in zip(self._starts, self._sizes, strict=True):
            self._out.write(_ENTRY.pack(start, size))
        self._out.flush()


def read_tile(read: ReadPart, *, size: tuple[int, int], level: int, column: int, row: int) -> bytes | None:
    """The bytes of one tile of a picture of this (width, height); None if it has no such tile.

    Raises ValueError where the file is not that picture's pyramid.
    """
    found = next((item for item in levels(*size) if item.number == level), None)
    if found is None or not (0 <= column < found.columns and 0 <= row < found.rows):
        return None
    at = _HEAD.size + _ENTRY.size * (found.first + row * found.columns + column)
    entry = read(at, _ENTRY.size)
    if len(entry) != _ENTRY.size:
        raise ValueError("the pyramid is cut short")
    start, length = _ENTRY.unpack(entry)
    data = read(start, length) if 0 < length <= _MOST_BYTES else b""
    if not data or len(data) != length:
        raise ValueError("the pyramid does not hold this tile")
    return data
