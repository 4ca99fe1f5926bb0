"""The classes.json of a data set: read from strangers, turned into classes or compared with those there are."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from labeling.errors import Invalid
from labeling.models import LabelClass, Project
from labeling.services import events
from labeling.services.projects import BACKGROUND_COLOR, PALETTE, clean
from models_zoo import FolderClass, FolderError
from models_zoo import read_classes as parsed_classes


def read_classes(content: object) -> list[FolderClass]:
    """What `models_zoo.read_classes` reads; raises Invalid (`bad_classes`) for what it refuses."""
    try:
        return parsed_classes(content)
    except FolderError as error:
        raise Invalid(str(error), code="bad_classes") from error


@transaction.atomic
def take_classes(*, project: Project, wanted: Sequence[FolderClass], by: User) -> int:
    """Create them if the project has no class, and return how many; 0 if it has them all already.

    Raises Invalid (`class_mismatch`) if an index means something else in the project: masks that speak of
    other classes must not come in under the wrong names.
    """
    present = {row.index: row.name for row in project.classes.all()}
    if present:
        for item in wanted:
            if present.get(item.index, "").casefold() != item.name.casefold():
                raise Invalid(
                    f"class {item.index} is {item.name!r} in classes.json, but {present.get(item.index)!r} here.",
                    code="class_mismatch",
                )
        return 0
    for item in wanted:
        row = LabelClass(
            project=project,
            index=item.index,
            name=item.name,
            color=item.color or (BACKGROUND_COLOR if item.is_background else PALETTE[item.index % len(PALETTE)]),
            order=item.index,
            is_background=item.is_background,
        )
        clean(row)
        row.save()
        events.record(project=project, verb="class.changed", subject=row, actor=by, data={"class_id": row.pk})
    return len(wanted)
