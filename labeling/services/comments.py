"""What people say about images: add, resolve, open again, delete. A comment changes nothing else."""

from __future__ import annotations

import math

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import Conflict, Forbidden, Invalid, StaleState
from labeling.models import Comment, Image, Mask
from labeling.selectors.images import visible_masks
from labeling.services import events

MOST_COMMENTS = 500


@transaction.atomic
def add_comment(
    *,
    image: Image,
    author: User,
    text: str,
    place: tuple[float, float] | None = None,
    mask_sha256: str = "",
) -> Comment:
    """Say something about an image, at `place` (x, y in image pixels) or of the whole of it.

    `mask_sha256` names a stored mask of this image that the author proposes. Raises Invalid `bad_comment` for
    an empty or too long text and a place outside the image, Conflict `mask_unknown` or `too_many_comments`.
    """
    text = text.strip()
    if not text:
        raise _bad(_("The comment is empty; write what you want to say."))
    if len(text) > Comment.MAX_TEXT:
        said = _("The comment has %(count)s characters; at most %(limit)s are kept.")
        raise _bad(said % {"count": f"{len(text):,}", "limit": f"{Comment.MAX_TEXT:,}"})
    if place is not None and not _inside(image, place):
        said = _("The place lies outside the image, which is %(width)s x %(height)s pixels.")
        raise _bad(said % {"width": image.width, "height": image.height})
    if Comment.objects.filter(image=image).count() >= MOST_COMMENTS:
        raise Conflict(
            _("This image has %(most_comments)s comments, which is the limit; delete some of yours.")
            % {"most_comments": MOST_COMMENTS},
            code="too_many_comments",
        )
    comment = Comment.objects.create(
        image=image,
        author=author,
        text=text,
        x=None if place is None else place[0],
        y=None if place is None else place[1],
        proposed_mask=_mask_of(image, mask_sha256) if mask_sha256 else None,
    )
    _tell(comment, "comment.added", by=author)
    return comment


@transaction.atomic
def resolve_comment(*, comment: Comment, by: User) -> Comment:
    """Say that nothing is left to do about it. Raises StaleState if somebody did so first."""
    now = timezone.now()
    if not Comment.objects.filter(pk=comment.pk, resolved_at=None).update(resolved_by=by, resolved_at=now):
        raise StaleState(_("This comment was resolved or deleted meanwhile."))
    comment.resolved_by, comment.resolved_at = by, now
    _tell(comment, "comment.resolved", by=by)
    return comment


@transaction.atomic
def reopen_comment(*, comment: Comment, by: User) -> Comment:
    """Say that there is something left to do after all. Raises StaleState if it is open already."""
    if not Comment.objects.filter(pk=comment.pk, resolved_at__isnull=False).update(resolved_by=None, resolved_at=None):
        raise StaleState(_("This comment is open already, or was deleted meanwhile."))
    comment.resolved_by = comment.resolved_at = None
    _tell(comment, "comment.reopened", by=by)
    return comment


@transaction.atomic
def delete_comment(*, comment: Comment, by: User) -> None:
    """Take back what one said oneself. Raises Forbidden for somebody else's, StaleState if it is gone."""
    if comment.author_id != by.pk:
        raise Forbidden(_("Only its author deletes a comment; resolve it instead."))
    if not Comment.objects.filter(pk=comment.pk).delete()[0]:
        raise StaleState(_("This comment was deleted meanwhile."))
    _tell(comment, "comment.deleted", by=by)


def _inside(image: Image, place: tuple[float, float]) -> bool:
    x, y = place
    return math.isfinite(x) and math.isfinite(y) and 0 <= x <= image.width and 0 <= y <= image.height


def _mask_of(image: Image, sha256: str) -> Mask:
    mask = visible_masks(Mask.objects.filter(image=image, sha256=sha256)).order_by("-id").first()
    if mask is None:
        raise Conflict(_("The server does not have this mask; send its PNG first."), code="mask_unknown")
    return mask


def _tell(comment: Comment, verb: str, *, by: User) -> None:
    image = comment.image
    data = {"image": image.pk, "comment": comment.pk}
    events.record(project=image.project, verb=verb, subject=comment, image=image, actor=by, data=data)


def _bad(message: str) -> Invalid:
    return Invalid(message, code="bad_comment")
