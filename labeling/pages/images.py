"""Pages: the grid of images, one image's history, import, annotate."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from labeling import access
from labeling.errors import NotFound
from labeling.models import Role
from labeling.pages.contexts import project_page
from labeling.pages.guard import page, person


@page
def project_images(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """The project's home: every image with its state."""
    context = project_page(request, project_id, "images")
    return render(request, "images/grid.html", {"page": context, "has_classes": context.project.classes.exists()})


@page
def project_import(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Many files, folders or a zip, resumable."""
    return render(
        request, "images/import.html", {"page": project_page(request, project_id, "import", needs=Role.OWNER)}
    )


@page
def image_history(request: HttpRequest, project_id: int, image_id: int) -> HttpResponseBase:
    """What happened to one image, and the masks it had."""
    context = project_page(request, project_id, "images")
    image = access.image_read(person(request), image_id)
    if image.project_id != project_id:
        raise NotFound(_("There is no such image in this project."))
    return render(request, "images/history.html", {"page": context, "image": image})


@page
def project_annotate(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """The editor, which asks the queue for an image."""
    access.project_annotate(person(request), project_id)
    context = project_page(request, project_id, "annotate")
    return render(request, "images/annotate.html", {"page": context, "image_id": None})


@page
def image_annotate(request: HttpRequest, project_id: int, image_id: int) -> HttpResponseBase:
    """The editor on one image."""
    image = access.image_annotate(person(request), image_id)
    if image.project_id != project_id:
        raise NotFound(_("There is no such image in this project."))
    context = project_page(request, project_id, "annotate")
    return render(request, "images/annotate.html", {"page": context, "image_id": image.pk})
