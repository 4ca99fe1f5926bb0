"""Remove stored files that nothing refers to any more."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand

from labeling.services.garbage import collect_garbage


class Command(BaseCommand):
    help = "Remove stored files that no row names, masks of old superseded proposals, and uploads that were given up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--grace-hours",
            type=float,
            default=settings.GARBAGE_GRACE_H,
            help="leave alone what is younger (default: GARBAGE_GRACE_H)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many files would go")

    def handle(self, *_args: str, grace_hours: float, dry_run: bool, **_options: object) -> None:
        """Collect and say how much."""
        collected = collect_garbage(grace=timedelta(hours=max(0.0, grace_hours)), only_count=dry_run)
        verb = "would be removed" if dry_run else "removed"
        self.stdout.write(
            f"{collected.num_blobs} files ({collected.num_bytes / 2**20:.1f} MiB) {verb}, "
            f"{collected.num_masks} superseded masks, {collected.num_uploads} uploads."
        )
