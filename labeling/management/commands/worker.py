"""Run one worker, for systemd or a container. `manage.py start` runs one for each queue."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from labeling.celery import app
from labeling.jobs import QUEUES


class Command(BaseCommand):
    """Take jobs from the named queues, one at a time."""

    requires_system_checks = []
    help = f"Run a background worker for one or more of the queues {', '.join(QUEUES)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--queues", required=True, help=f"comma-separated: {', '.join(QUEUES)}")
        parser.add_argument("--concurrency", type=int, default=1, help="jobs at a time (default 1)")
        parser.add_argument("--name", default="", help="name of this worker (default: queues@host)")
        parser.add_argument(
            "--beat",
            action="store_true",
            help="also send the periodic jobs; exactly one worker of an installation does",
        )

    def handle(self, *_args: str, queues: str, concurrency: int, name: str, beat: bool, **_options: object) -> None:
        """Work until SIGTERM; a job in hand is finished first."""
        unknown = set(queues.split(",")) - set(QUEUES)
        if unknown:
            raise CommandError(f"There is no queue {', '.join(sorted(unknown))}; choose from {', '.join(QUEUES)}.")
        if "interactive" in queues.split(","):
            # Read by labeling.tasks.interactive in the child that will answer people: load torch before they ask.
            os.environ.setdefault("BURNISH_WARM", "interactive")
        arguments = ["worker", "--pool", "prefork", "--concurrency", str(concurrency)]
        arguments += ["--queues", queues, "--hostname", f"{name or queues.replace(',', '-')}@%h", "--loglevel", "INFO"]
        arguments += ["--without-gossip", "--without-mingle"]
        if beat:
            schedule = Path(settings.CELERY_BEAT_SCHEDULE_FILENAME)
            schedule.parent.mkdir(parents=True, exist_ok=True)
            arguments += ["--beat", "--schedule", str(schedule)]
        app.worker_main(arguments)
