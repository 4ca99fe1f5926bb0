"""Decide: accept, reject, skip, reopen. The only place where a proposal leaves `pending` by a person's will,
or comes back to it, and where an image's accepted mask is set or taken away.

Rows are locked in one order everywhere, so that two who change the same image wait for each other instead
of dying in a deadlock: image, annotation, proposal, lease, and last the project (by the events).
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling import access
from labeling.errors import Conflict, Forbidden, StaleState
from labeling.models import Annotation, Image, Mask, Proposal, ProposalRun, Review, Role
from labeling.selectors.images import visible_masks
from labeling.services import events
from labeling.services.leases import release_lease
from labeling.services.proposals import cancel_waiting, supersede, tell_ready, tell_superseded


@transaction.atomic
def accept_proposal(*, proposal: Proposal, mask_sha256: str, by: User) -> Mask:
    """Make what was on the person's screen the accepted mask of the proposal's image.

    `mask_sha256` is the proposal's own mask or another mask of the image (an edit of it). Other pending
    proposals of the image are superseded. One that a newer proposal has just superseded keeps that status,
    and its mask is accepted all the same: it is what the person saw and chose. Raises Conflict
    `mask_unknown`, and StaleState if somebody decided first; then nothing changes.
    """
    image = proposal.image
    mask = proposal.mask if proposal.mask.sha256 == mask_sha256 else _mask_of(image, mask_sha256)
    _point_at(image, mask, by=by)
    if Proposal.objects.filter(pk=proposal.pk, status=Proposal.Status.SUPERSEDED).exists():
        _settle(image, mask, by=by)
        return mask
    _decide(proposal, status=Proposal.Status.ACCEPTED, by=by)
    _settle(image, mask, by=by, accepted=proposal)
    return mask


@transaction.atomic
def accept_mask(*, image: Image, mask_sha256: str, by: User) -> Mask:
    """Accept a stored mask without a proposal; pending proposals are superseded. Raises as `accept_proposal`."""
    mask = _mask_of(image, mask_sha256)
    _point_at(image, mask, by=by)
    _settle(image, mask, by=by)
    return mask


@transaction.atomic
def reject_proposal(*, proposal: Proposal, by: User, reason: str = "") -> Proposal:
    """Turn the proposal down; marks and accepted mask stay as they are. Raises StaleState if it was decided."""
    _decide(proposal, status=Proposal.Status.REJECTED, by=by, reason=reason)
    _tell_decided(proposal, by=by)
    return proposal


@transaction.atomic
def take_back_decision(*, proposal: Proposal, by: User) -> None:
    """Make a model's proposal pending again that this person accepted as it was, or turned down.

    An accepted mask leaves the image and stays in its history. Raises StaleState if anything came of the image or
    the proposal since: another decision, a review's approval, another proposal, a version withdrawn.
    """
    image = proposal.image
    stale = StaleState(_("More has happened to this image since; it cannot be taken back."))
    proposal.refresh_from_db(fields=["status"])
    if proposal.status == Proposal.Status.ACCEPTED:
        if _is_approved(proposal.mask) or not reopen(image=image, mask=proposal.mask, by=by):
            raise stale
    elif not Image.objects.filter(pk=image.pk, accepted_mask=None, skip_reason="").update(order_key=F("order_key")):
        raise stale
    waiting = Proposal.objects.filter(image=image, source=Proposal.Source.MODEL, status=Proposal.Status.PENDING)
    decided = Proposal.objects.filter(
        pk=proposal.pk,
        status__in=[Proposal.Status.ACCEPTED, Proposal.Status.REJECTED],
        decided_by=by,
        model_version__is_active=True,
    )
    fresh = {"status": Proposal.Status.PENDING, "decided_by": None, "decided_at": None, "reject_reason": ""}
    if waiting.exists() or not decided.update(**fresh):
        raise stale
    tell_ready(proposal)


@transaction.atomic
def skip_image(*, image: Image, by: User, reason: str, comment: str = "") -> None:
    """Take an undecided image out of the queue, with the reason. Raises StaleState if it is decided."""
    rows = Image.objects.filter(pk=image.pk, accepted_mask=None, skip_reason="")
    if not rows.update(skip_reason=reason, skip_comment=comment):
        raise StaleState(_("This image was accepted or skipped meanwhile; reopen it first."))
    cancel_waiting(ProposalRun.objects.filter(image=image))
    release_lease(image=image, user=by)
    _tell(image, "image.skipped", by=by, reason=reason)


@transaction.atomic
def reopen_image(*, image: Image, by: User) -> Mask | None:
    """Make an accepted or skipped image workable again; return the mask that was accepted, to start from.

    That mask stays in the image's history. One that a reviewer approved is reopened by a reviewer only.
    Raises StaleState if the image is neither accepted nor skipped, Forbidden.
    """
    image.refresh_from_db(fields=["accepted_mask", "skip_reason"])
    mask = image.accepted_mask
    if mask is not None and _is_approved(mask) and not access.at_least(_role(by, image), Role.REVIEWER):
        raise Forbidden(_("A reviewer approved this mask; ask one to reopen the image."))
    if not reopen(image=image, mask=mask, by=by):
        raise StaleState(_("This image is neither accepted nor skipped; there is nothing to reopen."))
    return mask


def reopen(*, image: Image, mask: Mask | None, by: User) -> bool:
    """Take accepted mask and skip away, if they are still the ones seen; call inside a transaction."""
    rows = Image.objects.filter(pk=image.pk, accepted_mask=mask)
    if mask is None:
        rows = rows.exclude(skip_reason="")
    if not rows.update(accepted_mask=None, accepted_at=None, skip_reason="", skip_comment=""):
        return False
    Annotation.objects.filter(image=image, status=Annotation.Status.SUBMITTED).update(status=Annotation.Status.DRAFT)
    _tell(image, "image.reopened", by=by)
    return True


def _mask_of(image: Image, sha256: str) -> Mask:
    mask = visible_masks(Mask.objects.filter(image=image, sha256=sha256)).order_by("-id").first()
    if mask is None:
        raise Conflict(_("The server does not have this mask; send its PNG first."), code="mask_unknown")
    return mask


def _point_at(image: Image, mask: Mask, *, by: User) -> None:
    """No accepted mask -> this one, by compare-and-swap; the person's marks are thereby handed in."""
    now = timezone.now()
    rows = Image.objects.filter(pk=image.pk, accepted_mask=None, skip_reason="")
    if not rows.update(accepted_mask=mask, accepted_at=now):
        raise StaleState(_("This image was accepted or skipped meanwhile; reopen it to change that."))
    image.accepted_mask, image.accepted_at = mask, now
    Annotation.objects.filter(image=image, author=by).update(status=Annotation.Status.SUBMITTED)


def _decide(proposal: Proposal, *, status: str, by: User, reason: str = "") -> None:
    """pending -> accepted | rejected, by compare-and-swap."""
    now = timezone.now()
    rows = Proposal.objects.filter(pk=proposal.pk, status=Proposal.Status.PENDING)
    if not rows.update(status=status, decided_by=by, decided_at=now, reject_reason=reason):
        raise StaleState(_("Somebody decided this proposal, or a newer one took its place."))
    proposal.status, proposal.decided_by, proposal.decided_at, proposal.reject_reason = status, by, now, reason


def _tell_decided(proposal: Proposal, *, by: User) -> None:
    events.record(
        project=proposal.image.project,
        verb="proposal.decided",
        subject=proposal,
        image=proposal.image,
        actor=by,
        data={"image": proposal.image_id, "proposal": proposal.pk, "status": proposal.status},
    )


def _settle(image: Image, mask: Mask, *, by: User, accepted: Proposal | None = None) -> None:
    """What follows from an accepted mask: nothing about the image waits any longer."""
    aside = supersede(Proposal.objects.filter(image=image))
    cancel_waiting(ProposalRun.objects.filter(image=image))
    release_lease(image=image, user=by)
    if accepted is not None:
        _tell_decided(accepted, by=by)
    tell_superseded(image=image, ids=aside)
    _tell(image, "mask.accepted", by=by, mask=mask.pk, sha256=mask.sha256, origin=mask.origin)


def _is_approved(mask: Mask) -> bool:
    latest = Review.objects.filter(mask=mask).order_by("-id").values_list("verdict", flat=True).first()
    return latest == Review.Verdict.APPROVED


def _role(user: User, image: Image) -> Role | None:
    return access.role_in(user, image.project_id)


def _tell(image: Image, verb: str, *, by: User, **data: object) -> None:
    events.record(
        project=image.project, verb=verb, subject=image, image=image, actor=by, data={"image": image.pk, **data}
    )
