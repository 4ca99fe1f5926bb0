"""What the loop tells the outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class FitCallbacks(Protocol):
    """Implemented by whoever started training: shows progress, asks for a stop."""

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        """Called after every step with running means of the losses; may raise `Cancelled`."""


class SilentCallbacks:
    """Callbacks that do nothing."""

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        """Ignore."""


class RunningMeans:
    """Exponential means of named numbers, so that a curve does not jump from batch to batch."""

    def __init__(self, values: Mapping[str, float] | None = None, keep: float = 0.95) -> None:
        self.values: dict[str, float] = dict(values or {})
        self.keep = keep

    def add(self, numbers: Mapping[str, float]) -> None:
        """Blend in one step's numbers; the first of a name is taken as it is."""
        for name, number in numbers.items():
            old = self.values.get(name, number)
            self.values[name] = self.keep * old + (1 - self.keep) * number
