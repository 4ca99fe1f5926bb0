"""Hand the next image to a person, held for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib.auth.models import User

from labeling.errors import Conflict
from labeling.models import Image, Project
from labeling.selectors.queue import upcoming
from labeling.services.leases import take_lease

_AT_ONCE = 10  # candidates looked at before asking again
_ROUNDS = 5


@dataclass(frozen=True)
class Handed:
    """The image now held by the person, or none; how many more wait; which rule ordered them."""

    image: Image | None
    remaining: int
    order: str


def lease_next(*, project: Project, user: User, exclude: Collection[int] = (), only_proposed: bool = False) -> Handed:
    """Take the first image of the queue (see `upcoming`) that nobody else takes in the same moment."""
    lost: set[int] = set()
    queue = upcoming(project, user, exclude=exclude, limit=_AT_ONCE, only_proposed=only_proposed)
    for _ in range(_ROUNDS):
        for pk in queue.ids:
            image = _take(pk, user)
            if image is not None:
                return Handed(image, max(0, queue.remaining - 1), queue.order)
            lost.add(pk)
        queue = upcoming(project, user, exclude={*exclude, *lost}, limit=_AT_ONCE, only_proposed=only_proposed)
        if not queue.ids:
            break
    return Handed(None, 0, queue.order)


def _take(image_id: int, user: User) -> Image | None:
    """The image with a lease on it, or None if somebody else holds, decided or deleted it meanwhile."""
    image = Image.objects.select_related("project").filter(pk=image_id, accepted_mask=None, skip_reason="").first()
    if image is None:
        return None
    try:
        take_lease(image=image, user=user)
    except Conflict:
        return None
    return image
