"""A person who is not there: marks drawn from a benchmark's masks, with a shaky hand and some errors.

Everything depends only on the seed and on the label map asked about, never on the order of calls,
so that an interrupted simulation goes on as if nothing had happened.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from models_zoo.label_map import LabelMap, pixel_counts
from models_zoo.marks import IGNORE, Box, Mark, MarkKind, Point, Scribble, Tag
from models_zoo.simulation.costs import COSTS, CostTable
from models_zoo.simulation.strokes import click_inside, components, stroke_inside, thickness

MARK_KINDS = ("scribbles", "points", "boxes", "tags", "mixed")
Action = Literal["accept", "reject", "repair", "take"]

# What a person would bother to mark, as shares of the image. What is too small for a stroke gets a click.
_MIN_STROKE_SHARE = 0.005
_MIN_POINT_SHARE = 0.001
_MIN_BOX_SHARE = 0.001
_MAX_BOXES = 12
_MAX_POINTS = 3
_POINT_MIN_SHARE = 0.01
_MIN_ERROR_SHARE = 0.003
_MIN_REGION_SHARE = 0.01
# What one stroke of a brush covers: a twentieth of the image's side wide, and half the side long.
_MENDED_SHARE = 0.025
_MOST_MENDED = 50
_RIGHT_REGION = 0.9
_MIN_TAKEN_SHARE = 0.3
_STROKE_WIDTH_SHARE = 0.012
_MIN_STROKE_WIDTH = 3.0


@dataclass(frozen=True)
class Verdict:
    """What the annotator did with a proposal: the action, its seconds, and the mask that results.

    ``mask`` is the proposal when accepted, a mended copy when repaired, its right regions with IGNORE around them
    when only those were taken, None when rejected.
    """

    action: Action
    seconds: float
    mask: LabelMap | None


@dataclass(frozen=True, kw_only=True)
class SimulatedAnnotator:
    """Draws marks and judges proposals.

    ``error_rate`` is the chance that a mark names a wrong class (a tag: the wrong answer), and that
    a proposal is judged the wrong way. ``jitter_px`` is the deviation of the hand, in image pixels.
    A proposal of mean IoU ``accept_iou`` or more is accepted as it is.
    """

    seed: int
    error_rate: float = 0.02
    jitter_px: float = 2.0
    strokes_per_class: int = 1
    accept_iou: float = 0.85
    costs: CostTable = COSTS

    def marks_for(
        self, label_map: LabelMap, kind: str, classes: Collection[int], *, background: int | None = None
    ) -> list[tuple[Mark, float]]:
        """Marks for an image whose true classes are ``label_map`` (IGNORE is never marked), with seconds.

        ``kind`` is one of MARK_KINDS. Looking at the image is not included. Nobody draws a box
        around ``background``; it gets no mark then, and a stroke or point otherwise. "tags" answers
        a question about every class; "mixed" picks stroke, point or box for each class in turn and
        answers for absent classes. Raises ValueError for another kind.
        """
        if kind not in MARK_KINDS:
            raise ValueError(f"unknown kind of marks {kind!r}; there are: {', '.join(MARK_KINDS)}")
        rng = self._rng(label_map, kind)
        known = sorted(classes)
        counts = pixel_counts(label_map)
        marks: list[Mark] = []
        for class_index in known:
            share = counts.get(class_index, 0) / label_map.size
            chosen = self._kind_for(kind, share, is_background=class_index == background, rng=rng)
            if chosen is not None:
                marks += self._marks_of_class(label_map, class_index, share, chosen, rng)
        return [(self._with_error(mark, known, rng), self.costs.mark(mark.kind)) for mark in marks]

    def corrections_for(self, proposal: LabelMap, truth: LabelMap, *, max_marks: int = 3) -> list[tuple[Mark, float]]:
        """Corrective strokes with their seconds, one on each of the largest places where the proposal is wrong.

        Each runs through the class that most of the place belongs to. Slivers thinner than a stroke are left.
        """
        rng = self._rng(truth, f"corrections {zlib.crc32(proposal.tobytes())}")
        marks: list[Mark] = []
        for wrong in _errors(proposal, truth, limit=max_marks):
            class_index = int(np.bincount(truth[wrong]).argmax())
            region = components(wrong & (truth == class_index), min_pixels=0, limit=1)[0]
            if thickness(region) >= _MIN_STROKE_WIDTH:
                marks.append(self._stroke(region, class_index, rng))
        return [(mark, self.costs.mark(mark.kind)) for mark in marks]

    def verify(self, proposal: LabelMap, truth: LabelMap, *, patience_s: float) -> Verdict:
        """Accept, repair or reject a proposal; mean IoU is over the classes in either mask.

        Repairing costs a corrective act for each wrong place of at least 0.3 % of the image, a large one another for
        each further 2.5 % begun, and the acceptance; the mended mask has the truth there and keeps smaller errors.
        What would take longer than ``patience_s`` is rejected.
        """
        rng = self._rng(truth, f"verify {zlib.crc32(proposal.tobytes())}")
        errs = rng.random() < self.error_rate
        if (mean_iou(proposal, truth) >= self.accept_iou) != errs:
            return Verdict("accept", self.costs.accept, proposal)
        mended, acts = proposal.copy(), 0
        for wrong in _errors(proposal, truth, limit=_MOST_MENDED):
            mended[wrong] = truth[wrong]
            acts += math.ceil(np.count_nonzero(wrong) / (_MENDED_SHARE * wrong.size))
        seconds = acts * self.costs.corrective_click
        if errs or seconds > patience_s:
            return Verdict("reject", self.costs.reject, None)
        return Verdict("repair", seconds + self.costs.accept, mended)

    def take_regions(self, proposal: LabelMap, truth: LabelMap, *, limit: int) -> Verdict:
        """Take what is right of a proposal that is too poor as a whole, region by region; reject it if that is little.

        A region is a connected piece of one class, of at least 1 % of the image; the ``limit`` largest are looked at.
        One is right if its class is true of nine tenths of it. Taking costs a click each, and the acceptance.
        """
        rng = self._rng(truth, f"take {zlib.crc32(proposal.tobytes())}")
        taken, clicks = np.full_like(proposal, IGNORE), 0
        for region in _regions(proposal, limit=limit):
            right = _share_right(region, proposal, truth) >= _RIGHT_REGION
            if right != (rng.random() < self.error_rate):
                taken[region] = proposal[region]
                clicks += 1
        if np.count_nonzero(taken != IGNORE) < _MIN_TAKEN_SHARE * taken.size:
            return Verdict("reject", self.costs.reject, None)
        return Verdict("take", clicks * self.costs.point + self.costs.accept, taken)

    # --- one class ------------------------------------------------------------------------------

    def _kind_for(self, kind: str, share: float, *, is_background: bool, rng: np.random.Generator) -> MarkKind | None:
        """What to do about a class covering ``share`` of the image."""
        if kind == "tags":
            return MarkKind.TAG
        if kind == "mixed" and share == 0:
            return MarkKind.TAG
        if kind == "boxes":
            return None if is_background or share < _MIN_BOX_SHARE else MarkKind.BOX
        if share < _MIN_POINT_SHARE:
            return None
        if share < _MIN_STROKE_SHARE or kind == "points":
            return MarkKind.POINT
        if kind == "mixed":
            located = (MarkKind.SCRIBBLE, MarkKind.POINT, MarkKind.BOX)
            return located[int(rng.integers(2 if is_background else 3))]
        return MarkKind.SCRIBBLE

    def _marks_of_class(
        self, label_map: LabelMap, class_index: int, share: float, kind: MarkKind, rng: np.random.Generator
    ) -> list[Mark]:
        region = label_map == class_index
        if kind is MarkKind.TAG:
            return [Tag(class_index, 1 if share > 0 else -1)]
        if kind is MarkKind.BOX:
            pieces = components(region, min_pixels=_MIN_BOX_SHARE * region.size, limit=_MAX_BOXES)
            return [self._box(piece, class_index, rng) for piece in pieces]
        limit = self.strokes_per_class if kind is MarkKind.SCRIBBLE else _MAX_POINTS
        pieces = components(region, min_pixels=_POINT_MIN_SHARE * region.size, limit=limit)
        draw = self._stroke if kind is MarkKind.SCRIBBLE else self._point
        return [draw(piece, class_index, rng) for piece in pieces]

    def _stroke(self, region: npt.NDArray[np.bool_], class_index: int, rng: np.random.Generator) -> Mark:
        height, width = region.shape
        places = stroke_inside(region, rng)
        # For a thin thing a person takes a finer pen and a slower hand.
        room = max(1.0, thickness(region))
        jitter = min(self.jitter_px, room / 3)
        # A hand drifts rather than trembles: jitter that follows itself along the stroke.
        drift = rng.normal(0, jitter / 2, places.shape).cumsum(axis=0)
        drift *= jitter / max(jitter, float(np.abs(drift).max()), 1e-9)
        places = np.clip(places + drift, 0, (width, height))
        brush = min(max(_MIN_STROKE_WIDTH, _STROKE_WIDTH_SHARE * max(height, width)), room)
        points = tuple((float(x), float(y)) for x, y in places)
        return Scribble(class_index, 1, points, float(brush))

    def _point(self, region: npt.NDArray[np.bool_], class_index: int, rng: np.random.Generator) -> Mark:
        height, width = region.shape
        x, y = np.array(click_inside(region, rng)) + rng.normal(0, self.jitter_px, 2)
        return Point(class_index, 1, float(np.clip(x, 0, width)), float(np.clip(y, 0, height)))

    def _box(self, region: npt.NDArray[np.bool_], class_index: int, rng: np.random.Generator) -> Mark:
        height, width = region.shape
        rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
        x0, y0, x1, y1 = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) + rng.normal(
            0, self.jitter_px, 4
        )
        x0, x1 = _apart(x0, x1, width)
        y0, y1 = _apart(y0, y1, height)
        return Box(class_index, 1, x0, y0, x1, y1)

    def _with_error(self, mark: Mark, known: Sequence[int], rng: np.random.Generator) -> Mark:
        if rng.random() >= self.error_rate:
            return mark
        if isinstance(mark, Tag):
            return replace(mark, sign=-mark.sign)
        others = [index for index in known if index != mark.class_index]
        return replace(mark, class_index=int(rng.choice(others))) if others else mark

    def _rng(self, label_map: LabelMap, purpose: str) -> np.random.Generator:
        digest = zlib.crc32(np.ascontiguousarray(label_map).tobytes(), zlib.crc32(purpose.encode()))
        return np.random.default_rng([self.seed, digest, *label_map.shape])


def mean_iou(proposal: LabelMap, truth: LabelMap) -> float:
    """Mean IoU over the classes in either map, pixels of unknown truth left out; 1 if there are none."""
    known = truth != IGNORE
    values = (set(pixel_counts(truth)) | set(pixel_counts(proposal[known]))) - {IGNORE}
    ious = []
    for value in sorted(values):
        a, b = (proposal == value) & known, truth == value
        ious.append(np.count_nonzero(a & b) / np.count_nonzero(a | b))
    return float(np.mean(ious)) if ious else 1.0


def _errors(proposal: LabelMap, truth: LabelMap, *, limit: int) -> list[npt.NDArray[np.bool_]]:
    """Connected places where the proposal is wrong, largest first, at least 0.3 % of the image each."""
    wrong = (proposal != truth) & (truth != IGNORE)
    pieces = components(wrong, min_pixels=_MIN_ERROR_SHARE * wrong.size, limit=limit)
    return [piece for piece in pieces if np.count_nonzero(piece) >= _MIN_ERROR_SHARE * wrong.size]


def _regions(proposal: LabelMap, *, limit: int) -> list[npt.NDArray[np.bool_]]:
    """The largest connected pieces of any class, at least 1 % of the image each."""
    least = _MIN_REGION_SHARE * proposal.size
    pieces = [
        piece
        for value in sorted(set(pixel_counts(proposal)) - {IGNORE})
        for piece in components(proposal == value, min_pixels=least, limit=limit)
    ]
    sizes = [int(np.count_nonzero(piece)) for piece in pieces]
    order = sorted(range(len(pieces)), key=lambda number: -sizes[number])[:limit]
    return [pieces[number] for number in order if sizes[number] >= least]


def _share_right(region: npt.NDArray[np.bool_], proposal: LabelMap, truth: LabelMap) -> float:
    """Share of the region's pixels of known truth where the proposal is right; 0 if none is known."""
    known = region & (truth != IGNORE)
    right = int(np.count_nonzero(known & (proposal == truth)))
    return right / max(1, int(np.count_nonzero(known)))


def _apart(low: float, high: float, size: int) -> tuple[float, float]:
    """Two coordinates within 0..size and at least a pixel apart (the image's whole side if it is less)."""
    low, high = sorted((float(np.clip(low, 0, size)), float(np.clip(high, 0, size))))
    if high - low < 1:
        low = max(0.0, min(low, size - 1.0))
        high = low + min(1.0, float(size))
    return low, high
