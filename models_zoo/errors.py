"""Exceptions that callers of training handle; torch-free, so the web side can name them."""

from __future__ import annotations


class TrainingError(Exception):
    """Training cannot go on for a reason a person can mend; the message says how."""


class Cancelled(Exception):
    """Raised by a progress callback to stop training; a checkpoint is written first."""
