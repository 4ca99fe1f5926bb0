"""Marks: the four kinds of weak label, their wire form, their checks and their drawing.

Needs numpy only, so the web process can use it.

Geometry, everywhere: pixel *i* covers [i, i + 1); coordinates are floats in image pixels after
EXIF rotation; a box is ``[x0, y0, x1, y1]``, half-open; a stroke's width is its diameter in image
pixels.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from models_zoo.brush import draw_brush
from models_zoo.mark_checks import (
    MAX_CLASS_INDEX,
    MAX_SCRIBBLE_POINTS,
    MAX_SCRIBBLE_WIDTH,
    MarkError,
    check_point_count,
    checked_class_index,
    checked_corners,
    checked_number,
    checked_points,
    checked_sign,
    checked_width,
    expect_keys,
    short,
)

__all__ = [
    "IGNORE",
    "MAX_CLASS_INDEX",
    "MAX_SCRIBBLE_POINTS",
    "MAX_SCRIBBLE_WIDTH",
    "UNLABELLED",
    "Box",
    "Mark",
    "MarkError",
    "MarkKind",
    "Point",
    "Scribble",
    "Tag",
    "WeakLabels",
    "mark_from_json",
    "mark_geometry",
    "mark_to_json",
    "parse_mark",
    "rasterize",
    "validate",
]

UNLABELLED = 254
"""Inside the zoo only: nobody said anything about this pixel. Never stored in a mask."""
IGNORE = 255
"""In masks: this pixel belongs to no class and is left out of training and metrics."""


class MarkKind(StrEnum):
    """The four kinds of mark; the values are what the API and the database hold."""

    TAG = "tag"
    POINT = "point"
    SCRIBBLE = "scribble"
    BOX = "box"


@dataclass(frozen=True)
class Tag:
    """Image-level: the class is present (sign +1) or absent (sign -1) in the image."""

    kind: ClassVar[MarkKind] = MarkKind.TAG
    class_index: int
    sign: int


@dataclass(frozen=True)
class Point:
    """The pixel at (x, y) is (sign +1) or is not (sign -1) of the class."""

    kind: ClassVar[MarkKind] = MarkKind.POINT
    class_index: int
    sign: int
    x: float
    y: float


@dataclass(frozen=True)
class Scribble:
    """A stroke of round brush along ``points``; ``width`` is its diameter in image pixels."""

    kind: ClassVar[MarkKind] = MarkKind.SCRIBBLE
    class_index: int
    sign: int
    points: tuple[tuple[float, float], ...]
    width: float


@dataclass(frozen=True)
class Box:
    """Half-open box holding an object of the class (sign +1), or free of the class (sign -1)."""

    kind: ClassVar[MarkKind] = MarkKind.BOX
    class_index: int
    sign: int
    x0: float
    y0: float
    x1: float
    y1: float


Mark: TypeAlias = Tag | Point | Scribble | Box


# --- the wire form ------------------------------------------------------------------------------


def parse_mark(*, kind: str, class_index: int, sign: int, geometry: Mapping[str, object]) -> Mark:
    """Turn untrusted plain data into a mark.

    Wire geometry: tag ``{}``, point ``{"x", "y"}``, scribble ``{"points": [[x, y], …], "width": w}``,
    box ``{"box": [x0, y0, x1, y1]}``. Strict: no strings for numbers, no booleans, no NaN or
    infinity, no unknown keys. Whether the mark fits an image is `validate`'s question.

    Raises MarkError.
    """
    index, signum = checked_class_index(class_index), checked_sign(sign)
    if not isinstance(geometry, Mapping):
        raise MarkError("geometry", "The mark's geometry must be an object with named values.")
    match _kind(kind):
        case MarkKind.TAG:
            expect_keys(geometry, ())
            return Tag(index, signum)
        case MarkKind.POINT:
            expect_keys(geometry, ("x", "y"))
            return Point(index, signum, checked_number(geometry["x"], "x"), checked_number(geometry["y"], "y"))
        case MarkKind.SCRIBBLE:
            expect_keys(geometry, ("points", "width"))
            return Scribble(index, signum, checked_points(geometry["points"]), checked_width(geometry["width"]))
        case MarkKind.BOX:
            expect_keys(geometry, ("box",))
            return Box(index, signum, *checked_corners(geometry["box"]))


def mark_geometry(mark: Mark) -> dict[str, object]:
    """The wire geometry of a mark, ready for JSON; `parse_mark` reads it back."""
    match mark:
        case Tag():
            return {}
        case Point():
            return {"x": mark.x, "y": mark.y}
        case Scribble():
            return {"points": [[x, y] for x, y in mark.points], "width": mark.width}
        case Box():
            return {"box": [mark.x0, mark.y0, mark.x1, mark.y1]}


def mark_to_json(mark: Mark) -> dict[str, object]:
    """A mark as ``{"kind", "class_index", "sign", "geometry"}``, the form snapshots hold."""
    return {
        "kind": mark.kind.value,
        "class_index": mark.class_index,
        "sign": mark.sign,
        "geometry": mark_geometry(mark),
    }


def mark_from_json(data: object) -> Mark:
    """Read what `mark_to_json` wrote. Raises MarkError on anything else."""
    if not isinstance(data, Mapping):
        raise MarkError("geometry", "A mark must be an object with kind, class_index, sign and geometry.")
    expect_keys(data, ("kind", "class_index", "sign", "geometry"))
    return parse_mark(
        kind=data["kind"],
        class_index=data["class_index"],
        sign=data["sign"],
        geometry=data["geometry"],
    )


def _kind(kind: object) -> MarkKind:
    if isinstance(kind, str) and kind in MarkKind.__members__.values():
        return MarkKind(kind)
    raise MarkError("kind", f"Unknown kind of mark {short(kind)}; use tag, point, scribble or box.")


# --- does it fit the image? ---------------------------------------------------------------------


def validate(mark: Mark, *, width: int, height: int, class_indices: Collection[int]) -> None:
    """Check that a mark fits an image of ``width`` x ``height`` pixels and the project's classes.

    Coordinates must be finite and lie in [0, width] x [0, height]; a box must hold some area; a
    scribble has 2 to 20,000 points and a width in (0, 500]. Marks built by hand are checked as
    strictly as parsed ones.

    Raises MarkError.
    """
    if checked_class_index(mark.class_index) not in class_indices:
        raise MarkError("class", f"The project has no class with index {mark.class_index}.")
    checked_sign(mark.sign)
    match mark:
        case Point():
            _check_inside(((mark.x, mark.y),), width, height)
        case Scribble():
            check_point_count(len(mark.points))
            checked_width(mark.width)
            _check_inside(mark.points, width, height)
        case Box():
            _check_inside(((mark.x0, mark.y0), (mark.x1, mark.y1)), width, height)
            if not (mark.x0 < mark.x1 and mark.y0 < mark.y1):
                raise MarkError("empty", "The box is empty: x1 must be above x0 and y1 above y0.")
        case Tag():
            pass


def _check_inside(points: Iterable[tuple[float, float]], width: int, height: int) -> None:
    for x, y in points:
        x, y = checked_number(x, "x"), checked_number(y, "y")
        # Written so that NaN fails as well.
        if not (0 <= x <= width and 0 <= y <= height):
            raise MarkError("outside", f"({x:g}, {y:g}) lies outside the image of {width} x {height} pixels.")


# --- drawing ------------------------------------------------------------------------------------


@dataclass
class WeakLabels:
    """Marks drawn on the pixel grid of one image (or of a smaller copy of it).

    ``seeds``: uint8 HxW, a class index or UNLABELLED. ``negatives``: class -> bool HxW, True where
    the class is excluded. ``tags``: class -> present? ``boxes``: positive boxes in grid coordinates.
    """

    seeds: npt.NDArray[np.uint8]
    negatives: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    tags: dict[int, bool] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()

    def allowed(self, class_indices: Collection[int]) -> frozenset[int]:
        """Those of ``class_indices`` that may appear: all but the ones tagged absent."""
        return frozenset(index for index in class_indices if self.tags.get(index, True))

    def seeded(self) -> frozenset[int]:
        """Classes with at least one seed pixel."""
        return frozenset(int(value) for value in np.unique(self.seeds) if value != UNLABELLED)


def rasterize(
    marks: Sequence[Mark],
    *,
    width: int,
    height: int,
    point_radius: float = 3.0,
    scale: float = 1.0,
    out_size: tuple[int, int] | None = None,
) -> WeakLabels:
    """Draw marks, in order, into seed and negative maps.

    ``width`` and ``height`` are the image's; the grid is that size times ``scale``, or exactly
    ``out_size`` (width, height) where given. ``point_radius`` is in image pixels. Every mark covers
    at least one grid pixel; what lies outside the image is moved to its rim. When marks contradict
    each other the later one wins: per pixel among strokes; "absent" takes back the class's earlier
    seeds, and a later stroke takes back "absent".

    Raises MarkError for a number that is not finite or a class index outside 0-253.
    """
    grid_w, grid_h = out_size or (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = _Canvas(grid_w, grid_h, grid_w / max(1, width), grid_h / max(1, height), point_radius)
    for mark in marks:
        canvas.add(mark)
    return canvas.labels()


class _Canvas:
    """The grid being drawn on; keeps the rule that the later mark wins in one place."""

    def __init__(self, width: int, height: int, sx: float, sy: float, point_radius: float) -> None:
        self.width, self.height, self.sx, self.sy = width, height, sx, sy
        self.scale = math.sqrt(sx * sy)
        self.point_radius = point_radius
        self.seeds = np.full((height, width), UNLABELLED, np.uint8)
        self.negatives: dict[int, npt.NDArray[np.bool_]] = {}
        self.tags: dict[int, bool] = {}
        self.boxes: list[Box] = []

    def labels(self) -> WeakLabels:
        negatives = {index: where for index, where in self.negatives.items() if where.any()}
        return WeakLabels(self.seeds, negatives, self.tags, tuple(self.boxes))

    def add(self, mark: Mark) -> None:
        checked_class_index(mark.class_index)
        if isinstance(mark, Tag):
            self._add_tag(mark)
            return
        if mark.sign > 0 and not self.tags.get(mark.class_index, True):
            del self.tags[mark.class_index]
        if isinstance(mark, Box) and mark.sign > 0:
            self.boxes.append(self._scaled(mark))
            return
        window, covered = self._footprint(mark)
        self._paint(mark.class_index, mark.sign, window, covered)

    def _add_tag(self, tag: Tag) -> None:
        self.tags[tag.class_index] = tag.sign > 0
        if tag.sign < 0:
            self.seeds[self.seeds == tag.class_index] = UNLABELLED
            self.boxes = [box for box in self.boxes if box.class_index != tag.class_index]

    def _paint(self, index: int, sign: int, window: tuple[slice, slice], covered: npt.NDArray[np.bool_]) -> None:
        seeds = self.seeds[window]
        if sign > 0:
            seeds[covered] = index
            if index in self.negatives:
                self.negatives[index][window][covered] = False
            return
        if index not in self.negatives:
            self.negatives[index] = np.zeros(self.seeds.shape, np.bool_)
        self.negatives[index][window][covered] = True
        seeds[covered & (seeds == index)] = UNLABELLED

    def _scaled(self, box: Box) -> Box:
        if not all(math.isfinite(value) for value in (box.x0, box.y0, box.x1, box.y1)):
            raise MarkError("number", "A box holds a coordinate that is not a finite number.")
        return Box(box.class_index, box.sign, box.x0 * self.sx, box.y0 * self.sy, box.x1 * self.sx, box.y1 * self.sy)

    def _footprint(self, mark: Point | Scribble | Box) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]]:
        """A window of the grid and, within it, the pixels a mark covers; at least one."""
        if isinstance(mark, Box):
            return self._box_window(self._scaled(mark))
        path: tuple[tuple[float, float], ...]
        if isinstance(mark, Point):
            path, diameter = ((mark.x, mark.y),), 2 * self.point_radius * self.scale
        else:
            path, diameter = mark.points, mark.width * self.scale
        points = np.asarray(path, np.float64) * (self.sx, self.sy)
        if not np.isfinite(points).all() or not math.isfinite(diameter):
            raise MarkError("number", "A mark holds a coordinate that is not a finite number.")
        points = np.clip(points, 0, (self.width, self.height))
        return self._stroke_window(points, max(1.0, diameter))

    def _box_window(self, box: Box) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]]:
        x0 = min(max(0, round(box.x0)), self.width - 1)
        y0 = min(max(0, round(box.y0)), self.height - 1)
        x1 = max(x0 + 1, min(round(box.x1), self.width))
        y1 = max(y0 + 1, min(round(box.y1), self.height))
        return (slice(y0, y1), slice(x0, x1)), np.ones((y1 - y0, x1 - x0), np.bool_)

    def _stroke_window(
        self, points: npt.NDArray[np.float64], diameter: float
    ) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]]:
        """Draw a round brush along grid points, in the smallest window that holds it."""
        reach = math.ceil(diameter / 2)
        x0, y0 = (max(0, int(value) - reach) for value in points.min(axis=0))
        x1, y1 = (int(value) + reach + 1 for value in points.max(axis=0))
        # At least the last column and row: a point on the far rim belongs to the pixel before it.
        x0, y0 = min(x0, self.width - 1), min(y0, self.height - 1)
        x1, y1 = min(x1, self.width), min(y1, self.height)
        drawn = draw_brush(points - (x0, y0), diameter / 2, width=x1 - x0, height=y1 - y0)
        return (slice(y0, y1), slice(x0, x1)), drawn
