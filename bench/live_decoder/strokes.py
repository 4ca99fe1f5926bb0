"""Strokes of training cases: along the middle, or anywhere and crooked as people's are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bench.annotators import GROUND, OBJECT, BoolArray
from models_zoo import Mark, Scribble
from models_zoo.simulation.strokes import components, depth, stroke_inside

_MIN_PIXELS = 60
_JITTER_PX = 1.0
_STEP_PX = 3.0
_TURNS = tuple(sign * math.radians(angle) for angle in (0, 25, 50, 75, 100) for sign in (1, -1))
_FAR_PX = 10
_MIN_FAR = 400

Points = tuple[tuple[float, float], ...]


def middle_strokes(truth: BoolArray, ignore: BoolArray, rng: np.random.Generator) -> list[Mark]:
    """One to three strokes a class along the middle of some region, or of a disc of it."""
    marks: list[Mark] = []
    for class_index, region in ((OBJECT, truth), (GROUND, _ground(truth, ignore, rng))):
        pieces = components(region, min_pixels=_MIN_PIXELS, limit=12)
        for _ in range(int(rng.integers(1, 4)) if pieces else 0):
            piece = _part(_piece(pieces, rng), rng)
            points = stroke_inside(piece, rng)
            points = points + rng.normal(0, _JITTER_PX, points.shape)
            inside = _inside(points, piece)
            if len(inside) > 1:
                marks.append(Scribble(class_index, 1, inside, float(rng.choice([1, 3, 5]))))
    return marks


def wandering_strokes(truth: BoolArray, ignore: BoolArray, rng: np.random.Generator, *, dense: bool) -> list[Mark]:
    """Long crooked strokes that start anywhere: one or two a class, or four to ten if ``dense``."""
    marks: list[Mark] = []
    fewest, most = (4, 10) if dense else (1, 2)
    for class_index, region in ((OBJECT, truth), (GROUND, ~truth & ~ignore)):
        clear = depth(region) > rng.integers(1, 7)
        pieces = components(clear if clear.any() else region, min_pixels=_MIN_PIXELS, limit=12)
        width = float(rng.choice([1, 3, 5, 7]))
        for _ in range(int(rng.integers(fewest, most + 1)) if pieces else 0):
            points = _wander(_piece(pieces, rng), rng)
            if len(points) > 1:
                marks.append(Scribble(class_index, 1, points, width))
    return marks


def _wander(region: BoolArray, rng: np.random.Generator) -> Points:
    """A path from a pixel of the region that turns gently, and away from where the region ends."""
    rows, columns = np.nonzero(region)
    start = int(rng.integers(len(rows)))
    x, y = float(columns[start]) + 0.5, float(rows[start]) + 0.5
    size = math.hypot(int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    steps = int(rng.uniform(0.2, 1.2) * size / _STEP_PX) + 1
    heading, bend, drift = rng.uniform(0, 2 * math.pi), rng.uniform(0.02, 0.25), rng.normal(0, 0.04)
    points = [(x, y)]
    for _ in range(steps):
        heading += drift + rng.normal(0, bend)
        for turn in _TURNS:
            to_x, to_y = x + _STEP_PX * math.cos(heading + turn), y + _STEP_PX * math.sin(heading + turn)
            if _holds(region, to_x, to_y):
                heading, x, y = heading + turn, to_x, to_y
                points.append((x, y))
                break
        else:
            break
    return tuple(points)


def _ground(truth: BoolArray, ignore: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The rest, mostly a margin away from the object where there is room."""
    rest = ~truth & ~ignore
    far = rest & (depth(~truth) > _FAR_PX)
    return far if np.count_nonzero(far) >= _MIN_FAR and rng.random() < 0.7 else rest


def _piece(pieces: list[BoolArray], rng: np.random.Generator) -> BoolArray:
    """A larger piece is likelier."""
    sides = np.sqrt([np.count_nonzero(piece) for piece in pieces])
    return pieces[int(rng.choice(len(pieces), p=sides / sides.sum()))]


def _part(piece: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The piece, or every other time what of it lies in a disc about one of its pixels."""
    if rng.random() < 0.5:
        return piece
    rows, columns = np.nonzero(piece)
    middle = int(rng.integers(len(rows)))
    radius = rng.uniform(0.15, 0.5) * max(piece.shape)
    y, x = np.ogrid[: piece.shape[0], : piece.shape[1]]
    disc = piece & ((y - rows[middle]) ** 2 + (x - columns[middle]) ** 2 < radius**2)
    return disc if np.count_nonzero(disc) >= _MIN_PIXELS else piece


def _inside(points: npt.NDArray[np.float64], region: BoolArray) -> Points:
    return tuple((float(x), float(y)) for x, y in points if _holds(region, x, y))


def _holds(region: BoolArray, x: float, y: float) -> bool:
    return 0 <= x < region.shape[1] and 0 <= y < region.shape[0] and bool(region[int(y), int(x)])
