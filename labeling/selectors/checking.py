"""Reads for checking a model's proposals class by class: what waits for a person, and how much of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from labeling.errors import Invalid
from labeling.models import ClassCheck, LabelClass, Project, Proposal
from labeling.selectors.images import visible_proposals
from labeling.selectors.queue import held_by_others
from models_zoo import IGNORE

ORDERS: Final = ("uncertain", "certain")


@dataclass(frozen=True)
class ClassLeft:
    """How many proposals wait for a person's word on a class, and how many have it."""

    label_class: LabelClass
    num_left: int
    num_checked: int


@dataclass(frozen=True)
class CropPage:
    """Proposals with their image and mask; `left` maps each to the classes the person has not confirmed."""

    proposals: Sequence[Proposal]
    left: dict[int, list[int]]
    next: int | None


def classes_to_check(pixel_counts: Mapping[str, int], background: int | None) -> set[int]:
    """The classes a person confirms before the whole mask counts as right.

    Background is what is left when all objects are right, so it is asked about only where there is nothing else.
    Pixels marked *ignore* claim nothing.
    """
    present = {int(value) for value, pixels in pixel_counts.items() if pixels} - {IGNORE}
    return present - {background} or present


def background_of(project: Project) -> int | None:
    """Index of the background class, None where there is none."""
    return project.classes.filter(is_background=True).values_list("index", flat=True).first()


def waiting_proposals(project: Project, user: User) -> QuerySet[Proposal]:
    """A model's undecided proposals that may be seen, on undecided images that nobody else is working on."""
    pending = Proposal.objects.filter(
        image__project=project,
        source=Proposal.Source.MODEL,
        status=Proposal.Status.PENDING,
        image__accepted_mask=None,
        image__skip_reason="",
    )
    return visible_proposals(pending).exclude(image__in=held_by_others(project, user))


def _claims(index: int, background: int | None, others: Collection[int]) -> Q:
    """The mask is to be checked for this class; `others`: the other classes of the project."""
    present = Q(mask__pixel_counts__has_key=str(index))
    if index != background or not others:
        return present
    return present & ~Q(mask__pixel_counts__has_any_keys=[str(other) for other in others])


def classes_left(project: Project, user: User) -> list[ClassLeft]:
    """Every class that is in use or that something waits for, in the project's order; three queries."""
    classes = list(project.classes.order_by("order", "index"))
    background = next((each.index for each in classes if each.is_background), None)
    indices = [each.index for each in classes]
    waiting = waiting_proposals(project, user)
    counts: dict[str, Any] = {
        f"n{index}": Count("pk", filter=_claims(index, background, [other for other in indices if other != index]))
        for index in indices
    }
    totals = waiting.aggregate(**counts) if counts else {}
    mine = ClassCheck.objects.filter(author=user, proposal__in=waiting).order_by()
    checked = dict(mine.values_list("label_class__index").annotate(n=Count("pk")))
    rows = [
        ClassLeft(each, max(0, totals[f"n{each.index}"] - checked.get(each.index, 0)), checked.get(each.index, 0))
        for each in classes
    ]
    return [row for row in rows if row.num_left or row.num_checked or not row.label_class.is_retired]


def crops_page(
    user: User,
    label_class: LabelClass,
    *,
    order: str = "uncertain",
    checked: bool = False,
    after: int | None = None,
    limit: int = 48,
) -> CropPage:
    """Proposals whose mask claims this class, by the model's uncertainty over the image, newest first where equal.

    `checked`: those the person has confirmed for this class instead of those they have not. `after` is the last
    proposal of the page before. Raises Invalid if that does not exist.
    """
    project = label_class.project
    others = project.classes.exclude(pk=label_class.pk).values_list("index", flat=True)
    background = background_of(project)
    mine = ClassCheck.objects.filter(proposal=OuterRef("pk"), label_class=label_class, author=user)
    rows = (
        waiting_proposals(project, user)
        .filter(_claims(label_class.index, background, list(others)))
        .filter(Exists(mine) if checked else ~Exists(mine))
        .annotate(doubt=Coalesce("uncertainty", Value(0.0)))
    )
    if after is not None:
        rows = rows.filter(_beyond(project, after, order))
    ordered = rows.order_by("-doubt" if order == "uncertain" else "doubt", "-pk").select_related("image", "mask")
    found = list(ordered[: limit + 1])
    shown = found[:limit]
    return CropPage(shown, _left(shown, user, background), shown[-1].pk if len(found) > limit else None)


def _beyond(project: Project, after: int, order: str) -> Q:
    """What comes later in the order than that proposal, which may have been decided meanwhile."""
    row = Proposal.objects.filter(pk=after, image__project=project).values_list("uncertainty", flat=True)
    if not row:
        raise Invalid(_("There is no such proposal to go on from; load the page again."))
    doubt = row[0] or 0.0
    further = Q(doubt__lt=doubt) if order == "uncertain" else Q(doubt__gt=doubt)
    return further | Q(doubt=doubt, pk__lt=after)


def _left(proposals: Collection[Proposal], user: User, background: int | None) -> dict[int, list[int]]:
    """Classes of each proposal that the person has not confirmed; one query."""
    confirmed: dict[int, set[int]] = {}
    rows = ClassCheck.objects.filter(proposal__in=proposals, author=user, verdict=ClassCheck.Verdict.RIGHT)
    for proposal_id, index in rows.values_list("proposal_id", "label_class__index"):
        confirmed.setdefault(proposal_id, set()).add(index)
    return {
        each.pk: sorted(classes_to_check(each.mask.pixel_counts, background) - confirmed.get(each.pk, set()))
        for each in proposals
    }
