"""Clicks on a true object, as a person would make them, and how the network is shown them.

Sampling after RITM (Sofiiuk et al., ICIP 2022): the first clicks fall anywhere well inside what they mean, more of
them ever less often; each later one falls inside the largest mistake of the last answer.

A place is (x, y) in pixels, the middle of a pixel at a half; places are float (N, 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.simulation.strokes import BoolArray, depth

Places = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]

MAX_CLICKS = 24
RADIUS = 5
"""Of the disc a click is drawn as, in pixels of the network's input."""
_DECAY = 0.8
_DEEP_SHARE = 0.5
_NEAR_SHARE = 0.5
_BAND = 0.25


def no_places() -> Places:
    """An empty list of places."""
    return np.zeros((0, 2))


@dataclass(frozen=True)
class Clicks:
    """What has been clicked: the object, and what is not it."""

    positive: Places
    negative: Places

    def with_click(self, place: Places, *, is_positive: bool) -> Clicks:
        """The same with one more, unless there are enough of its kind."""
        if is_positive:
            return Clicks(np.concatenate([self.positive, place[None]])[:MAX_CLICKS], self.negative)
        return Clicks(self.positive, np.concatenate([self.negative, place[None]])[:MAX_CLICKS])


def draw(clicks: Clicks, width: int, height: int) -> FloatArray:
    """Discs, (2, height, width): positive, negative; 1 inside. Each click covers at least its own pixel."""
    import cv2

    maps = np.zeros((2, height, width), np.float32)
    for drawn, places in zip(maps, (clicks.positive, clicks.negative), strict=True):
        for x, y in places:
            centre = min(max(0, int(x)), width - 1), min(max(0, int(y)), height - 1)
            cv2.circle(drawn, centre, RADIUS, 1.0, -1)
    return maps


def first_clicks(rng: np.random.Generator, target: BoolArray, valid: BoolArray, scale: float) -> Clicks:
    """One or more clicks on the object and none or more beside it.

    ``target`` and ``valid`` are (h, w) on a grid whose cells are ``scale`` pixels; every piece of the object gets a
    click as far as there are enough.
    """
    positive: list[Places] = []
    if target.any():
        wanted = _how_many(rng, least=1)
        pieces = _pieces(target)
        rng.shuffle(pieces)
        positive = [_inside(rng, piece) for piece in pieces[: max(1, min(len(pieces), MAX_CLICKS))]]
        positive += [_inside(rng, pieces[int(rng.integers(len(pieces)))]) for _ in range(wanted - len(positive))]
    free = valid & ~target
    negative = [_beside(rng, target, free) for _ in range(_how_many(rng, least=0))] if free.any() else []
    return Clicks(_stacked(positive[:MAX_CLICKS]) * scale, _stacked(negative) * scale)


def next_click(
    predicted: BoolArray, target: BoolArray, valid: BoolArray, rng: np.random.Generator | None = None
) -> tuple[Places, bool] | None:
    """A place in the largest mistake and whether it is of the object; None where there is no mistake.

    The larger mistake is the one that reaches deeper. Without a generator its deepest cell is taken, as the *number
    of clicks* protocol has it; with one, any cell more than half as deep.
    """
    missed, extra = target & ~predicted & valid, predicted & ~target & valid
    depths = depth(missed), depth(extra)
    tops = [float(found.max(initial=0.0)) for found in depths]
    if max(tops) <= 0:
        return None
    is_positive = tops[0] > tops[1]
    found = depths[0] if is_positive else depths[1]
    if rng is None:
        return _centre(int(found.argmax()), found.shape[1]), is_positive
    return _any_of(rng, found > _DEEP_SHARE * found.max()), is_positive


def _how_many(rng: np.random.Generator, *, least: int) -> int:
    """Each more is 0.8 times as likely."""
    counts = np.arange(least, MAX_CLICKS + 1)
    chances = _DECAY ** (counts - least)
    return int(rng.choice(counts, p=chances / chances.sum()))


def _pieces(region: BoolArray) -> list[BoolArray]:
    import cv2

    count, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=8)
    return [np.asarray(labels == number, np.bool_) for number in range(1, count)]


def _inside(rng: np.random.Generator, region: BoolArray) -> Places:
    found = depth(region)
    return _any_of(rng, found > _DEEP_SHARE * found.max())


def _beside(rng: np.random.Generator, target: BoolArray, free: BoolArray) -> Places:
    """Half the time near the object's outline, else anywhere off it."""
    import cv2

    if target.any() and rng.random() < _NEAR_SHARE:
        away = cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, 5)
        reach = max(3.0, _BAND * float(np.sqrt(np.count_nonzero(target))))
        near = free & (away > 1) & (away <= reach)
        if near.any():
            return _any_of(rng, near)
    return _any_of(rng, free)


def _any_of(rng: np.random.Generator, region: BoolArray) -> Places:
    cells = np.flatnonzero(region)
    return _centre(int(cells[rng.integers(len(cells))]), region.shape[1])


def _centre(cell: int, width: int) -> Places:
    row, column = divmod(cell, width)
    return np.array([column + 0.5, row + 0.5])


def _stacked(places: list[Places]) -> Places:
    return np.stack(places) if places else no_places()
