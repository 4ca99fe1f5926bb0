"""A second person's verdict on an accepted mask. Append-only: the latest counts."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from labeling.errors import Forbidden, StaleState
from labeling.models import Event, Image, Mask, Review
from labeling.services import events
from labeling.services.decisions import reopen


@transaction.atomic
def add_review(*, mask: Mask, reviewer: User, verdict: str, comment: str = "") -> Review:
    """Say that an accepted mask is right, or send it back.

    Sending it back reopens the image: the mask stays in its history. Where the project asks for review,
    nobody reviews what they accepted or drew. Raises StaleState if the mask is not accepted (any more).
    """
    image = mask.image
    # Held still until the commit, by an update that changes nothing.
    if not Image.objects.filter(pk=image.pk, accepted_mask=mask).update(order_key=F("order_key")):
        raise StaleState(_("This mask is not the accepted one of its image; there is nothing to review."))
    if image.project.options.review_required and reviewer.pk in _authors(mask):
        raise Forbidden(_("This project asks for two people: somebody else has to review what you accepted."))
    review = Review.objects.create(mask=mask, reviewer=reviewer, verdict=verdict, comment=comment)
    if verdict == Review.Verdict.CHANGES_REQUESTED:
        reopen(image=image, mask=mask, by=reviewer)
    events.record(
        project=image.project,
        verb="review.added",
        subject=review,
        image=image,
        actor=reviewer,
        data={"image": image.pk, "mask": mask.pk, "verdict": verdict},
    )
    return review


def _authors(mask: Mask) -> set[int | None]:
    """Who drew the mask, and who took responsibility for it last."""
    accepted = Event.objects.filter(image_id=mask.image_id, verb="mask.accepted").order_by("-seq")
    return {mask.created_by_id, accepted.values_list("actor_id", flat=True).first()}
