"""Short holds of images, so that two people never work on one. Granted by conditional updates only."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling import jobs
from labeling.errors import Conflict
from labeling.models import Image, Lease
from labeling.services import events


@transaction.atomic
def take_lease(*, image: Image, user: User) -> Lease:
    """Take the image, or extend the hold one has; granted only if absent, own or expired.

    Taking it (not extending) is an event and warms the worker that answers this image's marks.
    Raises Conflict `leased` with who holds it and until when.
    """
    now = timezone.now()
    until = now + timedelta(seconds=settings.LEASE_S)
    lease = Lease(image=image, user=user, expires_at=until)
    if Lease.objects.filter(image=image, user=user, expires_at__gt=now).update(expires_at=until):
        return lease
    free = Lease.objects.filter(Q(user=user) | Q(expires_at__lte=now), image=image)
    if not free.update(user=user, expires_at=until) and not _insert(lease):
        raise _leased(image)
    _tell(image, user, holder=user.username)
    jobs.enqueue("interactive.prepare", image.pk)
    return lease


@transaction.atomic
def release_lease(*, image: Image, user: User) -> bool:
    """Give one's own hold back; False (and no event) if there was none."""
    released, _ = Lease.objects.filter(image=image, user=user).delete()
    if released:
        _tell(image, user, holder=None)
    return bool(released)


def _insert(lease: Lease) -> bool:
    """False if somebody else was faster: the primary key decides."""
    try:
        with transaction.atomic():
            lease.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _leased(image: Image) -> Conflict:
    held = Lease.objects.select_related("user").filter(image=image).first()
    detail = {"username": held.user.username, "expires_at": held.expires_at.isoformat()} if held else {}
    who = held.user.username if held else "Somebody else"
    return Conflict(
        _("%(who)s is working on this image. Take another one, or wait.") % {"who": who}, code="leased", detail=detail
    )


def _tell(image: Image, user: User, *, holder: str | None) -> None:
    events.record(
        project=image.project,
        verb="lease.changed",
        subject=image,
        image=image,
        actor=user,
        data={"image": image.pk, "username": holder},
    )
