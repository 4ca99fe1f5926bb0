"""For networks that know one object and the rest: marks become prompts, one a class, and their answers are combined.

C columns that compete, h x w cells of the grid, H x W pixels. Places are float (N, 2), x and y in image pixels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.features import grid_size
from models_zoo.interactive.answering import PreparedImage, answer
from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.pixel_features import FloatArray, lab_image, plain_columns
from models_zoo.interactive.supervision import BoolArray, Supervision
from models_zoo.interactive.types import ImageContext, InteractiveResult
from models_zoo.label_map import LabelMap
from models_zoo.marks import IGNORE, Box, Mark, Point, Scribble

Places = npt.NDArray[np.float64]

MAX_CLICKS = 24
# Grid cells are 4 px of this.
_MAX_SIDE = 1024
_STROKE_CLICKS = 8
_STROKE_SPACING = 1 / 24
"""Of the image's longer side: a stroke counts as clicks that far apart, at most eight."""
_LEAST = np.float32(1e-4)


@dataclass(frozen=True)
class Prompt:
    """What marks say of one class: clicks on it, clicks on something else, and boxes that hold it."""

    positive: Places
    negative: Places
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class _Click:
    x: float
    y: float
    class_index: int
    sign: int


class PerClassSegmenter(ABC):
    """An InteractiveSegmenter around something that finds one object."""

    def __init__(self) -> None:
        self._image: PreparedImage | None = None

    @abstractmethod
    def prepare(self, rgb: npt.NDArray[np.uint8], grid: tuple[int, int]) -> None:
        """Whatever depends on the picture uint8 (H, W, 3) alone; `grid` is (w, h)."""

    @abstractmethod
    def find(self, prompt: Prompt, previous: BoolArray | None) -> FloatArray:
        """Probability (h, w) of being the object; `previous` (H, W) is the last answer for it."""

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image; its features and prior are not used."""
        height, width = image.rgb.shape[:2]
        grid = grid_size(width, height, _MAX_SIDE)
        lab = lab_image(image.rgb, *grid)
        self._image = None
        self.prepare(image.rgb, grid)
        self._image = PreparedImage(
            context=image, plain=plain_columns(None, lab), enlarger=Enlarger(image.rgb, lab), grid=grid
        )

    def segment(
        self, marks: Sequence[Mark], *, allowed: Collection[int], previous: LabelMap | None = None
    ) -> InteractiveResult:
        """Propose a mask from all marks, starting from `previous` where it is given."""
        if self._image is None:
            raise RuntimeError("call set_image before segment")
        image = self._image

        def score(supervision: Supervision) -> FloatArray:
            found: dict[int, FloatArray] = {}
            for position in _objects(supervision, image.context.background):
                last = None if previous is None else previous == supervision.classes[position]
                prompt = prompt_of(marks, supervision, position, image.context.rgb.shape[:2])
                has_object = len(prompt.positive) or prompt.boxes
                found[position] = (
                    self.find(prompt, last) if has_object else np.zeros(supervision.seeds.shape, np.float32)
                )
            return without_excluded(supervision, combine(supervision, found))

        return answer(image, marks, allowed=allowed, score=score)


def _objects(supervision: Supervision, background: int | None) -> list[int]:
    """Columns to look for: all but the background and the rest, unless the background is all that was marked."""
    known = [position for position, index in enumerate(supervision.classes) if index != IGNORE]
    return [position for position in known if supervision.classes[position] != background] or known


def combine(supervision: Supervision, found: dict[int, FloatArray]) -> FloatArray:
    """Scores (C, h, w), summing to 1: columns that were not looked for get what the others leave."""
    shape = supervision.seeds.shape
    scores = np.full((len(supervision.classes), *shape), _LEAST, np.float32)
    for position, probability in found.items():
        scores[position] = np.clip(probability, _LEAST, 1)
    left = [position for position in range(len(scores)) if position not in found]
    if left:
        taken = scores[list(found)].max(axis=0) if found else np.zeros(shape, np.float32)
        scores[left] = np.maximum(1 - taken, _LEAST)
    elif len(scores) == 2:
        # Two objects and nothing else: what is not the one is the other.
        first = (scores[0] + 1 - scores[1]) / 2
        scores = np.stack([first, 1 - first])
    known = supervision.seeds >= 0
    scores[:, known] = supervision.seeds[known] == np.arange(len(scores))[:, None]
    return np.asarray(scores / scores.sum(axis=0, keepdims=True), np.float32)


# --- marks to prompts ---------------------------------------------------------------------------


def prompt_of(marks: Sequence[Mark], supervision: Supervision, position: int, shape: tuple[int, int]) -> Prompt:
    """The prompt of one column. Marks that a later one took back do not count: the seeds know."""
    wanted = supervision.classes[position]
    positive, negative = list[tuple[float, float]](), list[tuple[float, float]]()
    rows, columns = supervision.seeds.shape
    for click in _clicks(marks, shape):
        row = min(int(click.y * rows / shape[0]), rows - 1)
        column = min(int(click.x * columns / shape[1]), columns - 1)
        said = int(supervision.seeds[row, column])
        if said < 0:
            # Nobody says what is there, only that it is not this class.
            if click.sign < 0 and click.class_index == wanted:
                negative.append((click.x, click.y))
        elif (click.class_index == supervision.classes[said]) == (click.sign > 0):
            (positive if said == position else negative).append((click.x, click.y))
    boxes = (
        tuple(mark for mark in marks if isinstance(mark, Box) and mark.sign > 0 and mark.class_index == wanted)
        if any(column == position for column, _ in supervision.boxes)
        else ()
    )
    return Prompt(_spread(positive), _spread(negative), boxes)


def _clicks(marks: Sequence[Mark], shape: tuple[int, int]) -> list[_Click]:
    """Points, places along strokes and the middles of boxes that hold none of a class."""
    height, width = shape
    found = list[_Click]()
    for mark in marks:
        places: list[tuple[float, float]] = []
        if isinstance(mark, Point):
            places = [(mark.x, mark.y)]
        elif isinstance(mark, Scribble):
            places = along(mark, max(height, width) * _STROKE_SPACING)
        elif isinstance(mark, Box) and mark.sign < 0:
            places = [((mark.x0 + mark.x1) / 2, (mark.y0 + mark.y1) / 2)]
        for x, y in places:
            inside = min(max(0.0, x), width - 1e-3), min(max(0.0, y), height - 1e-3)
            found.append(_Click(*inside, mark.class_index, mark.sign))
    return found


def along(stroke: Scribble, spacing: float) -> list[tuple[float, float]]:
    """At most eight places evenly along a stroke, at least ``spacing`` pixels apart; its middle if it is short."""
    path = np.asarray(stroke.points, np.float64)
    steps = np.hypot(*np.diff(path, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    count = min(_STROKE_CLICKS, 1 + int(way[-1] / max(spacing, stroke.width, 1.0)))
    wanted = (np.arange(count) + 0.5) / count * way[-1]
    return [(float(x), float(y)) for x, y in zip(*(np.interp(wanted, way, axis) for axis in path.T), strict=True)]


def _spread(places: Sequence[tuple[float, float]]) -> Places:
    """At most 24 of the places, the newest and then always the one farthest from those taken."""
    found = np.array(places, np.float64).reshape(-1, 2)
    if len(found) <= MAX_CLICKS:
        return found
    taken = [len(found) - 1]
    away = np.full(len(found), math.inf)
    while len(taken) < MAX_CLICKS:
        away = np.minimum(away, ((found - found[taken[-1]]) ** 2).sum(axis=1))
        taken.append(int(away.argmax()))
    return found[sorted(taken)]
