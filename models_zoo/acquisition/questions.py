"""Which question about an image settles most doubt for a second of a person's time.

Two things can be open about an image: which classes are in it, and where they are. A tag settles the first
alone; a point, a scribble, a box and a mask settle the first and, in this order roughly, more of the second.
How much more is read from how good a network becomes that learns from such marks only, as a share of what it
becomes with full masks (`LEARNT`); seconds are those of `simulation.costs`.

Shape letters: C classes, h, w pixels.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from models_zoo.acquisition.types import bounded, top_mean
from models_zoo.simulation.costs import COSTS, CostTable

Question = Literal["tag", "point", "scribble", "box", "mask"]
QUESTIONS: tuple[Question, ...] = get_args(Question)

LEARNT: dict[Question, float] = {"tag": 0.75, "point": 0.90, "box": 0.92, "scribble": 0.95, "mask": 1.0}
"""Mean IoU from such marks alone over that from full masks. Start values: what Burnish sets out to reach
with each; published ones are near (tags 0.92 with a large network, points 0.88, boxes 0.85, scribbles 0.97)."""

_SUREST_SHARE = 0.05  # of the cells: as many are asked whether a class is there at all
_DOUBTFUL = (0.05, 0.95)
_LIKELY = 0.5
_OPEN_ENTROPY = 0.5
_LEAST_PIECE_SHARE = 0.005
_MOST_PIECES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubts:
    """What is open about one image.

    ``presence`` and ``place``, each in 0..1, add up to its uncertainty: the part that knowing the
    classes would settle, and the rest. ``doubtful_classes`` may or may not be there; ``likely_classes``
    (1 at least) probably are, ``likely_objects`` of them are not background; ``pieces`` (1 at least)
    are the separate places where the prediction is unsure, at most 20.
    """

    presence: float
    place: float
    doubtful_classes: int
    likely_classes: int
    likely_objects: int
    pieces: int


@dataclass(frozen=True, slots=True)
class BestQuestion:
    """The question to ask about one image, and the doubt it settles a second (0 where nothing is open)."""

    question: Question
    value: float

    def __post_init__(self) -> None:
        """Refuse what cannot be asked or is not worth a number. Raises ValueError."""
        if self.question not in QUESTIONS:
            raise ValueError(f"unknown question {self.question!r}; the questions are: {', '.join(QUESTIONS)}")
        if not (np.isfinite(self.value) and self.value >= 0):
            raise ValueError(f"the value of a question must be a number of 0 or more, not {self.value}")


@dataclass(frozen=True, kw_only=True)
class QuestionModel:
    """Seconds of every act, and what is learnt from each kind of mark; replace both by your own measurements."""

    costs: CostTable = COSTS
    learnt: MappingProxyType[Question, float] = field(default_factory=lambda: MappingProxyType(LEARNT))

    def __post_init__(self) -> None:
        """Raises ValueError where a question is missing or a share makes no sense."""
        if set(self.learnt) != set(QUESTIONS):
            raise ValueError(f"learnt needs a share for each of {', '.join(QUESTIONS)}")
        if not 0 <= self.learnt["tag"] < self.learnt["mask"]:
            raise ValueError("learnt: a full mask must teach more than a tag")

    def settles(self, question: Question) -> float:
        """Share, in 0..1, of the doubt about places that an answer settles: 0 for a tag, 1 for a mask."""
        tag, mask = self.learnt["tag"], self.learnt["mask"]
        return bounded((self.learnt[question] - tag) / (mask - tag))

    def seconds(self, question: Question, doubts: Doubts) -> float:
        """Expected seconds to look at the image and answer: every class, place or object that calls for a mark."""
        costs = self.costs
        acts = {
            "tag": costs.question * max(1, doubts.doubtful_classes),
            "point": costs.point * max(doubts.likely_classes, doubts.pieces),
            "scribble": costs.scribble * doubts.likely_classes,
            "box": costs.box * max(1, doubts.likely_objects),
            "mask": costs.full_region * doubts.likely_classes,
        }
        return costs.look + acts[question]

    def value(self, question: Question, doubts: Doubts, answered: Collection[Question] = ()) -> float:
        """Doubt settled a second, beyond what ``answered`` questions about this image have settled."""
        presence = 0.0 if answered else doubts.presence
        before = max((self.settles(known) for known in answered), default=0.0)
        gain = presence + max(0.0, self.settles(question) - before) * doubts.place
        return gain / self.seconds(question, doubts)


def best_question(
    doubts: Doubts, *, answered: Collection[Question] = (), model: QuestionModel | None = None
) -> BestQuestion:
    """The question worth most a second; the cheaper one of equals. ``answered``: what is on the image already."""
    chosen = model or QuestionModel()
    best = max(
        QUESTIONS,
        key=lambda question: (chosen.value(question, doubts, answered), -chosen.seconds(question, doubts)),
    )
    return BestQuestion(best, chosen.value(best, doubts, answered))


def find_doubts(probabilities: npt.NDArray[np.floating], *, background: int | None = None) -> Doubts:
    """What is open after a prediction (C, h, w) whose values sum to 1 over the classes.

    A class's presence is the mean of its surest 5 % of cells, as the loss on tags has it. A pixel's
    doubt is its entropy over log C; the part of it that lies with classes whose presence is itself
    in doubt, weighted by the binary entropy of that presence, is doubt about presence. ``background``
    is that class's position among C. Values that are not finite count as no knowledge. Raises ValueError for an
    empty or flat array, or a background that is none of the classes.
    """
    if probabilities.ndim != 3 or probabilities.size == 0:
        raise ValueError("probabilities must be a non-empty array (classes, h, w)")
    if background is not None and not 0 <= background < len(probabilities):
        raise ValueError(f"background must be one of the {len(probabilities)} classes by position, not {background}")
    shape = probabilities.shape[1:]
    p = probabilities.astype(np.float64).reshape(len(probabilities), -1)
    unknown = ~np.isfinite(p).all(axis=0)
    p = np.clip(np.where(unknown, 1 / len(p), p), 0, 1)
    count = max(1, round(p.shape[1] * _SUREST_SHARE))
    presence = np.clip(np.partition(p, -count, axis=1)[:, -count:].mean(axis=1), 0, 1)
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=0) / np.log(max(2, len(p)))
    about_presence = entropy * np.clip(_bits(presence) @ p, 0, 1)
    total = bounded((entropy.mean() + top_mean(entropy)) / 2)
    share = about_presence.sum() / entropy.sum() if entropy.sum() > 0 else 0.0
    likely = presence >= _LIKELY
    objects = likely.copy()
    if background is not None:
        objects[background] = False
    return Doubts(
        presence=total * bounded(share),
        place=total * (1 - bounded(share)),
        doubtful_classes=int(np.count_nonzero((presence > _DOUBTFUL[0]) & (presence < _DOUBTFUL[1]))),
        likely_classes=max(1, int(likely.sum())),
        likely_objects=max(1, int(objects.sum())),
        pieces=_pieces(entropy.reshape(shape) > _OPEN_ENTROPY),
    )


def _bits(presence: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Binary entropy in bits: 1 where a class may as well be there as not."""
    p = np.clip(presence, 1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), np.float64)


def _pieces(unsure: npt.NDArray[np.bool_]) -> int:
    """Connected places of some size, 1..20."""
    from scipy import ndimage

    labels, _ = ndimage.label(unsure, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    return int(np.clip(np.count_nonzero(sizes >= _LEAST_PIECE_SHARE * unsure.size), 1, _MOST_PIECES))
