"""Which image a person gets next. Selection only: holding the image is a service."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from labeling.models import AcquisitionScore, Event, Image, Lease, ModelVersion, Project, Proposal
from labeling.selectors.images import acquisition_function, active_version, visible_proposals

ACQUISITION = "acquisition"
COLD_START = "cold_start"
DECISIONS = ("mask.accepted", "image.skipped", "proposal.decided")


@dataclass(frozen=True)
class Queue:
    """Image ids in the order they are offered, how many wait in all, and by which rule they are ordered."""

    ids: list[int]
    remaining: int
    order: str


def held_by_others(project: Project, user: User) -> list[int]:
    """Ids of images other people hold right now; as many as there are people at work."""
    live = Lease.objects.filter(image__project=project, expires_at__gt=timezone.now())
    return list(live.exclude(user=user).values_list("image", flat=True))


def _workable(project: Project, out: Collection[int], only_proposed: bool) -> QuerySet[Image]:
    """The pool without the ids in `out`."""
    pool = Image.objects.filter(project=project, accepted_mask=None, skip_reason="")
    if only_proposed:
        pool = pool.filter(Exists(_offered(OuterRef("pk"))))
    return pool.exclude(pk__in=out) if out else pool


def _offered(image: OuterRef) -> QuerySet[Proposal]:
    """Proposals of a model that wait for an answer and may be seen."""
    pending = Proposal.objects.filter(image=image, status=Proposal.Status.PENDING, source=Proposal.Source.MODEL)
    return visible_proposals(pending)


def upcoming(
    project: Project, user: User, *, exclude: Collection[int] = (), limit: int = 1, only_proposed: bool = False
) -> Queue:
    """The next `limit` images for this person; with `only_proposed` those that a model's proposal waits on.

    The active version's scores decide, highest first, then the images it has not scored; equal ones, and
    all of them before there is a version, come in the random order dealt at import. A share of the places
    (the project's `random_share`) goes to the random order instead, so that what is measured on accepted
    masks is not only about images the model finds hard. The draws are seeded by what they choose between:
    looking ahead and then asking gives the same image.
    """
    out = {*exclude, *held_by_others(project, user)}
    workable = _workable(project, out, only_proposed)
    remaining = workable.count()
    by_chance = list(workable.order_by("order_key", "pk").values_list("pk", flat=True)[:limit])
    version = active_version(project)
    if version is None:
        return Queue(by_chance, remaining, COLD_START)
    by_score = _by_score(project, version, out, limit, only_proposed)
    if len(by_score) < limit:
        scored = AcquisitionScore.objects.filter(model_version=version, function=acquisition_function(project))
        rest = workable.exclude(pk__in=scored.values("image")).order_by("order_key", "pk")
        by_score += list(rest.values_list("pk", flat=True)[: limit - len(by_score)])
    seed = f"{project.pk}:{user.pk}"
    ids = _mixed(by_score, by_chance, share=project.options.random_share, seed=seed, limit=limit)
    return Queue(ids, remaining, ACQUISITION)


def _by_score(
    project: Project, version: ModelVersion, out: Collection[int], limit: int, only_proposed: bool
) -> list[int]:
    """Workable images, highest score first. Joined, not nested, so that the index on scores gives the order."""
    rows = AcquisitionScore.objects.filter(
        model_version=version,
        function=acquisition_function(project),
        image__accepted_mask=None,
        image__skip_reason="",
    )
    if only_proposed:
        rows = rows.filter(Exists(_offered(OuterRef("image"))))
    if out:
        rows = rows.exclude(image__in=out)
    ordered = rows.order_by("-score", "image__order_key", "image")
    return list(ordered.values_list("image", flat=True)[:limit])


def _mixed(by_score: Sequence[int], by_chance: Sequence[int], *, share: float, seed: str, limit: int) -> list[int]:
    """Fill places from the head of one list or of the other; both name images of the same pool."""
    taken: list[int] = []
    while len(taken) < limit:
        best = _first_new(by_score, taken)
        other = _first_new(by_chance, taken)
        if best is None:
            break
        drawn = other is not None and _draw(f"{seed}:{best}:{other}") < share
        taken.append(other if drawn and other is not None else best)
    return taken


def _first_new(ids: Iterable[int], taken: Collection[int]) -> int | None:
    return next((pk for pk in ids if pk not in taken), None)


def _draw(seed: str) -> float:
    """A number in [0, 1) that depends on `seed` only."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:7], "big") / 2**56


def recent_images(project: Project, user: User, *, limit: int = 10) -> list[int]:
    """Ids of the images this person decided on or skipped last, newest first."""
    rows = (
        Event.objects.filter(project=project, actor=user, verb__in=DECISIONS, image__in=Image.objects.all())
        .order_by()
        .values_list("image")
        .annotate(last=Max("seq"))
        .order_by("-last")
    )
    return [pk for pk, _ in rows[:limit]]
