"""Celery tasks: fetch, claim, call, record. Importing this package registers all of them."""

from labeling.tasks import encoding, housekeeping, interactive, proposing, tiling, training, transfer

__all__ = ["encoding", "housekeeping", "interactive", "proposing", "tiling", "training", "transfer"]
