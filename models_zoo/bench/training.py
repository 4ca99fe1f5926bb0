"""One piece in a process of its own: train on the snapshot, measure on the part, write one JSON file.

Started by `running` as `python -m models_zoo.bench.training`; the order comes on standard input. A process of its own
makes the peak of memory the piece's, and keeps a crash from taking the others along.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models_zoo.bench.plan import Piece
from models_zoo.bench.snapshots import images_of, write_snapshot
from models_zoo.data.dataset import load_rgb
from models_zoo.engine import FitResult, Predictor, fit, load_predictor
from models_zoo.errors import Cancelled, TrainingError
from models_zoo.info import ConfigError, parse_config
from models_zoo.labelled_folder import FolderError, LabelledFolder
from models_zoo.metrics import segmentation_iou
from models_zoo.polish import polish
from models_zoo.registry import get_method

DONE, FAILED, TIME_IS_UP = 0, 1, 3
"""Exit statuses; a piece whose time is up goes on from its checkpoint in the next call."""
_NOTE_EVERY_S = 5.0
_CHUNK = 8
_MIB = 1024 * 1024

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process is told: the piece, its folder for work and results, and how long it may train."""

    piece: Piece
    work: Path
    seconds: float


class Stopwatch:
    """Counts the seconds of training over interruptions, and stops it when its time is up."""

    def __init__(self, path: Path, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`path` remembers what earlier attempts took; `seconds` is how long this one may take."""
        self._path, self._seconds, self._clock = path, seconds, clock
        self._before = float(path.read_text()) if path.exists() else 0.0
        self._started = self._noted = clock()

    @property
    def total(self) -> float:
        """Seconds of all attempts."""
        return self._before + self._clock() - self._started

    def note(self) -> None:
        """Remember the total."""
        self._path.write_text(repr(self.total))
        self._noted = self._clock()

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        """Called by the loop after every step. Raises Cancelled when the time is up and something is left to do.

        A call always makes a step: however little time it has, it gets further.
        """
        if self._clock() - self._noted >= _NOTE_EVERY_S:
            self.note()
        if 0 < done < total and self._clock() - self._started >= self._seconds:
            self.note()
            raise Cancelled("the time for this call is up")


def run_piece(order: Order) -> Json | None:
    """Train and measure; the result, which is also in `result.json`, or None when the time is up."""
    piece, work = order.piece, order.work
    folder = LabelledFolder.open(Path(piece.data))
    work.mkdir(parents=True, exist_ok=True)
    annotator_s = write_snapshot(piece, folder, work / "snapshot")
    watch = Stopwatch(work / "seconds", order.seconds)
    try:
        fitted = _fit(piece, work, watch)
    except Cancelled:
        return None
    watch.note()
    result = {
        "seed": piece.seed,
        "steps": fitted.steps,
        "train_s": watch.total,
        "peak_mb": _peak_mb(piece.device),
        "annotator_s": annotator_s,
        **measure(load_predictor(fitted.weights_dir, piece.device), piece, folder),
    }
    _write(work / "result.json", result)
    for scratch in ("snapshot", "run"):
        shutil.rmtree(work / scratch, ignore_errors=True)
    return result


def measure(predictor: Predictor, piece: Piece, folder: LabelledFolder) -> Json:
    """Mean IoU of polished predictions, given no marks, over the piece's part: {"miou", "per_class", "n"}."""
    names = images_of(piece, folder, piece.part)
    pairs = []
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        images = [load_rgb(folder.picture(name)) for name in chunk]
        for name, rgb, prediction in zip(chunk, images, predictor.predict_batch(images), strict=True):
            polished = polish(prediction, rgb, refiner=predictor.refiner)
            pairs.append((folder.truth(name), polished.label_map))
    return dict(segmentation_iou(pairs, predictor.class_indices))


def main() -> int:
    """Carry out the order on standard input; the exit status says how it ended, standard error why it failed."""
    values = json.loads(sys.stdin.read())
    order = Order(piece=Piece(**values["piece"]), work=Path(values["work"]), seconds=float(values["seconds"]))
    try:
        return TIME_IS_UP if run_piece(order) is None else DONE
    except (TrainingError, ConfigError, FolderError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED


def _fit(piece: Piece, work: Path, watch: Stopwatch) -> FitResult:
    return fit(
        method=piece.method,
        config=parse_config(get_method(piece.method), piece.settings),
        snapshot_dir=work / "snapshot",
        work_dir=work / "run",
        seed=piece.seed,
        callbacks=watch,
        device=piece.device,
    )


def _peak_mb(device: str) -> float:
    """MiB: of the device's memory on a GPU, else of this process, libraries included."""
    if device.startswith("cuda"):
        return float(torch.cuda.max_memory_allocated() / _MIB)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / _MIB if sys.platform == "darwin" else peak / 1024)


def _write(path: Path, result: Json) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(result, indent=1) + "\n")
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
