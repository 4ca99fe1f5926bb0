"""How good a mask is after few marks: our interactive methods beside other people's, on folders with true masks.

    python bench/interactive.py --data FOLDER… [--methods NAME,…] [--limit 20] [--json OUT] [--resume]
    python bench/interactive.py --data FOLDER… --methods click_net --file click_net.weights=run/final
    python bench/interactive.py --data FOLDER… --limit 12 --others 8 … (settings are chosen on pictures left out above)

A task is one object of one picture (`bench/interactive_tasks.py`), the person is simulated and leaves nothing to chance
(`bench/annotators.py`); every method gets the same marks, as marks or as pixels. Columns, means over a set's pictures:
IoU after one and three rounds of strokes (iou_r1, iou_r3), from a loose box alone (iou_box), from what people really
drew (iou_sparse, iou_dense; with _frame the image's outermost 2 px count as background as well), clicks to an IoU of
0.85 and 0.90 (noc85, noc90), milliseconds of one answer (ms_p50, ms_p95) and of preparing a picture (prep_ms, without
its features, which the server computes when a picture arrives; peer_deep_cut computes its own).

Prints Markdown tables; --json keeps every task's figures, so that --resume goes on where a run stopped and measures
only what is missing (--redo NAME,… measures these again), and draws a chart beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.annotators import (
    CLICK_RADIUS,
    GROUND,
    OBJECT,
    BoolArray,
    Clicker,
    first_strokes,
    frame_strokes,
    iou,
    loose_box,
    next_strokes,
    strokes_of_map,
)
from bench.interactive_report import Report, draw_chart, markdown, summarise
from bench.interactive_tasks import FeatureStore, Task, tasks_of
from bench.peers import PEERS, Peer, Prompt, Rgb
from models_zoo import Box, Mark, list_interactive, rasterize
from models_zoo.interactive import ImageContext, SegmenterFileError, create_segmenter

ENCODER = "efficientnet_lite0"
# Clicking ends here: noc90 is known, and more clicks would only cost time.
ENOUGH_IOU = 0.90


class Ours:
    """A registered segmenter behind the peers' interface; it gets the marks themselves."""

    def __init__(self, name: str, features: FeatureStore, files: Mapping[str, Path]) -> None:
        self._segmenter = create_segmenter(name, files)
        self._needs_features = any(info.name == name and info.needs_features for info in list_interactive())
        self._features = features

    def load_features(self, rgb: Rgb) -> None:
        """What the server does when a picture arrives."""
        self._context = ImageContext(
            rgb=rgb,
            class_indices=(GROUND, OBJECT),
            background=GROUND,
            features=self._features.get(rgb) if self._needs_features else None,
        )

    def prepare(self, rgb: Rgb) -> None:
        self._segmenter.set_image(self._context)

    def segment(self, prompt: Prompt) -> BoolArray | None:
        previous = None if prompt.previous is None else np.where(prompt.previous, OBJECT, GROUND).astype(np.uint8)
        answer = self._segmenter.segment(prompt.marks, allowed=(GROUND, OBJECT), previous=previous)
        return np.asarray(answer.label_map == OBJECT, np.bool_)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What all methods go through; reports made under different ones are never mixed."""

    rounds: int
    clicks: int
    click_images: int
    frame: str
    jitter: float
    seed: int


@dataclass
class Trial:
    """One method on one task, with the clock."""

    method: Peer
    task: Task
    ms: list[float] = field(default_factory=list)

    def ask(
        self, marks: Sequence[Mark], *, previous: BoolArray | None = None, box: Box | None = None
    ) -> BoolArray | None:
        """The method's answer to all marks."""
        height, width = self.task.truth.shape
        seeds = rasterize(marks, width=width, height=height, point_radius=CLICK_RADIUS).seeds
        prompt = Prompt(
            marks=tuple(marks), on_object=seeds == OBJECT, on_ground=seeds == GROUND, box=box, previous=previous
        )
        started = time.perf_counter()
        answer = self.method.segment(prompt)
        self.ms.append(round(1000 * (time.perf_counter() - started), 2))
        return answer

    def score(self, answer: BoolArray | None) -> float | None:
        """IoU with the truth."""
        return None if answer is None else round(iou(answer, self.task.truth, self.task.ignore), 5)


def measure(method: Peer, task: Task, protocol: Protocol, *, with_clicks: bool) -> dict[str, Any]:
    """Everything about one method on one task, as plain values."""
    if isinstance(method, Ours):
        method.load_features(task.rgb)
    started = time.perf_counter()
    method.prepare(task.rgb)
    prep_ms = round(1000 * (time.perf_counter() - started), 2)
    trial = Trial(method, task)
    result: dict[str, Any] = {"image": task.image, "prep_ms": prep_ms}
    result["rounds"] = _stroke_rounds(trial, protocol)
    if with_clicks and protocol.clicks:
        result["clicks"] = _click_through(trial, protocol)
    result["ms"] = trial.ms
    # People's strokes come as hundreds of marks and a box alone is a different question: not in the times.
    apart = Trial(method, task)
    box = loose_box(task.truth)
    result["box"] = apart.score(apart.ask([box], box=box))
    for kind, strokes in task.human.items():
        marks = strokes_of_map(strokes)
        result[kind] = apart.score(apart.ask(marks))
        result[f"{kind}_frame"] = apart.score(apart.ask([*frame_strokes(marks, task.truth.shape), *marks]))
    return result


def _stroke_rounds(trial: Trial, protocol: Protocol) -> list[float | None]:
    """IoU after each round of strokes."""
    task = trial.task
    marks, previous, scores = first_strokes(task.truth, task.ignore), None, list[float | None]()
    for number in range(protocol.rounds):
        if number and previous is not None:
            marks += next_strokes(previous, task.truth, task.ignore)
        framed = frame_strokes(marks, task.truth.shape) if protocol.frame == "all" else []
        previous = trial.ask([*framed, *marks], previous=previous)
        scores.append(trial.score(previous))
    return scores


def _click_through(trial: Trial, protocol: Protocol) -> list[float]:
    """IoU after each click, until it is good enough; a method that cannot answer yet has nothing but the clicks."""
    task = trial.task
    seed = zlib.crc32(f"{protocol.seed} {task.set_name} {task.key}".encode())
    clicker = Clicker(task.truth, task.ignore, jitter_px=protocol.jitter, seed=seed)
    marks, answer, scores = list[Mark](), np.zeros_like(task.truth), list[float]()
    previous: BoolArray | None = None
    while len(scores) < protocol.clicks and (not scores or scores[-1] < ENOUGH_IOU):
        click = clicker.next(answer)
        if click is None:
            break
        marks.append(click)
        framed = frame_strokes(marks, task.truth.shape) if protocol.frame != "none" else []
        previous = trial.ask([*framed, *marks], previous=previous)
        height, width = task.truth.shape
        seeds = rasterize(marks, width=width, height=height, point_radius=CLICK_RADIUS).seeds
        answer = previous if previous is not None else seeds == OBJECT
        scores.append(round(iou(answer, task.truth, task.ignore), 5))
    return scores


def main() -> None:
    """Measure what is missing, then print, draw and write."""
    options = _options()
    protocol = Protocol(**{name: getattr(options, name) for name in Protocol.__dataclass_fields__})
    report = Report.open(options.json, vars(protocol), resume=options.resume)
    for name in filter(None, options.redo.split(",")):
        report.forget(name)
    methods = _methods(options.methods.split(","), options.features_cache, _files(options.file))
    for folder in options.data:
        _measure_set(tasks_of(folder, options.limit, options.others), methods, report, protocol)
    report.summary = summarise(report.tasks, list(PEERS), limit=protocol.clicks, seed=protocol.seed)
    report.save()
    print(markdown(report.summary))
    if options.json:
        draw_chart(report, options.json.with_suffix(".png"), clicks=protocol.clicks)


def _measure_set(tasks: Iterable[Task], methods: dict[str, Peer], report: Report, protocol: Protocol) -> None:
    clicked: set[str] = set()
    for task in tasks:
        if not protocol.click_images or len(clicked) < protocol.click_images:
            clicked.add(task.image)
        missing = [name for name in methods if not report.has(task.set_name, name, task.key)]
        for name in missing:
            result = measure(methods[name], task, protocol, with_clicks=task.image in clicked)
            report.add(task.set_name, name, task.key, result)
        if missing:
            report.save()
            print(f"{task.set_name} {task.key}", file=sys.stderr, flush=True)


def _files(pairs: Sequence[str]) -> dict[str, dict[str, Path]]:
    """What was given by --file, by method and name. Raises SystemExit."""
    files: dict[str, dict[str, Path]] = {}
    for pair in pairs:
        target, _, path = pair.partition("=")
        method, _, name = target.partition(".")
        if not name or not path:
            raise SystemExit(f"--file takes METHOD.NAME=PATH, not {pair!r}")
        files.setdefault(method, {})[name] = Path(path)
    return files


def _methods(
    names: Sequence[str], features_cache: Path | None, files: Mapping[str, Mapping[str, Path]]
) -> dict[str, Peer]:
    """Methods by name, in order; "all" are those that need no files, or got theirs.

    Raises SystemExit naming what is unknown or not installed.
    """
    import cv2
    import torch

    # One core each: times then do not depend on who else is on the machine's other ones.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    features = FeatureStore(ENCODER, features_cache)
    ours = [info.name for info in list_interactive()]
    ready = [info.name for info in list_interactive() if set(info.files) <= set(files.get(info.name, {}))]
    wanted = [*ready, *PEERS] if "all" in names else list(names)
    unknown = [name for name in wanted if name not in ours and name not in PEERS]
    if unknown:
        raise SystemExit(f"no method named {', '.join(unknown)}; there are: {', '.join([*ours, *PEERS])}")
    try:
        import maxflow  # noqa: F401
        import skimage  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise SystemExit(f"{error}: install what benchmarks need with pip install -e '.[bench]'") from error
    try:
        return {name: PEERS[name]() if name in PEERS else Ours(name, features, files.get(name, {})) for name in wanted}
    except SegmenterFileError as error:
        raise SystemExit(f"{error} Give it with --file METHOD.NAME=PATH.") from error


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders with images/, masks/, classes.json"
    )
    parser.add_argument("--methods", default="all", help="names with commas between them, or all")
    parser.add_argument("--file", action="append", default=[], help="METHOD.NAME=PATH, for methods built from files")
    parser.add_argument("--limit", type=int, default=0, help="pictures a set, evenly spread; 0 takes all")
    parser.add_argument("--others", type=int, default=0, help="instead, so many pictures a set that --limit leaves out")
    parser.add_argument("--json", type=Path, help="file for all figures; a chart is drawn beside it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--click-images", type=int, default=0, help="only a set's first pictures are clicked; 0: all")
    parser.add_argument("--features-cache", type=Path, help="folder to keep features in")
    parser.add_argument("--frame", choices=("none", "clicks", "all"), default="clicks", help=FRAME_HELP)
    parser.add_argument("--jitter", type=float, default=0.0, help="deviation of clicks, pixels")
    parser.add_argument("--seed", type=int, default=0, help="of the jitter and of the intervals")
    parser.add_argument("--resume", action="store_true", help="keep what the JSON file already holds")
    parser.add_argument("--redo", default="", help="with --resume: methods to measure again")
    return parser.parse_args()


FRAME_HELP = (
    "where the image's outermost 2 px, 40 px away from the object's marks, count as background, for all methods"
)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
