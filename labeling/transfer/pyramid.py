"""From the rows of a large picture, read once from top to bottom: its tiles, and the smaller picture people mark.

Memory holds a few strips of each level, never the picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

from PIL import Image as PILImage

from labeling.tilefile import OVERLAP, TILE, Level, TileWriter, levels

STRIP: Final = 64  # rows handed over at a time
_JPEG_QUALITY: Final = 90
Take = Callable[[PILImage.Image], None]


def strips_of(picture: PILImage.Image) -> Iterator[PILImage.Image]:
    """A picture in memory as strips."""
    for top in range(0, picture.height, STRIP):
        yield picture.crop((0, top, picture.width, min(top + STRIP, picture.height)))


def build(
    strips: Iterable[PILImage.Image],
    *,
    size: tuple[int, int],
    factor: int,
    suffix: str,
    out: BinaryIO,
    check: Callable[[], None],
) -> PILImage.Image:
    """Write the tiles of a picture of this (width, height) to `out`; return it reduced by the whole `factor`.

    `strips` are RGB, as wide as the picture. `suffix` is jpg or png, the kind of the tiles. `check` is called
    now and then and may raise to stop. Each pixel of a reduced picture is the mean of those it covers.
    """
    width, height = size
    writer = TileWriter(out, width=width, height=height)
    below: list[Take] = []
    finishes: list[Callable[[], None]] = []
    for level in reversed(levels(width, height)):
        maker = _LevelMaker(level, writer, suffix, below)
        below = [maker.take]
        finishes.insert(0, maker.finish)
    reduced = PILImage.new("RGB", (-(-width // factor), -(-height // factor)))
    paste = _Paste(reduced)
    shrinker = _Shrinker(factor, paste.take)
    for strip in strips:
        check()
        below[0](strip)
        shrinker.take(strip)
    for finish in [*finishes, shrinker.finish]:
        finish()
    writer.finish()
    return reduced


class _LevelMaker:
    """Cuts one level's tiles, and hands its rows, halved, to the next smaller level."""

    def __init__(self, level: Level, writer: TileWriter, suffix: str, below: list[Take]) -> None:
        self._level, self._writer, self._suffix = level, writer, suffix
        self._rows: PILImage.Image | None = None
        self._top = 0  # the level's row at which `_rows` begin
        self._next = 0  # the row of tiles to be cut next
        self._halves = _Shrinker(2, below[0]) if below else None

    def take(self, strip: PILImage.Image) -> None:
        if self._halves is not None:
            self._halves.take(strip)
        rows = _below(self._rows, strip)
        bottom = self._top + rows.height
        while self._next < self._level.rows and bottom >= self._level.box(0, self._next)[3]:
            self._cut(rows)
            self._next += 1
        done = self._next * TILE - OVERLAP - self._top
        if done > 0 and self._next < self._level.rows:
            rows = rows.crop((0, done, rows.width, rows.height))
            self._top += done
        self._rows = rows

    def finish(self) -> None:
        """All rows of this level were taken."""
        if self._halves is not None:
            self._halves.finish()

    def _cut(self, rows: PILImage.Image) -> None:
        for column in range(self._level.columns):
            left, top, right, bottom = self._level.box(column, self._next)
            tile = rows.crop((left, top - self._top, right, bottom - self._top))
            number = self._level.first + self._next * self._level.columns + column
            self._writer.add(number, _encoded(tile, self._suffix))


class _Shrinker:
    """Passes on strips whose sides are divided by a whole factor, as soon as enough rows are there."""

    def __init__(self, factor: int, take: Take) -> None:
        self._factor, self._take = factor, take
        self._rest: PILImage.Image | None = None

    def take(self, strip: PILImage.Image) -> None:
        rows = _below(self._rest, strip)
        whole = rows.height - rows.height % self._factor
        if whole:
            self._take(rows.crop((0, 0, rows.width, whole)).reduce(self._factor))
        self._rest = rows.crop((0, whole, rows.width, rows.height)) if whole < rows.height else None

    def finish(self) -> None:
        if self._rest is not None:
            self._take(self._rest.reduce(self._factor))


class _Paste:
    """Lays strips below each other into a picture."""

    def __init__(self, picture: PILImage.Image) -> None:
        self._picture = picture
        self._top = 0

    def take(self, strip: PILImage.Image) -> None:
        self._picture.paste(strip, (0, self._top))
        self._top += strip.height


def _below(upper: PILImage.Image | None, lower: PILImage.Image) -> PILImage.Image:
    if upper is None:
        return lower
    both = PILImage.new("RGB", (lower.width, upper.height + lower.height))
    both.paste(upper, (0, 0))
    both.paste(lower, (0, upper.height))
    return both


def _encoded(tile: PILImage.Image, suffix: str) -> bytes:
    out = io.BytesIO()
    if suffix == "png":
        tile.save(out, "PNG", compress_level=4)
    else:
        tile.save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()
