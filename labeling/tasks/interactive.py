"""Interactive tasks: what a person at the screen waits for. Short, on a queue and a worker of their own."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import shared_task
from celery.signals import worker_process_init

from labeling.errors import Cancelled, PermanentError
from labeling.models import Annotation, Image, LabelClass, ProposalRun
from labeling.selectors.annotations import zoo_marks
from labeling.services.proposals import store_answer
from labeling.tasks import lifecycle

logger = logging.getLogger(__name__)


@shared_task(name="interactive.propose")
def propose(run_id: int) -> None:
    """Answer one request: marks in, mask out, stored if the marks are still the same."""
    run = ProposalRun.objects.filter(pk=run_id).first()
    if run is not None:
        lifecycle.run(run, lambda _progress: _answer(run))


def _answer(run: ProposalRun) -> None:
    from labeling.ml.segmenters import segmenters

    assert run.annotation_id is not None  # a check constraint says so for this scope
    marks = zoo_marks(run.annotation_id)
    # Read after the marks: if it is still the revision asked for, these are its marks.
    annotation = Annotation.objects.select_related("image__project").get(pk=run.annotation_id)
    if annotation.revision != run.source_revision:
        raise Cancelled("the marks were changed meanwhile; a newer request answers them")
    image = annotation.image
    run.annotation, run.image, run.project = annotation, image, image.project
    answer = segmenters.answer(image=image, method=run.method, classes=_classes(image), marks=marks)
    store_answer(run=run, answer=answer)


@shared_task(name="interactive.prepare")
def prepare(image_id: int) -> None:
    """Set an image that somebody just opened, encoding it first if it has no features. Harmless to repeat."""
    from labeling.ml.segmenters import segmenters

    image = Image.objects.select_related("project").filter(pk=image_id).first()
    if image is None:
        return
    try:
        segmenters.prepare(image=image, method=image.project.options.interactive_method, classes=_classes(image))
    except (PermanentError, Image.DoesNotExist) as error:
        logger.warning("image %s could not be prepared: %s", image_id, error)


def _classes(image: Image) -> list[LabelClass]:
    """The classes a proposal may hold: those in use."""
    return list(LabelClass.objects.filter(project_id=image.project_id, is_retired=False))


@worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Load torch and the encoder before the first person waits for them, where the worker is there for that."""
    if os.environ.get("BURNISH_WARM") == "interactive":
        from labeling.ml.segmenters import warm_up as load

        load()
        logger.info("the interactive worker is warm")
