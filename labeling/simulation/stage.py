"""Set the stage: a project with one owner, the folder's classes and its pictures, brought in by the importer."""

from __future__ import annotations

import random
from dataclasses import dataclass

from django.contrib.auth.models import User

from labeling.errors import Invalid
from labeling.models import Image, ImportJob, Project, Split
from labeling.services.classes_file import take_classes
from labeling.services.imports import Choice, import_files
from labeling.services.projects import create_project, update_project
from labeling.transfer.files import Given
from labeling.transfer.splits import fixed_splits
from models_zoo import LabelledFolder


@dataclass(frozen=True)
class Stage:
    """Where a part plays: the folder, the project made from it, and the one person in it."""

    folder: LabelledFolder
    project: Project
    person: User

    def images(self, *splits: str) -> list[Image]:
        """Images of these splits by name, of all without any."""
        rows = Image.objects.filter(project=self.project).select_related("project")
        return list((rows.filter(split__in=splits) if splits else rows).order_by("name"))


def set_stage(folder: LabelledFolder, *, seed: int, strategy: str) -> Stage:
    """A fresh project. The seed deals the random order; `random` draws every place of the queue from it."""
    person = User.objects.create_user(f"annotator-{seed}")
    project = create_project(name=f"{folder.path.name}, seed {seed}", by=person)
    take_classes(project=project, wanted=folder.classes, by=person)
    options = {"acquisition": "entropy", "random_share": 1.0 if strategy == "random" else 0.1}
    project = update_project(project=project, by=person, settings=options)
    _import(folder, project, person)
    _shuffle(project, seed)
    return Stage(folder, project, person)


def _import(folder: LabelledFolder, project: Project, person: User) -> None:
    given = [Given(name=f"images/{name}", path=folder.picture(name)) for name in folder.names]
    job = ImportJob.objects.create(project=project, created_by=person)
    job.claim()
    choice = Choice(split_of=fixed_splits(folder.splits), accept_masks=False)
    import_files(job=job, given=lambda: given, report=lambda done, total: None, choice=choice)
    splits = set(Image.objects.filter(project=project).values_list("split", flat=True))
    if splits != set(Split.values):
        raise Invalid(f"{folder.path} does not fill all of {', '.join(Split.values)}; give more images or groups.")


def _shuffle(project: Project, seed: int) -> None:
    """The importer deals the random order by hash; here it is the seed's."""
    images = list(Image.objects.filter(project=project).order_by("name"))
    draw = random.Random(seed)
    for image in images:
        image.order_key = draw.random()
    Image.objects.bulk_update(images, ["order_key"])
