"""Page: what people should know before they mark."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from labeling.errors import DomainError, Forbidden
from labeling.pages.contexts import ProjectPage, project_page
from labeling.pages.forms import Guidelines
from labeling.pages.guard import page, person
from labeling.services import projects
from labeling.text import markdown_html


@page
def project_guidelines(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Read for everybody in the project; owners edit with a preview."""
    context = project_page(request, project_id, "guidelines")
    is_editing = request.method == "POST" or request.GET.get("edit") == "1"
    if is_editing and not context.can_manage:
        raise Forbidden(_("Only an owner writes the guidelines."))
    if not is_editing:
        return _shown(request, context, None, context.project.guidelines)
    form = Guidelines(request.POST if request.method == "POST" else {"guidelines": context.project.guidelines})
    if request.method == "POST" and form.is_valid() and request.POST.get("action") == "save":
        try:
            projects.update_project(project=context.project, by=person(request), **form.cleaned_data)
        except DomainError as error:
            form.add_error("guidelines", error.message)
        else:
            messages.success(request, _("The guidelines were saved."))
            return redirect("project-guidelines", context.project.pk)
    return _shown(request, context, form, str(form["guidelines"].value() or ""))


def _shown(request: HttpRequest, context: ProjectPage, form: Guidelines | None, text: str) -> HttpResponseBase:
    html = mark_safe(markdown_html(text))  # sanitised there, nowhere else
    return render(request, "projects/guidelines.html", {"page": context, "form": form, "html": html})
