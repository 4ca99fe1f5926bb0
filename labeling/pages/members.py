"""Page: who is in a project, and as what."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from labeling.errors import DomainError, NotFound
from labeling.models import Membership, Project, Role
from labeling.pages.contexts import project_page
from labeling.pages.forms import NewMember
from labeling.pages.guard import page, person
from labeling.services import projects


@page
def project_members(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Owners let people in, change roles and take people out."""
    context = project_page(request, project_id, "members", needs=Role.OWNER)
    project = context.project
    new = NewMember()
    if request.method == "POST":
        if request.POST.get("action") == "add":
            new = NewMember(request.POST)
            if _added(request, project, new):
                return redirect("project-members", project.pk)
        elif _change(request, project):
            return redirect("project-members", project.pk)
        else:
            return redirect("home")  # one took oneself out
    shown = {
        "page": context,
        "new": new,
        "members": project.memberships.select_related("user").order_by("user__username"),
        "role_names": Role.choices,
    }
    return render(request, "projects/members.html", shown)


def _added(request: HttpRequest, project: Project, form: NewMember) -> bool:
    if not form.is_valid():
        return False
    try:
        row = projects.add_member(project=project, by=person(request), **form.cleaned_data)
    except DomainError as error:
        form.add_error("username", error.message)
        return False
    messages.success(request, _("%(name)s is in the project now.") % {"name": row.user.get_username()})
    return True


def _change(request: HttpRequest, project: Project) -> bool:
    """Another role, or out. Returns whether the person still sees the page afterwards."""
    row = _row(project, request.POST.get("member", ""))
    name = row.user.get_username()
    is_own = row.user_id == person(request).pk and not person(request).is_staff
    try:
        if request.POST.get("action") == "remove":
            projects.remove_member(membership=row, by=person(request))
            said = _("%(name)s is no longer in %(project)s. Their marks stay.")
            messages.success(request, said % {"name": name, "project": project.name})
            return not is_own
        projects.change_role(membership=row, role=request.POST.get("role", ""), by=person(request))
        messages.success(request, _("%(name)s: now %(role)s here.") % {"name": name, "role": Role(row.role).label})
        return not is_own or row.role == Role.OWNER
    except DomainError as error:
        messages.error(request, error.message)
        return True


def _row(project: Project, text: str) -> Membership:
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    row = project.memberships.select_related("user", "project").filter(pk=text).first() if is_number else None
    if row is None:
        raise NotFound(_("There is no such member in this project."))
    return row
