"""From marks to a proposal: the way that all segmenters on the cell grid share; only the scores are their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from models_zoo.interactive.enlarging import Enlarger
from models_zoo.interactive.finishing import finish, nothing_marked
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import Supervision, supervise
from models_zoo.interactive.types import ImageContext, InteractiveResult
from models_zoo.marks import Mark, rasterize


@dataclass(frozen=True, kw_only=True)
class PreparedImage:
    """What of an image does not depend on marks. `plain` is (h * w, D); `grid` is (w, h) in cells."""

    context: ImageContext
    plain: FloatArray
    enlarger: Enlarger
    grid: tuple[int, int]


def answer(
    image: PreparedImage,
    marks: Sequence[Mark],
    *,
    allowed: Collection[int],
    score: Callable[[Supervision], FloatArray],
    seen: Mapping[int, FloatArray] | None = None,
) -> InteractiveResult:
    """Propose a mask from all marks; `score` gives (C, h, w) for the classes of the supervision.

    `seen`: a prior that `score` makes use of, (h, w) by class; None where it does not.
    """
    height, width = image.context.rgb.shape[:2]
    on_grid = rasterize(marks, width=width, height=height, out_size=image.grid)
    possible = on_grid.allowed(image.context.class_indices) & frozenset(allowed)
    supervision = supervise(
        on_grid, allowed=possible, background=image.context.background, plain=image.plain, seen=seen
    )
    if supervision is None:
        return nothing_marked(image.enlarger, image.grid, possible)
    scores = score(supervision)
    return finish(image.enlarger, supervision, scores, rasterize(marks, width=width, height=height), possible)
