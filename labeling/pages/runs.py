"""Pages whose content lives: progress, training, models, exports, review, checking. They fetch from the API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from labeling.errors import NotFound
from labeling.models import Role, TrainingRun
from labeling.pages.contexts import project_page
from labeling.pages.guard import page


@page
def project_progress(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """How far, and how balanced."""
    return render(request, "runs/progress.html", {"page": project_page(request, project_id, "progress")})


@page
def project_training(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Launch (owners), the run that is going on, and past runs."""
    context = project_page(request, project_id, "training", needs=Role.REVIEWER)
    return render(request, "runs/training.html", {"page": context})


@page
def training_run(request: HttpRequest, project_id: int, run_id: int) -> HttpResponseBase:
    """One run, live."""
    context = project_page(request, project_id, "training", needs=Role.REVIEWER)
    run = TrainingRun.objects.filter(pk=run_id, project_id=project_id).first()
    if run is None:
        raise NotFound(_("There is no such training run in this project."))
    return render(request, "runs/run.html", {"page": context, "run": run})


@page
def project_models(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Versions, their figures, which one is active."""
    context = project_page(request, project_id, "models", needs=Role.REVIEWER)
    return render(request, "runs/models.html", {"page": context})


@page
def project_exports(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Data sets, asked for and ready."""
    context = project_page(request, project_id, "exports", needs=Role.OWNER)
    return render(request, "runs/exports.html", {"page": context})


@page
def project_review(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """Masks that wait for a second person."""
    context = project_page(request, project_id, "review", needs=Role.REVIEWER)
    return render(request, "runs/review.html", {"page": context})


@page
def project_check(request: HttpRequest, project_id: int) -> HttpResponseBase:
    """What a model proposes, class by class, many at once."""
    context = project_page(request, project_id, "check", needs=Role.ANNOTATOR)
    return render(request, "runs/check.html", {"page": context})
