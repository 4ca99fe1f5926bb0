"""Pages: the list of projects, a new one, and one's settings."""

from __future__ import annotations

from collections import defaultdict

from django.contrib import messages
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from labeling.errors import DomainError
from labeling.models import Image, Project, Role
from labeling.pages.contexts import project_page
from labeling.pages.forms import NewProject, ProjectRules, ProjectText
from labeling.pages.guard import page, person
from labeling.selectors.interactive import usable_methods
from labeling.selectors.projects import listed_projects
from labeling.services import projects

PICTURES = 4  # on a project's card


@page
def home(request: HttpRequest) -> HttpResponseBase:
    """The address without a path leads to the projects."""
    return redirect("project-list")


def _pictures(shown: list[Project]) -> dict[int, list[int]]:
    """Ids of a few images of each project, in one query."""
    place = Window(RowNumber(), partition_by=F("project_id"), order_by=F("order_key").asc())
    rows = Image.objects.filter(project__in=shown).annotate(place=place).filter(place__lte=PICTURES)
    found: dict[int, list[int]] = defaultdict(list)
    for project_id, image_id in rows.order_by().values_list("project_id", "pk"):
        found[project_id].append(image_id)
    return found


@page
def project_list(request: HttpRequest) -> HttpResponseBase:
    """What the person is in; archived ones on demand."""
    is_archived = request.GET.get("archived") == "1"
    everything = listed_projects(person(request))
    shown = list(everything.filter(is_archived=is_archived))
    pictures = _pictures(shown)
    context = {
        "cards": [(project, pictures.get(project.pk, [])) for project in shown],
        "is_archived": is_archived,
        "has_archived": is_archived or everything.filter(is_archived=True).exists(),
    }
    return render(request, "projects/list.html", context)


@page
def project_new(request: HttpRequest) -> HttpResponseBase:
    """Anybody with an account may start a project and owns it then."""
    form = NewProject(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = projects.create_project(by=person(request), **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The project is there. Next: say which classes people tell apart."))
            return redirect("project-classes", project.pk)
    return render(request, "projects/new.html", {"form": form})


@page
def project_settings(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Name, description, rules, archive."""
    context = project_page(request, project_id, "settings", needs=Role.OWNER)
    project = context.project
    text = ProjectText(initial={"name": project.name, "description": project.description})
    rules = ProjectRules.of(project)
    usable = {info.name for info in usable_methods(project)} | {project.options.interactive_method}
    rules.offer_only(usable)
    if request.method == "POST":
        action = request.POST.get("action")
        if action in {"archive", "restore"}:
            return _archive(request, project, is_archived=action == "archive")
        if action == "rules":
            rules = ProjectRules(request.POST)
            rules.offer_only(usable)
        else:
            text = ProjectText(request.POST)
        if _saved(request, project, rules if action == "rules" else text):
            return redirect("project-settings", project.pk)
    return render(request, "projects/settings.html", {"page": context, "text": text, "rules": rules})


def _saved(request: HttpRequest, project: Project, form: ProjectRules | ProjectText) -> bool:
    """Hand the form to the service; a refusal becomes the form's error."""
    if not form.is_valid():
        return False
    values = {"settings": form.cleaned_data} if isinstance(form, ProjectRules) else form.cleaned_data
    try:
        projects.update_project(project=project, by=person(request), **values)
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    messages.success(request, _("Saved."))
    return True


def _archive(request: HttpRequest, project: Project, *, is_archived: bool) -> HttpResponseBase:
    projects.update_project(project=project, by=person(request), is_archived=is_archived)
    archived, back = _("%(name)s is archived: everybody can still look, nobody can change it."), _("%(name)s is back.")
    messages.success(request, (archived if is_archived else back) % {"name": project.name})
    return redirect("project-settings", project.pk)
