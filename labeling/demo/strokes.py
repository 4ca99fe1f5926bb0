"""Strokes along the middle of regions that are known for certain, as a careful person would draw them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models_zoo import UNLABELLED, Mark, Point, Scribble, rasterize

LabelMap = npt.NDArray[np.uint8]

_STEP_PX: Final = 4  # between points of a stroke
_MARGIN_PX: Final = 1  # kept between a stroke's rim and the end of what is certain


def draw_marks(certain: LabelMap, *, width_px: float = 5.0, per_class: int = 3) -> list[Mark]:
    """Marks for a map of what is certain, uint8 (H, W) of class or UNLABELLED: every pixel they cover is right.

    For each class the largest regions get a stroke along their skeleton; those too thin for a stroke of `width_px`
    get a thinner one, small ones a point.
    """
    marks: list[Mark] = []
    for index in sorted(set(np.unique(certain).tolist()) - {UNLABELLED}):
        inside = certain == index
        found: list[Mark] = []
        for region in _regions(inside)[: 4 * per_class]:
            mark = _mark_of(region, int(index), inside, width_px)
            if mark is not None:
                found.append(mark)
            if len(found) == per_class:
                break
        marks += found
    return marks


def _regions(inside: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """Connected parts, the largest first."""
    from scipy import ndimage

    numbered, count = ndimage.label(inside)
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    return [numbered == number for number in sorted(range(1, count + 1), key=lambda n: (-sizes[n], n))]


def _mark_of(region: npt.NDArray[np.bool_], index: int, inside: npt.NDArray[np.bool_], width_px: float) -> Mark | None:
    """The widest stroke that fits, else a point, else nothing."""
    for width in (width_px, 3.0):
        core = _eroded(region, width / 2 + _MARGIN_PX)
        path = _longest_path(core)
        if len(path) >= 3 * _STEP_PX:
            points = tuple((x + 0.5, y + 0.5) for y, x in _thinned(path))
            stroke = Scribble(class_index=index, sign=1, points=points, width=width)
            if covers_only(stroke, inside):
                return stroke
    depth = _depth(region)
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    point = Point(class_index=index, sign=1, x=float(x) + 0.5, y=float(y) + 0.5)
    return point if covers_only(point, inside) else None


def covers_only(mark: Mark, inside: npt.NDArray[np.bool_]) -> bool:
    """Whether every pixel the mark covers lies inside."""
    height, width = inside.shape
    covered = rasterize([mark], width=width, height=height).seeds != UNLABELLED
    return bool(covered.any() and inside[covered].all())


def _depth(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Distance to the region's end; the picture's rim is no end."""
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(np.pad(region, 1, mode="edge"))[1:-1, 1:-1], np.float64)


def _eroded(region: npt.NDArray[np.bool_], by_px: float) -> npt.NDArray[np.bool_]:
    return _depth(region) > by_px


def _thinned(path: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Every few points of a path, both ends included."""
    return [*path[:-1:_STEP_PX], path[-1]]


def _longest_path(core: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pixels (y, x) along the longest way through the skeleton of the largest part of `core`."""
    from skimage.morphology import skeletonize

    if not core.any():
        return []
    skeleton = skeletonize(core)  # type: ignore[no-untyped-call]
    pixels = {(int(y), int(x)) for y, x in np.argwhere(skeleton)}
    if not pixels:
        return []
    start = _farthest(pixels, min(pixels))[-1]
    # From an end of the first search the second finds the longest way, as in a tree.
    return _farthest(pixels, start)


def _farthest(pixels: set[tuple[int, int]], start: tuple[int, int]) -> list[tuple[int, int]]:
    """The way from `start` to the pixel that is farthest along the skeleton."""
    before: dict[tuple[int, int], tuple[int, int] | None] = {start: None}
    front = [start]
    last = start
    while front:
        last = front[0]
        following = []
        for y, x in front:
            for near in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if near in pixels and near not in before:
                    before[near] = (y, x)
                    following.append(near)
        front = following
    path: list[tuple[int, int]] = []
    at: tuple[int, int] | None = last
    while at is not None:
        path.append(at)
        at = before[at]
    return path[::-1]
