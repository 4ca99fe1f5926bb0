"""Page: the classes of a project."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from labeling import access
from labeling.errors import DomainError, Forbidden, NotFound
from labeling.models import LabelClass, Project
from labeling.pages.contexts import project_page
from labeling.pages.forms import ClassFields
from labeling.pages.guard import page, person
from labeling.services import projects


@page
def project_classes(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Everybody in the project sees the classes; owners add, change, order and retire them."""
    context = project_page(request, project_id, "classes")
    project = context.project
    new = ClassFields()
    if request.method == "POST":
        if not context.can_manage:
            raise Forbidden(_("Only an owner changes the classes."))
        access.project_change(person(request), project_id)
        if request.POST.get("action") == "add":
            new = ClassFields(request.POST)
            if _added(request, project, new):
                return redirect("project-classes", project.pk)
        else:
            _change(request, project)
            return redirect("project-classes", project.pk)
    rows = list(project.classes.all())
    shown = {
        "page": context,
        "new": new,
        "active": [row for row in rows if not row.is_retired],
        "retired": [row for row in rows if row.is_retired],
        "next_color": _next_color(rows),
        "has_background": any(row.is_background for row in rows),
    }
    return render(request, "projects/classes.html", shown)


def _next_color(rows: list[LabelClass]) -> str:
    """A colour of the palette that no class has yet."""
    taken = {row.color for row in rows}
    return next((color for color in projects.PALETTE if color not in taken), projects.PALETTE[0])


def _added(request: HttpRequest, project: Project, form: ClassFields) -> bool:
    if not form.is_valid():
        return False
    try:
        values = form.cleaned_data
        color = values["color"].lower()
        is_untouched = color == _next_color(list(project.classes.all()))
        row = projects.add_class(
            project=project,
            name=values["name"],
            # A background whose colour nobody chose gets the service's grey instead of the next bright one.
            color="" if values["is_background"] and is_untouched else color,
            is_background=values["is_background"],
            by=person(request),
        )
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, _("%(name)s was added.") % {"name": row.name})
    return True


def _change(request: HttpRequest, project: Project) -> None:
    """One action on one class; a refusal becomes a message, because each row is a form of its own."""
    row = project.classes.filter(pk=_number(request.POST.get("class"))).first()
    if row is None:
        raise NotFound(_("There is no such class in this project."))
    action = request.POST.get("action")
    try:
        if action in {"up", "down"}:
            _move(request, project, row, step=-1 if action == "up" else 1)
        elif action in {"retire", "restore"}:
            projects.update_class(label_class=row, by=person(request), is_retired=action == "retire")
        else:
            _save(request, row)
    except DomainError as error:
        messages.error(request, error.message)


def _save(request: HttpRequest, row: LabelClass) -> None:
    form = ClassFields(request.POST)
    if not form.is_valid():
        field, texts = next(iter(form.errors.items()))
        messages.error(request, f"{row.name}: {field}: {texts[0]}")
        return
    values = form.cleaned_data
    projects.update_class(
        label_class=row,
        by=person(request),
        name=values["name"],
        color=values["color"] or row.color,
        is_background=values["is_background"],
    )
    messages.success(request, _("%(name)s was saved.") % {"name": row.name})


@transaction.atomic
def _move(request: HttpRequest, project: Project, row: LabelClass, *, step: int) -> None:
    """Swap with the neighbour above or below; numbers the others too, in case two had the same place."""
    rows = [*project.classes.filter(is_retired=False)]
    place = rows.index(row)
    target = min(max(place + step, 0), len(rows) - 1)
    rows.insert(target, rows.pop(place))
    for order, other in enumerate(rows):
        if other.order != order:
            projects.update_class(label_class=other, by=person(request), order=order)


def _number(text: str | None) -> int:
    """A primary key from a form, 0 (which no row has) for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
