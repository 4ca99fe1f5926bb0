"""Write a model version's weights to a folder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from labeling import storage
from labeling.models import ModelVersion


class Command(BaseCommand):
    help = "Write a model version's weights to a folder, where `python -m models_zoo predict` can use them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what to write and where."""
        parser.add_argument("project", type=int, help="the project's number, as in its address")
        parser.add_argument("version", type=int, help="the version's number, as on the models page")
        parser.add_argument("folder", type=Path, help="where to write; files of an earlier time are replaced")

    def handle(self, *_args: str, project: int, version: int, folder: Path, **_options: object) -> None:
        """Copy both files and say which method they are of."""
        found = ModelVersion.objects.filter(project=project, number=version).select_related("run").first()
        if found is None:
            numbers = ModelVersion.objects.filter(project=project).order_by("number").values_list("number", flat=True)
            known = ", ".join(str(number) for number in numbers) or "none"
            raise CommandError(f"Project {project} has no model version {version}; it has: {known}.")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for name, blob in (("weights.safetensors", found.weights), ("manifest.json", found.manifest)):
                storage.copy_to(blob, folder / name)
        except FileNotFoundError as error:
            raise CommandError(f"The files of version {version} are no longer in storage. Train again.") from error
        self.stdout.write(f"{folder}: version {version}, {found.run.method}")
