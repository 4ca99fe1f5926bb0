"""Ask for proposals from a person's marks, and store what comes of it. Deciding them is in `decisions`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling import storage
from labeling.errors import Cancelled, Invalid, StaleRevision, StaleState
from labeling.models import ACTIVE, Annotation, Image, JobStatus, Mask, Proposal, ProposalRun
from labeling.selectors.interactive import what_is_missing
from labeling.services import events, runs
from labeling.services.masks import counts
from models_zoo import encode_png, list_interactive


@dataclass(frozen=True)
class Answer:
    """What an interactive method gave: label map uint8 (H, W) at image size, mean uncertainty 0 to 1."""

    label_map: npt.NDArray[np.uint8]
    uncertainty: float


@transaction.atomic
def request_proposal(*, annotation: Annotation, image: Image, method: str, by: User) -> ProposalRun:
    """Ask the interactive worker for a mask from the marks as they are now.

    Older requests for the same annotation that still wait are cancelled; asking twice for the same
    revision is one run. Raises Invalid (`unknown_method`, `method_not_ready`), and StaleState for a decided image.
    """
    known = [info.name for info in list_interactive()]
    if method not in known:
        raise Invalid(
            _("There is no interactive method of that name; use %(known)s.") % {"known": " or ".join(known)},
            code="unknown_method",
        )
    missing = what_is_missing(image.project, method)
    if missing:
        raise Invalid(missing, code="method_not_ready")
    if image.accepted_mask_id is not None or image.skip_reason:
        raise StaleState(_("This image is already decided; reopen it to get proposals again."))
    mine = ProposalRun.objects.filter(annotation=annotation)
    same = mine.filter(source_revision=annotation.revision, method=method, status__in=ACTIVE).first()
    if same is not None:
        return same
    cancel_waiting(mine)
    run = ProposalRun.objects.create(
        project=image.project,
        scope=ProposalRun.Scope.IMAGE,
        image=image,
        annotation=annotation,
        source_revision=annotation.revision,
        method=method,
        created_by=by,
    )
    runs.queue(run)
    return run


def request_for_revision(*, image: Image, by: User, method: str, revision: int) -> ProposalRun:
    """As `request_proposal`, for the person's own annotation, which must still be at `revision`."""
    annotation = Annotation.objects.filter(image=image, author=by).first()
    stored = annotation.revision if annotation is not None else 0
    if annotation is None or stored != revision:
        raise StaleRevision(
            _("Your marks are at revision %(stored)s, not %(revision)s; fetch them and ask again.")
            % {"stored": stored, "revision": revision}
        )
    if not annotation.marks.exists():
        raise Invalid(_("There are no marks to make a proposal from; mark something first."), code="no_marks")
    return request_proposal(annotation=annotation, image=image, method=method, by=by)


def store_answer(*, run: ProposalRun, answer: Answer) -> Proposal:
    """Keep an interactive method's mask as the one pending proposal of its annotation; the run succeeds.

    Raises Cancelled if the marks moved on, or the image was decided, while the method was busy: the mask
    would answer a question nobody asks any more.
    """
    blob = storage.put("masks", encode_png(answer.label_map), suffix="png")  # outside: disks are slower than rows
    with transaction.atomic():
        return _insert(run, blob, answer)


def _insert(run: ProposalRun, blob: storage.Blob, answer: Answer) -> Proposal:
    annotation, image = run.annotation, run.image
    assert annotation is not None and image is not None and run.source_revision is not None
    _hold_still(annotation, image, revision=run.source_revision)
    aside = supersede_interactive(annotation=annotation)
    mask = Mask.objects.create(
        image=image,
        blob=blob.name,
        sha256=blob.sha256,
        origin=Mask.Origin.INTERACTIVE,
        created_by_id=annotation.author_id,
        method=run.method,
        marks_revision=run.source_revision,
        pixel_counts=counts(answer.label_map),
    )
    proposal = Proposal.objects.create(
        image=image,
        mask=mask,
        run=run,
        source=Proposal.Source.INTERACTIVE,
        annotation=annotation,
        source_revision=run.source_revision,
        method=run.method,
        uncertainty=answer.uncertainty,
    )
    runs.succeed(run, done=1, total=1)
    tell_superseded(image=image, ids=aside)
    tell_ready(proposal)
    return proposal


def _hold_still(annotation: Annotation, image: Image, *, revision: int) -> None:
    """Lock image and annotation, in the order every decision takes them, by updates that change nothing."""
    workable = Image.objects.filter(pk=image.pk, accepted_mask=None, skip_reason="")
    if not workable.update(order_key=F("order_key")):
        raise Cancelled("the image was decided meanwhile")
    if not Annotation.objects.filter(pk=annotation.pk, revision=revision).update(revision=F("revision")):
        raise Cancelled("the marks were changed meanwhile; a newer request answers them")


def tell_ready(proposal: Proposal) -> None:
    """Tell open pages of a new proposal; inside the transaction that stores it."""
    events.record(
        project=proposal.image.project,
        verb="proposal.ready",
        subject=proposal,
        image=proposal.image,
        data={
            "image": proposal.image_id,
            "proposal": proposal.pk,
            "mask_sha256": proposal.mask.sha256,
            "source": proposal.source,
            "source_revision": proposal.source_revision,
            "run": proposal.run_id,
        },
    )


def supersede_interactive(*, annotation: Annotation) -> list[int]:
    """Put aside the annotation's pending proposal; return the ids that moved."""
    return supersede(Proposal.objects.filter(annotation=annotation, source=Proposal.Source.INTERACTIVE))


def supersede(proposals: QuerySet[Proposal]) -> list[int]:
    """pending -> superseded; return the ids that moved, for `tell_superseded` once all rows are written."""
    ids = sorted(proposals.filter(status=Proposal.Status.PENDING).values_list("pk", flat=True))
    if ids:
        rows = Proposal.objects.filter(pk__in=ids, status=Proposal.Status.PENDING)
        rows.update(status=Proposal.Status.SUPERSEDED)
    return ids


def tell_superseded(*, image: Image, ids: list[int]) -> None:
    """One event for proposals that were put aside; none for an empty list."""
    if ids:
        events.record(
            project=image.project,
            verb="proposal.superseded",
            subject=image,
            image=image,
            data={"image": image.pk, "proposals": ids},
        )


def cancel_waiting(requests: QuerySet[ProposalRun]) -> int:
    """queued -> cancelled for interactive requests that nobody needs any more; return how many."""
    waiting = requests.filter(scope=ProposalRun.Scope.IMAGE, status=JobStatus.QUEUED)
    return waiting.update(status=JobStatus.CANCELLED, cancel_requested=True, finished_at=timezone.now())
