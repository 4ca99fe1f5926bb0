"""Reads of proposals and masks."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import F, Q, QuerySet

from labeling.access import visible_projects
from labeling.models import Event, Image, Mask, Proposal
from labeling.selectors.images import visible_masks, visible_proposals


def image_proposals(image: Image) -> QuerySet[Proposal]:
    """Proposals of an image, newest first, with all that a row shows; hidden ones left out."""
    return (
        visible_proposals(Proposal.objects.filter(image=image))
        .select_related("mask", "model_version", "decided_by", "image")
        .order_by("-id")
    )


def proposals_seen_by(user: User | AnonymousUser) -> QuerySet[Proposal]:
    """Proposals of projects the user is in, without those hidden from everybody."""
    return visible_proposals(Proposal.objects.filter(image__project__in=visible_projects(user))).select_related(
        "mask", "model_version", "decided_by", "image__project"
    )


def image_masks(image: Image) -> QuerySet[Mask]:
    """Masks of an image, newest first, with `is_accepted`; a model's only where its proposals may be seen."""
    return (
        visible_masks(Mask.objects.filter(image=image))
        .select_related("created_by", "model_version")
        .annotate(is_accepted=Q(pk=F("image__accepted_mask")))
        .order_by("-id")
    )


def masks_ever_accepted(image: Image) -> set[int]:
    """Rows of the masks that somebody once accepted of the image, also those that were taken back since."""
    told = Event.objects.filter(image=image, verb="mask.accepted").values_list("data__mask", flat=True)
    return {*told, image.accepted_mask_id} - {None}


def mask_seen_by(user: User | AnonymousUser, sha256: str) -> Mask | None:
    """Any mask with these bytes in a project the user is in, without those hidden from everybody."""
    return masks_seen_by(user).filter(sha256=sha256).first()


def masks_seen_by(user: User | AnonymousUser) -> QuerySet[Mask]:
    """Masks of projects the user is in, without those hidden from everybody."""
    return visible_masks(Mask.objects.filter(image__project__in=visible_projects(user)))
