"""The classes.json of a data set: read from strangers, turned into classes or compared with those there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from labeling.errors import Invalid
from labeling.models import LabelClass, Project
from labeling.services import events
from labeling.services.projects import BACKGROUND_COLOR, PALETTE, clean

_BACKGROUND_NAMES = {"background", "bg"}


@dataclass(frozen=True, kw_only=True)
class WantedClass:
    """A class as the file names it; no colour means the next of ours."""

    index: int
    name: str
    color: str = ""
    is_background: bool = False


def read_classes(content: object) -> list[WantedClass]:
    """Both forms: {"classes": {"0": "name", …}} and {"classes": [{"index", "name", "color"?, "is_background"?}, …]}.

    Raises Invalid (`bad_classes`) for anything else, for doubled indexes or names, or for two backgrounds.
    """
    classes = content.get("classes") if isinstance(content, dict) else None
    if isinstance(classes, dict):
        wanted = [_named(index, name) for index, name in classes.items()]
    elif isinstance(classes, list):
        wanted = [_described(item) for item in classes]
    else:
        raise _bad('it must hold {"classes": {"0": "name", …}} or a list of classes')
    if not wanted:
        raise _bad("it names no class")
    for label, values in (("index", [w.index for w in wanted]), ("name", [w.name for w in wanted])):
        if len(set(values)) != len(values):
            raise _bad(f"a class {label} occurs twice")
    if sum(item.is_background for item in wanted) > 1:
        raise _bad("more than one class is the background")
    return sorted(wanted, key=lambda item: item.index)


def _bad(what: str) -> Invalid:
    return Invalid(f"classes.json cannot be used: {what}.", code="bad_classes")


def _named(index: object, name: object) -> WantedClass:
    return _described({"index": index, "name": name, "is_background": str(name).strip().lower() in _BACKGROUND_NAMES})


def _described(item: object) -> WantedClass:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _bad("each class needs an index and a name")
    index, color = str(item.get("index")), item.get("color", "")
    if not (index.isascii() and index.isdigit()) or len(index) > 3 or int(index) > LabelClass.MAX_INDEX:
        raise _bad(f"class indexes are whole numbers from 0 to {LabelClass.MAX_INDEX}")
    return WantedClass(
        index=int(index),
        name=item["name"].strip(),
        color=color.lower() if isinstance(color, str) else "",
        is_background=item.get("is_background") is True,
    )


@transaction.atomic
def take_classes(*, project: Project, wanted: Sequence[WantedClass], by: User) -> int:
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
