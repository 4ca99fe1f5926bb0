"""Import a folder of this machine into a project."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Iterator
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from labeling.models import ImportJob, JobStatus, Membership, Project, Role
from labeling.services import imports
from labeling.services.imports import Choice
from labeling.tasks import lifecycle
from labeling.transfer.files import Given, files_in_folder

_SHOWN = 50  # refused files named on the screen; the import's report on the page has all


class Command(BaseCommand):
    help = (
        "Import all pictures below FOLDER into PROJECT. Index PNGs in masks/ come along as accepted masks, and "
        "classes.json gives a project without classes its classes. Zips are opened. Run it again after an "
        "interruption: what is already in is recognised."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("project", help="id or slug of the project")
        parser.add_argument("folder", type=Path)
        parser.add_argument("--user", default="", help="whose name the import bears (default: the first owner)")
        parser.add_argument(
            "--masks-accept",
            action=BooleanOptionalAction,
            default=True,
            help="accept the masks that come along (default), or only keep them in the images' history",
        )

    def handle(
        self, *_args: str, project: str, folder: Path, user: str, masks_accept: bool, **_options: object
    ) -> None:
        """Import in this process and print the report."""
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        found = find_project(project)
        job = ImportJob.objects.create(project=found, created_by=find_importer(found, user))

        def given() -> Iterator[Given]:
            return files_in_folder(folder)

        choice = Choice(accept_masks=masks_accept)
        lifecycle.run(
            job,
            lambda progress: imports.import_files(job=job, given=given, report=progress.update, choice=choice),
        )
        self._tell(job)

    def _tell(self, job: ImportJob) -> None:
        job.refresh_from_db()
        for item in job.items.filter(outcome="rejected")[:_SHOWN]:
            self.stdout.write(f"not imported: {item.name}: {item.message}")
        counts = imports.item_counts(job)
        self.stdout.write(", ".join(f"{number} {outcome}" for outcome, number in counts.items()) + ".")
        if job.status != JobStatus.SUCCEEDED:
            raise CommandError(job.error or f"The import is {job.status}.")


def find_project(text: str) -> Project:
    """The project of that slug or id. Raises CommandError."""
    found = Project.objects.filter(slug=text).first()
    if found is None and text.isascii() and text.isdigit():
        found = Project.objects.filter(pk=int(text)).first()
    if found is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
        raise CommandError(f"There is no project {text!r}; known are: {known}.")
    return found


def find_importer(project: Project, username: str) -> User:
    """The named user, else the project's first owner. Raises CommandError."""
    if username:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        return user
    owner = Membership.objects.select_related("user").filter(project=project, role=Role.OWNER).first()
    if owner is None:
        raise CommandError("The project has no owner; name a user with --user.")
    return owner.user
