"""Fill an empty database with the demo."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from labeling.demo.seeding import DemoError, demo_accounts, seed_demo
from labeling.errors import DomainError
from labeling.settings.env import env_str


class Command(BaseCommand):
    help = (
        "Seed the demo: projects of real pictures that ship inside scikit-image and scikit-learn, people, a few marks. "
        "DEMO_DATA=folder (or --data) takes any folder of images instead; its masks/ are only ground truth and are "
        "not imported. A second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--data", default="", help="folder of images to use (default: the variable DEMO_DATA)")

    def handle(self, *_args: str, data: str, **_options: object) -> None:
        """Seed, then print the accounts."""
        folder = data or env_str("DEMO_DATA")
        try:
            seed_demo(folder=Path(folder) if folder else None, say=self.stdout.write)
        except (DemoError, DomainError) as error:
            raise CommandError(str(error)) from error
        for account in demo_accounts():
            self.stdout.write(f"{account['role']}: {account['username']} / {account['password']}")
