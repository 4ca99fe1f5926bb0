"""The simulated person of `bench/interactive.py`: strokes, boxes and clicks on one object, without chance.

First round: two strokes along the middle of the object and two along the middle of the rest. Later rounds: one stroke
on each of the four largest places where the mask is wrong. Clicks: the middle of the largest wrong place, as the
*number of clicks* (NoC) protocol has it (Xu et al., CVPR 2016; Sofiiuk et al., ICIP 2022). Every mark is a
`models_zoo` mark in image pixels: class 1 is the object, 0 all else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from models_zoo import UNLABELLED, Box, Mark, Point, Scribble, rasterize
from models_zoo.label_map import LabelMap
from models_zoo.simulation.strokes import components, depth

BoolArray = npt.NDArray[np.bool_]
Place = tuple[int, int]

GROUND, OBJECT = 0, 1
CLICK_RADIUS = 5.0
"""Pixels that a click counts for with methods that know only pixels; the published protocols draw such discs."""

_BRUSHES = (5.0, 3.0, 1.0)
_STROKES = 2
_APART = 0.12
_FIRST_LENGTH, _NEXT_LENGTH = 0.4, 0.25
_MARGIN = 10
_MIN_FAR, _MIN_REGION, _MIN_ERROR = 400, 20, 25
_CORE_DEPTH = 3.0
_BOX_GROWTH = 0.1
_FRAME, _FRAME_CLEARANCE = 2, 40
_NEIGHBOURS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx)


# --- strokes ------------------------------------------------------------------------------------


def first_strokes(truth: BoolArray, ignore: BoolArray) -> list[Mark]:
    """Two strokes on the object and two on the rest, a margin away from it where there is room."""
    import cv2

    rows, columns = np.nonzero(truth)
    size = math.hypot(int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) if len(rows) else 0.0
    reach = np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8)
    far = (cv2.dilate(truth.astype(np.uint8), reach) == 0) & ~ignore
    if np.count_nonzero(far) < _MIN_FAR:
        far = ~truth & ~ignore
    on_object = _strokes(truth, OBJECT, _FIRST_LENGTH * size)
    return [*on_object, *_strokes(far, GROUND, _FIRST_LENGTH * math.hypot(*truth.shape))]


def next_strokes(predicted: BoolArray, truth: BoolArray, ignore: BoolArray) -> list[Mark]:
    """A stroke on each of the four largest wrong places of at least 25 px."""
    longest = _NEXT_LENGTH * math.hypot(*truth.shape)
    places = _errors(predicted, truth, ignore)[: 2 * _STROKES]
    return [stroke(where, kind, longest) for kind, where in places if np.count_nonzero(where) >= _MIN_ERROR]


def stroke(region: BoolArray, class_index: int, longest: float) -> Scribble:
    """A stroke along the middle of a region that holds a pixel, inside it, of at most ``longest`` pixels.

    The brush is 5 px wide, and thinner where that would leave the region.
    """
    path = _middle(region)
    if len(path) > longest:
        half, middle = max(1, int(longest // 2)), len(path) // 2
        path = path[max(0, middle - half) : middle + half]
    points = tuple((column + 0.5, row + 0.5) for row, column in path)
    if len(points) == 1:
        points *= 2
    marks = [Scribble(class_index, 1, points, width) for width in _BRUSHES]
    fitting = (mark for mark in marks if not (_covered(mark, region.shape) & ~region).any())
    return next(fitting, marks[-1])


def _strokes(region: BoolArray, class_index: int, longest: float) -> list[Mark]:
    """Two strokes a good way apart; fewer in a small region."""
    import cv2

    reach = int(_APART * max(region.shape))
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    left, drawn = region.copy(), list[Mark]()
    for _ in range(_STROKES):
        if np.count_nonzero(left) < _MIN_REGION and (drawn or not left.any()):
            break
        mark = stroke(left, class_index, longest)
        drawn.append(mark)
        left &= cv2.dilate(_covered(mark, region.shape).astype(np.uint8), around) == 0
    return drawn


def _covered(mark: Mark, shape: tuple[int, ...]) -> BoolArray:
    return np.asarray(rasterize([mark], width=shape[1], height=shape[0]).seeds != UNLABELLED, np.bool_)


def _middle(region: BoolArray) -> list[Place]:
    """Rows and columns of the longest path of the region's skeleton, or its deepest pixel."""
    from skimage.morphology import skeletonize

    inside = depth(region)
    skeleton = skeletonize(inside > min(_CORE_DEPTH, 0.5 * float(inside.max())))  # type: ignore[no-untyped-call]
    if not skeleton.any():
        return [_deepest(inside)]
    largest = components(skeleton, min_pixels=0, limit=1)[0]
    cells = {(int(row), int(column)) for row, column in np.argwhere(largest)}
    start = _walk(cells, min(cells))[0]
    end, before = _walk(cells, start)
    path, here = [end], before[end]
    while here is not None:
        path.append(here)
        here = before[here]
    return path if len(path) > 1 else [_deepest(inside)]


def _walk(cells: set[Place], start: Place) -> tuple[Place, dict[Place, Place | None]]:
    """Breadth first: the cell that is reached last, and where each was reached from."""
    before: dict[Place, Place | None] = {start: None}
    queue = [start]
    for row, column in queue:
        for dy, dx in _NEIGHBOURS:
            place = row + dy, column + dx
            if place in cells and place not in before:
                before[place] = row, column
                queue.append(place)
    return queue[-1], before


def _deepest(inside: npt.NDArray[np.float32]) -> Place:
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(row), int(column)


# --- box and clicks -----------------------------------------------------------------------------


def loose_box(truth: BoolArray) -> Box:
    """The object's box, a tenth of its size (and a pixel) wider on every side."""
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    dy, dx = int(_BOX_GROWTH * (y1 - y0)) + 1, int(_BOX_GROWTH * (x1 - x0)) + 1
    height, width = truth.shape
    return Box(OBJECT, 1, max(0, x0 - dx), max(0, y0 - dy), min(width, x1 + dx), min(height, y1 + dy))


class Clicker:
    """Clicks the middle of the largest wrong place, never the same pixel twice.

    ``jitter_px`` is the deviation of the hand; a click that would leave the wrong place stays in its middle.
    """

    def __init__(self, truth: BoolArray, ignore: BoolArray, *, jitter_px: float = 0.0, seed: int = 0) -> None:
        self._truth, self._ignore = truth, ignore
        self._jitter_px = jitter_px
        self._rng = np.random.default_rng(seed)
        self._clicked = np.zeros(truth.shape, np.bool_)

    def next(self, predicted: BoolArray) -> Point | None:
        """The next click; None when nothing is wrong that has not been clicked."""
        for kind, where in _errors(predicted, self._truth, self._ignore):
            inside = depth(where)
            inside[self._clicked] = 0
            if inside.any():
                row, column = self._shaken(_deepest(inside), inside)
                self._clicked[row, column] = True
                return Point(kind, 1, column + 0.5, row + 0.5)
        return None

    def _shaken(self, place: Place, inside: npt.NDArray[np.float32]) -> Place:
        if not self._jitter_px:
            return place
        row, column = (int(value) for value in np.rint(place + self._rng.normal(0, self._jitter_px, 2)))
        height, width = inside.shape
        hits = 0 <= row < height and 0 <= column < width and inside[row, column] > 0
        return (row, column) if hits else place


def _errors(predicted: BoolArray, truth: BoolArray, ignore: BoolArray) -> list[tuple[int, BoolArray]]:
    """Wrong places with the class they should have, largest first, at most four of each kind."""
    missed, extra = truth & ~predicted & ~ignore, predicted & ~truth & ~ignore
    found = [
        (kind, where)
        for kind, wrong in ((OBJECT, missed), (GROUND, extra))
        for where in components(wrong, min_pixels=1, limit=2 * _STROKES)
    ]
    return sorted(found, key=lambda item: -np.count_nonzero(item[1]))


def iou(predicted: BoolArray, truth: BoolArray, ignore: BoolArray) -> float:
    """Intersection over union outside ``ignore``; 1 where both are empty."""
    union = np.count_nonzero((predicted | truth) & ~ignore)
    return np.count_nonzero(predicted & truth & ~ignore) / union if union else 1.0


# --- other sources of marks ---------------------------------------------------------------------


def frame_strokes(marks: Sequence[Mark], shape: tuple[int, int]) -> list[Mark]:
    """Strokes on the image's outermost 2 px, except within 40 px of what is marked as object."""
    import cv2

    height, width = shape
    seeds = rasterize(marks, width=width, height=height, point_radius=CLICK_RADIUS).seeds
    distance = cv2.distanceTransform((seeds != OBJECT).astype(np.uint8), cv2.DIST_L2, 5)
    clear = distance > _FRAME_CLEARANCE
    thick = 2.0 * _FRAME
    drawn: list[Mark] = []
    for y, line in ((0.0, clear[0]), (float(height), clear[-1])):
        drawn += [Scribble(GROUND, 1, ((x0, y), (x1, y)), thick) for x0, x1 in _runs(line)]
    for x, line in ((0.0, clear[:, 0]), (float(width), clear[:, -1])):
        drawn += [Scribble(GROUND, 1, ((x, y0), (x, y1)), thick) for y0, y1 in _runs(line)]
    return drawn


def strokes_of_map(strokes: LabelMap) -> list[Mark]:
    """Marks that cover exactly the pixels of a map of people's strokes: 0 ground, 1 object, 255 nothing."""
    return [
        Scribble(kind, 1, ((x0, row + 0.5), (x1, row + 0.5)), 1.0)
        for kind in (GROUND, OBJECT)
        for row in np.flatnonzero((strokes == kind).any(axis=1)).tolist()
        for x0, x1 in _runs(strokes[row] == kind)
    ]


def _runs(line: BoolArray) -> Iterator[tuple[float, float]]:
    """Middles of the first and the last pixel of each run of True."""
    steps = np.diff(line.astype(np.int8), prepend=0, append=0)
    for start, end in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0), strict=True):
        yield float(start) + 0.5, float(end) - 0.5
