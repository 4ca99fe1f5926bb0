"""What the marks on an image say about each grid cell: fixed seeds, forbidden classes, rows to fit.

Columns are the classes that compete. Where only one class was marked, or the project's background
was not, the rest of the image needs a voice too: a *rest* column, taught by cells unlike the marks.
C columns, N rows, h x w cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models_zoo.interactive.pixel_features import gaussian_kernel, some_of
from models_zoo.marks import IGNORE, UNLABELLED, Box, WeakLabels

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# Rows that come in together, and the least of them where many classes share _ALL_ROWS.
_MAX_ROWS, _MIN_ROWS, _ALL_ROWS = 96, 16, 384
_FAR_SHARE = 0.2
_FRAME_SHARE = 0.4
_CORE_SHARE = 0.3
_NEGATIVE_WEIGHT = 0.5
# The middles of more boxes of a class than these come in together, or rows would grow with every box.
_MANY_BOXES = 4
_SURE, _SUREST_SHARE = 0.5, 0.9


@dataclass(frozen=True)
class Supervision:
    """``classes``: class of each column (the rest column's may be IGNORE). ``seeds`` (h, w): column
    of fixed cells, -1 elsewhere. ``excluded`` (C, h, w): where a column may not win. ``cells`` (N,),
    ``targets`` (N, C) in -1..1 and ``weights`` (N,): what to fit. ``boxes``: column and cells (h, w)
    of each box, which must hold something of its class. ``is_guess``: rows of the rest column or of
    the middle of a box are in it, which nobody vouched for.
    """

    classes: tuple[int, ...]
    seeds: npt.NDArray[np.int16]
    excluded: BoolArray
    cells: npt.NDArray[np.intp]
    targets: FloatArray
    weights: FloatArray
    boxes: tuple[tuple[int, BoolArray], ...]
    is_guess: bool


class _Rows:
    """Rows to fit, collected; all that come in together weigh ``strength`` / C together."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._cells = [np.zeros(0, np.intp)]
        self._targets = [np.zeros((0, columns), np.float32)]
        self._weights = [np.zeros(0, np.float32)]

    def positive(self, position: int, where: BoolArray, strength: float = 1.0) -> None:
        """The column wins here. The targets of a row sum to nothing, so no class is favoured."""
        target = np.full(self._columns, -1 / max(1, self._columns - 1), np.float32)
        target[position] = 1
        self._add(where, target, strength)

    def negative(self, position: int, where: BoolArray) -> None:
        """Only the excluded column is pushed down; about the others the mark says nothing."""
        target = np.zeros(self._columns, np.float32)
        target[position] = -1
        self._add(where, target, _NEGATIVE_WEIGHT)

    def _add(self, where: BoolArray, target: FloatArray, strength: float) -> None:
        cells = np.flatnonzero(where)
        if not len(cells):
            return
        cells = some_of(cells, max(_MIN_ROWS, min(_MAX_ROWS, _ALL_ROWS // self._columns)))
        self._cells.append(cells)
        self._targets.append(np.tile(target, (len(cells), 1)))
        self._weights.append(np.full(len(cells), strength / (len(cells) * self._columns), np.float32))

    def stacked(self) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
        """Cells (N,), targets (N, C), weights (N,)."""
        return np.concatenate(self._cells), np.concatenate(self._targets), np.concatenate(self._weights)


def supervise(
    labels: WeakLabels,
    *,
    allowed: frozenset[int],
    background: int | None,
    plain: FloatArray,
    seen: Mapping[int, FloatArray] | None = None,
) -> Supervision | None:
    """Read marks drawn on the grid. None where they name no class and there is no prior to lean on.

    ``plain`` (h * w, D) are the columns likeness is measured in. ``seen`` is a prior, the
    probabilities (h, w) of the classes that a model sees: they compete unmarked, and where the model is surest of them
    stands for the marks they lack. None where there is no prior.
    """
    labels = _resolve_negatives(labels, allowed)
    boxes = [box for box in labels.boxes if box.class_index in allowed]
    named = sorted((labels.seeded() & allowed) | {box.class_index for box in boxes})
    columns = named if seen is None else sorted(seen.keys() & allowed | set(named))
    if not columns:
        return None
    # A model that sees several things says itself what the rest of the image is.
    rest = _rest_class(columns, allowed, background) if seen is None or len(columns) < 2 else None
    if rest is not None:
        columns.append(rest)
    builder = _Builder(labels, columns, plain)
    for position, class_index in enumerate(columns):
        builder.add_class(position, class_index, [box for box in boxes if box.class_index == class_index])
        if seen is not None and named and class_index not in named and class_index in seen:
            builder.add_sure(position, seen[class_index])
    if rest is not None:
        builder.add_rest(len(columns) - 1, has_boxes=bool(boxes))
    return builder.build()


def _resolve_negatives(labels: WeakLabels, allowed: frozenset[int]) -> WeakLabels:
    """Where only two classes are possible, "not this one" means the other."""
    if len(allowed) != 2 or not labels.negatives:
        return labels
    seeds = labels.seeds.copy()
    for class_index, where in labels.negatives.items():
        others = allowed - {class_index}
        if len(others) == 1:
            (other,) = others
            seeds[where & (seeds == UNLABELLED)] = other
    return WeakLabels(seeds, labels.negatives, labels.tags, labels.boxes)


def _rest_class(named: list[int], allowed: frozenset[int], background: int | None) -> int | None:
    """Class of the rest column: the background if nobody marked it, IGNORE beside a lone class."""
    if background is not None and background in allowed and background not in named:
        return background
    return IGNORE if len(named) < 2 else None


class _Builder:
    """Collects rows and maps column by column."""

    def __init__(self, labels: WeakLabels, columns: Sequence[int], plain: FloatArray) -> None:
        self.labels, self.columns, self.plain = labels, tuple(columns), plain
        self.shape = labels.seeds.shape
        self.seeds = np.full(self.shape, -1, np.int16)
        self.excluded = np.zeros((len(columns), *self.shape), np.bool_)
        self.boxes: list[tuple[int, BoolArray]] = []
        self.in_a_box = np.zeros(self.shape, np.bool_)
        self.rows = _Rows(len(columns))
        self.has_rest = False

    def add_class(self, position: int, class_index: int, boxes: list[Box]) -> None:
        """Seeds, negatives and boxes of one class."""
        seeded = self.labels.seeds == class_index
        self.seeds[seeded] = position
        self.rows.positive(position, seeded)
        negative = self.labels.negatives.get(class_index)
        if negative is not None:
            self.excluded[position] |= negative
            self.rows.negative(position, negative)
        if boxes:
            self._add_boxes(position, seeded, boxes)

    def _add_boxes(self, position: int, seeded: BoolArray, boxes: list[Box]) -> None:
        inside = np.zeros(self.shape, np.bool_)
        cores: list[BoolArray] = []
        for box in boxes:
            cells = box_cells(box, self.shape)
            inside |= cells
            self.boxes.append((position, cells))
            # Strokes inside tell more than a guess about the middle of the box.
            if not (cells & seeded).any():
                cores.append(box_core(box, self.shape) & (self.labels.seeds == UNLABELLED))
        if len(cores) <= _MANY_BOXES:
            for core in cores:
                self.rows.positive(position, core)
        else:
            self.rows.positive(position, np.logical_or.reduce(cores), strength=_MANY_BOXES)
        self.in_a_box |= inside
        # Outside its boxes the class does not occur, unless a stroke there says that it does.
        if not (seeded & ~inside).any():
            self.excluded[position] |= ~inside
            self.rows.negative(position, ~inside)

    def add_sure(self, position: int, known: FloatArray) -> None:
        """Teach a class that nobody marked with the cells a model is surest of, or the marked ones would flood it."""
        sure = known >= max(_SURE, _SUREST_SHARE * float(known.max()))
        self.rows.positive(position, sure & (self.labels.seeds == UNLABELLED))

    def add_rest(self, position: int, *, has_boxes: bool) -> None:
        """Teach the rest column with cells outside every box, or unlike everything marked."""
        self.has_rest = True
        free = (self.labels.seeds == UNLABELLED) & ~self.in_a_box
        taught = self.seeds >= 0
        if taught.any():
            free &= far_cells(self.plain, taught, self.shape)
        elif not has_boxes:
            return
        self.rows.positive(position, free)

    def build(self) -> Supervision:
        cells, targets, weights = self.rows.stacked()
        return Supervision(
            classes=self.columns,
            seeds=self.seeds,
            excluded=self.excluded,
            cells=cells,
            targets=targets,
            weights=weights,
            boxes=tuple(self.boxes),
            is_guess=self.has_rest or bool(self.boxes),
        )


def far_cells(plain: FloatArray, taught: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    """Cells whose features, colour and place are unlike every marked cell; the frame counts sooner."""
    anchors = plain[some_of(np.flatnonzero(taught), _MAX_ROWS)]
    likeness = gaussian_kernel(plain, anchors)[0].max(axis=1).reshape(shape)
    # The picture's rim is seldom the thing that was pointed at.
    frame = np.zeros(shape, np.bool_)
    frame[:2] = frame[-2:] = True
    frame[:, :2] = frame[:, -2:] = True
    far, farther = np.quantile(likeness, (_FAR_SHARE, _FRAME_SHARE))
    return np.asarray(((likeness < far) | (frame & (likeness < farther))) & ~taught, np.bool_)


def box_cells(box: Box, shape: tuple[int, ...]) -> BoolArray:
    """Cells whose centre lies in a box given in grid coordinates; at least one."""
    height, width = shape
    x0, x1 = _span(box.x0, box.x1, width)
    y0, y1 = _span(box.y0, box.y1, height)
    cells = np.zeros(shape, np.bool_)
    cells[y0:y1, x0:x1] = True
    return cells


def box_core(box: Box, shape: tuple[int, ...]) -> BoolArray:
    """The ellipse in the middle of a box, three tenths of its size; at least one cell."""
    middle_x, middle_y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    half_x = max(0.5, (box.x1 - box.x0) / 2 * _CORE_SHARE)
    half_y = max(0.5, (box.y1 - box.y0) / 2 * _CORE_SHARE)
    rows, columns = np.ogrid[0 : shape[0], 0 : shape[1]]
    core = ((columns + 0.5 - middle_x) / half_x) ** 2 + ((rows + 0.5 - middle_y) / half_y) ** 2 <= 1
    middle_row = min(max(0, int(middle_y)), shape[0] - 1)
    core[middle_row, min(max(0, int(middle_x)), shape[1] - 1)] = True
    return np.asarray(core, np.bool_)


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    start = min(max(0, round(low)), size - 1)
    return start, max(start + 1, min(round(high), size))
