"""Masks of large pictures at the picture's full size, and the pictures themselves out of their tiles: row by row.

A mask's pixel stands for `factor` x `factor` pixels of the picture, fewer at its right and lower edge. Nothing here
holds a whole picture; sizes are (width, height) in pixels of the picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from labeling.tilefile import TILE, ReadPart, levels, read_tile
from models_zoo import Rle, voc_palette

Size = tuple[int, int]
LabelMap = npt.NDArray[np.uint8]
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PALETTE: Final = 3
_RGB: Final = 2
_FILTER_NONE: Final = 0
_FILTER_UP: Final = 2
_PIECE: Final = 2**20


def enlarged_counts(label_map: LabelMap, factor: int, size: Size) -> dict[int, int]:
    """Pixels of the picture per value of `label_map`, uint8 (H, W)."""
    width, height = size
    down, across = _shares(label_map.shape[0], factor, height), _shares(label_map.shape[1], factor, width)
    weights = np.multiply.outer(down, across).ravel()
    counts = np.bincount(label_map.ravel(), weights=weights, minlength=256)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _shares(cells: int, factor: int, length: int) -> npt.NDArray[np.int64]:
    """How many of `length` pixels each cell stands for."""
    edges = np.minimum(np.arange(cells + 1) * factor, length)
    return np.diff(edges)


def enlarged_rle(inside: npt.NDArray[np.bool_], factor: int, size: Size) -> Rle:
    """COCO's compressed run lengths, at the picture's size, of a mask that is bool (H, W)."""
    from pycocotools import mask as coco_mask

    width, height = size
    columns = np.repeat(inside.T, _shares(inside.shape[1], factor, width), axis=0)  # (picture's width, H)
    flat = columns.ravel()
    # Runs go down the columns. Where they begin in `flat` tells column and cell, and so the pixel of the picture.
    begins = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    column, cell = np.divmod(begins, inside.shape[0])
    pixels = column * height + np.minimum(cell * factor, height)
    counts = np.diff(np.append(pixels, width * height)).tolist()
    if flat[0]:
        counts.insert(0, 0)  # the first run is of pixels outside
    packed = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def enlarged_png(
    label_map: LabelMap, factor: int, size: Size, palette: Sequence[tuple[int, int, int]]
) -> Iterator[bytes]:
    """Pieces of an 8-bit palette PNG of the picture's size; `palette` colours the first indices, VOC the rest."""
    colours = [*palette[:256], *voc_palette()[len(palette) :]]
    yield from _png(
        size, _PALETTE, _enlarged_rows(label_map, factor, size), bytes(c for colour in colours for c in colour)
    )


def _enlarged_rows(label_map: LabelMap, factor: int, size: Size) -> Iterator[bytes]:
    """Filtered rows: a repeated one is no different from the one above it."""
    width, height = size
    same = bytes([_FILTER_UP]) + bytes(width)
    for cells, share in zip(label_map, _shares(label_map.shape[0], factor, height), strict=True):
        yield bytes([_FILTER_NONE]) + np.repeat(cells, factor)[:width].tobytes()
        for _ in range(int(share) - 1):
            yield same


def picture_png(read: ReadPart, size: Size) -> Iterator[bytes]:
    """Pieces of an RGB PNG of a picture whose pyramid `read` reads. Raises ValueError where that is damaged."""
    yield from _png(size, _RGB, _filtered(tile_rows(read, size)))


def tile_rows(read: ReadPart, size: Size) -> Iterator[npt.NDArray[np.uint8]]:
    """The picture put together from its largest tiles, from top to bottom: uint8 (rows, width, 3)."""
    level = levels(*size)[0]
    for row in range(level.rows):
        top = row * TILE
        strip = np.empty((min(TILE, level.height - top), level.width, 3), np.uint8)
        for column in range(level.columns):
            data = read_tile(read, size=size, level=level.number, column=column, row=row)
            if data is None:
                raise ValueError("the pyramid lacks a tile")
            left, above, _, _ = level.box(column, row)
            pixels = np.asarray(PILImage.open(io.BytesIO(data)).convert("RGB"))
            own = pixels[top - above : top - above + TILE, column * TILE - left : column * TILE - left + TILE]
            strip[:, column * TILE : column * TILE + own.shape[1]] = own[: strip.shape[0]]
        yield strip


def _filtered(strips: Iterable[npt.NDArray[np.uint8]]) -> Iterator[bytes]:
    """Rows as differences from the row above, which compress well."""
    above: npt.NDArray[np.uint8] | None = None
    for strip in strips:
        rows = strip.reshape(strip.shape[0], -1)
        first = np.zeros_like(rows[:1]) if above is None else above
        out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
        out[:, 0] = _FILTER_UP
        np.subtract(rows, np.concatenate([first, rows[:-1]]), out=out[:, 1:])  # modulo 256
        above = rows[-1:].copy()
        yield out.tobytes()


def _png(size: Size, kind: int, rows: Iterable[bytes], palette: bytes = b"") -> Iterator[bytes]:
    yield _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, kind, 0, 0, 0))
    if palette:
        yield _chunk(b"PLTE", palette)
    squeeze = zlib.compressobj(4)
    waiting = bytearray()
    for data in rows:
        waiting += squeeze.compress(data)
        if len(waiting) >= _PIECE:
            yield _chunk(b"IDAT", bytes(waiting))
            waiting.clear()
    waiting += squeeze.flush()
    yield _chunk(b"IDAT", bytes(waiting)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
