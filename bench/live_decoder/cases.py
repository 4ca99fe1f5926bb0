"""Training cases: what the decoder would read after each round of strokes, and the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.annotators import OBJECT, BoolArray, Clicker, first_strokes, iou, loose_box, next_strokes
from bench.interactive_tasks import FeatureStore, names_left_out, tasks_of_picture
from bench.live_decoder.head import UndecodedHead
from bench.live_decoder.strokes import middle_strokes, wandering_strokes
from models_zoo import Mark
from models_zoo.interactive import ImageContext
from models_zoo.interactive.live_decoder import NO_LOGIT, SIDE, padded

MEASURED, CHOSEN_ON = 12, 8
"""Pictures a set that `bench/interactive.py --limit 12` measures, and that `--others 8` chooses on: never used."""

_KINDS = ("benchmark", "middle", "sparse", "dense", "clicks", "box")
_SHARES = (0.3, 0.15, 0.15, 0.15, 0.15, 0.1)
_ROUNDS = 3
_INVERTED = 0.25
_MIN_PIXELS = 200


@dataclass(frozen=True)
class Example:
    """A picture uint8 (H, W, 3) with its object; ``truth`` and ``ignore`` are bool (H, W)."""

    name: str
    rgb: npt.NDArray[np.uint8]
    truth: BoolArray
    ignore: BoolArray


@dataclass
class Cases:
    """N cases, as lists while they are made: see `stacked` for shapes."""

    columns: dict[str, list[npt.NDArray[np.generic]]] = field(default_factory=dict)

    def add(self, **values: npt.ArrayLike) -> None:
        """One case."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(np.asarray(value))

    def stacked(self) -> dict[str, Any]:
        """``maps`` float16 (N, CHANNELS, 64, 64), ``logits`` float16 (N, 128, 128); uint8 (N, 128, 128), 0..255:
        ``truth``, the object's share of each cell, and ``valid``, that which is not ignored; (N,): ``iou`` of the live
        head, ``round`` from 0, ``kind`` of marks, ``name`` as set/picture."""
        return {name: np.stack(values) for name, values in self.columns.items()}


def folder_examples(folder: Path, pictures: int, variants: int, rng: np.random.Generator) -> Iterator[Example]:
    """At most ``pictures`` unmeasured pictures of a set, each as it is and ``variants`` times altered."""
    names = names_left_out(folder, MEASURED, CHOSEN_ON)
    for name in rng.permutation(names)[:pictures].tolist():
        for task in tasks_of_picture(folder, name):
            example = Example(f"{folder.name}/{name}", task.rgb, task.truth, task.ignore)
            yield example
            for _ in range(variants):
                yield altered(example, rng)


def altered(example: Example, rng: np.random.Generator) -> Example:
    """Cropped, mirrored, in other light, all else than the object; each by chance."""
    rgb, truth, ignore = example.rgb, example.truth, example.ignore
    height, width = truth.shape
    if rng.random() < 0.6:
        rows, columns = (round(side * rng.uniform(0.5, 1)) for side in (height, width))
        y, x = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        crop = slice(y, y + rows), slice(x, x + columns)
        rgb, truth, ignore = rgb[crop], truth[crop], ignore[crop]
    if rng.random() < 0.5:
        rgb, truth, ignore = rgb[:, ::-1], truth[:, ::-1], ignore[:, ::-1]
    if rng.random() < 0.3:
        rgb = relit(rgb, rng, 0.2)
    if rng.random() < _INVERTED:
        truth = ~truth & ~ignore
    return Example(example.name, np.ascontiguousarray(rgb), np.ascontiguousarray(truth), np.ascontiguousarray(ignore))


def relit(rgb: npt.NDArray[np.uint8], rng: np.random.Generator, most: float) -> npt.NDArray[np.uint8]:
    """Another gamma, and each channel up to ``most`` lighter or darker."""
    gamma = float(np.exp(rng.uniform(-2 * most, 2 * most)))
    tints = rng.uniform(1 - most, 1 + most, 3)
    return np.clip(255 * (rgb / 255) ** gamma * tints, 0, 255).astype(np.uint8)


def add_cases(cases: Cases, example: Example, features: FeatureStore | None, rng: np.random.Generator) -> None:
    """One case a round of strokes; none of an object, or a rest, under 200 pixels.

    Without ``features`` the live head's stand-in for them is used.
    """
    truth, ignore = example.truth, example.ignore
    if min(np.count_nonzero(truth & ~ignore), np.count_nonzero(~truth & ~ignore)) < _MIN_PIXELS:
        return
    head = UndecodedHead()
    dense = None if features is None else features.get(example.rgb)
    head.set_image(ImageContext(rgb=example.rgb, class_indices=(0, 1), background=0, features=dense))
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_SHARES))]
    marks = _first(kind, truth, ignore, rng)
    more = _clicks(truth, ignore, rng) if kind == "clicks" else _strokes(truth, ignore, rng)
    for number in range(_ROUNDS):
        answer = np.asarray(head.segment(marks, allowed=(0, 1)).label_map == OBJECT)
        if head.seen is None:
            return
        grid = head.seen.logits.shape
        cases.add(
            maps=padded(head.seen.maps, SIDE).astype(np.float16),
            logits=padded(head.seen.logits, 2 * SIDE, NO_LOGIT).astype(np.float16),
            truth=padded(_on_grid(truth & ~ignore, grid), 2 * SIDE).astype(np.uint8),
            valid=padded(_on_grid(~ignore, grid), 2 * SIDE).astype(np.uint8),
            iou=iou(answer, truth, ignore),
            round=number,
            kind=kind,
            name=example.name,
        )
        added = more(answer)
        if not added:
            return
        marks = [*marks, *added]


def _on_grid(where: BoolArray, grid: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The share of each cell that is True, float32 (h, w) in 0..255."""
    import cv2

    share = cv2.resize(where.astype(np.float32), (grid[1], grid[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(255 * share, np.float32)


def _first(kind: str, truth: BoolArray, ignore: BoolArray, rng: np.random.Generator) -> list[Mark]:
    """The first marks: the benchmark's strokes, along the middle by chance, crooked as people's, a box or a click."""
    match kind:
        case "benchmark":
            return first_strokes(truth, ignore)
        case "middle":
            return middle_strokes(truth, ignore, rng)
        case "box":
            return [loose_box(truth)]
        case "clicks":
            return [click for click in (Clicker(truth, ignore).next(np.zeros_like(truth)),) if click is not None]
        case _:
            return wandering_strokes(truth, ignore, rng, dense=kind == "dense")


def _strokes(truth: BoolArray, ignore: BoolArray, rng: np.random.Generator) -> Callable[[BoolArray], list[Mark]]:
    """What is drawn on an answer; somebody may mend half of it only."""

    def more(answer: BoolArray) -> list[Mark]:
        marks = next_strokes(answer, truth, ignore)
        return marks[: max(1, len(marks) // 2)] if rng.random() < 0.3 else marks

    return more


def _clicks(truth: BoolArray, ignore: BoolArray, rng: np.random.Generator) -> Callable[[BoolArray], list[Mark]]:
    """One to three clicks on what is wrong with an answer."""
    clicker = Clicker(truth, ignore, jitter_px=2.0, seed=int(rng.integers(2**31)))

    def more(answer: BoolArray) -> list[Mark]:
        clicks = (clicker.next(answer) for _ in range(int(rng.integers(1, 4))))
        return [click for click in clicks if click is not None]

    return more
