"""Run a training run's method on its snapshot, with progress, cancel and errors a person can act on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from django.conf import settings

from labeling import errors
from labeling.ml import snapshot, weights
from labeling.models import ModelVersion
from models_zoo import (
    Cancelled,
    ConfigError,
    LabelMapError,
    SnapshotError,
    TrainingError,
    UnknownMethod,
    get_method,
    parse_config,
)
from models_zoo.detection.measuring import validate_boxes
from models_zoo.engine import fit, load_predictor, validate
from models_zoo.interactive.click_net.measuring import validate_clicks
from models_zoo.methods.mask_polisher.fitting import train_polisher

MIN_PAUSE_S = 0.5  # between two looks at the row
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class Watch(Protocol):
    """Who is told how far training is; every call may raise `labeling.errors.Cancelled`."""

    def step(self, done: int, total: int, metrics: dict[str, float]) -> None:
        """After every training step, with running means of the losses."""

    def check(self) -> None:
        """Between the parts of longer work."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to train: registry name, settings as JSON, the frozen snapshot's blob, the seed, the version in use."""

    method: str
    config: dict[str, Any]
    snapshot: str
    seed: int
    active: ModelVersion | None = None


@dataclass(frozen=True)
class Trained:
    """The weights folder, the numbers (last training losses and `validation`), and the data they come from."""

    weights_dir: Path
    metrics: dict[str, Any]
    snapshot_dir: Path


def train(order: Order, folder: Path, watch: Watch) -> Trained:
    """Train in `folder`, going on from the checkpoint of an earlier attempt, and validate.

    Raises PermanentError (a sentence that says what to change), TransientError (storage), Cancelled.
    """
    with as_job_errors():
        data = snapshot.materialise(order.snapshot, folder / "snapshot", check=watch.check)
        if get_method(order.method).polishes:
            return _train_polisher(order, data, folder / "work", watch)
        result = fit(
            method=order.method,
            config=parse_config(get_method(order.method), order.config),
            snapshot_dir=data,
            work_dir=folder / "work",
            seed=order.seed,
            device=settings.DEVICE,
            callbacks=_Callbacks(watch),
            checkpoint_every_s=settings.CHECKPOINT_EVERY_S,
        )
        watch.check()
        validation = _validated(order.method, result.weights_dir, data, watch)
    return Trained(result.weights_dir, {"training": result.metrics, "validation": validation}, data)


def _train_polisher(order: Order, data: Path, work_dir: Path, watch: Watch) -> Trained:
    """Teach a polisher the mistakes of the version in use."""
    if order.active is None:
        raise TrainingError(
            "a mask polisher learns from the mistakes of the model in use, and there is none: train a model that makes "
            "proposals first"
        )
    made = train_polisher(
        model=weights.fetch(order.active),
        config=parse_config(get_method(order.method), order.config),
        snapshot_dir=data,
        work_dir=work_dir,
        seed=order.seed,
        callbacks=_Callbacks(watch),
        device=settings.DEVICE,
        check=watch.check,
    )
    metrics: dict[str, Any] = {"training": made.fitted.metrics, "validation": dict(made.validation)}
    if made.gain is not None:
        metrics["polishing"] = dict(made.gain)
    return Trained(made.fitted.weights_dir, metrics, data)


def _validated(method: str, weights_dir: Path, data: Path, watch: Watch) -> dict[str, Any]:
    """What the val split says: of a method that answers marks how well it answers them, of a detector its boxes."""
    info = get_method(method)
    if info.detects:
        return dict(validate_boxes(weights_dir, data, device=settings.DEVICE, check=watch.check))
    if info.interactive:
        return dict(validate_clicks(weights_dir, data, check=watch.check))
    return dict(validate(load_predictor(weights_dir, device=settings.DEVICE), data, check=watch.check))


def measure(version: ModelVersion, snapshot_dir: Path, watch: Watch) -> dict[str, Any]:
    """An existing version's validation on a newer snapshot: two versions compare only on the same images."""
    with as_job_errors():
        predictor = load_predictor(weights.fetch(version), device=settings.DEVICE)
        return dict(validate(predictor, snapshot_dir, check=watch.check))


class _Callbacks:
    """Passes steps on, at most a few a second, and turns the row's cancel into the zoo's."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._told_at = 0.0

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self._told_at < MIN_PAUSE_S and done < total:
            return
        self._told_at = now
        try:
            self._watch.step(done, total, metrics)
        except errors.Cancelled as error:
            raise Cancelled(str(error)) from error


@contextmanager
def as_job_errors() -> Iterator[None]:
    """Turn what torch, the zoo and storage raise into what a job understands."""
    try:
        yield
    except Cancelled as error:
        raise errors.Cancelled(str(error)) from error
    except (TrainingError, SnapshotError, LabelMapError) as error:
        raise errors.PermanentError(_sentence(str(error))) from error
    except (ConfigError, UnknownMethod) as error:
        text = f"These settings no longer fit the method ({error}). Start a new run."
        raise errors.PermanentError(text) from error
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _out_of_memory() from error
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise _out_of_memory() from error
        raise
    except OSError as error:
        raise errors.TransientError(f"files could not be read or written ({error})") from error


def _out_of_memory() -> errors.PermanentError:
    return errors.PermanentError(
        "The machine ran out of memory. Start again with a smaller image size or fewer images a step."
    )


def _sentence(text: str) -> str:
    """A capital letter first and a full stop last."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
