"""A person's word on one class of many proposals, and what follows from it.

"Wrong" turns the whole proposal down: its mask is wrong somewhere. "Right" is kept, and once the same person has
said it of every class the mask claims, they have seen all of it, and it is accepted in their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import Invalid, StaleState
from labeling.models import ClassCheck, Image, LabelClass, Lease, Proposal
from labeling.selectors.checking import background_of, classes_to_check
from labeling.selectors.images import visible_proposals
from labeling.services import decisions

MOST_AT_ONCE: Final = 100
# Kept for now; accepted or rejected by this word; decided or replaced before; in somebody else's hands; taken back.
KEPT, ACCEPTED, REJECTED, GONE, HELD, BACK = "kept", "accepted", "rejected", "gone", "held", "back"


@dataclass(frozen=True)
class Outcome:
    """What became of one proposal."""

    proposal_id: int
    outcome: str


def check_class(*, label_class: LabelClass, verdict: str, proposals: Sequence[int], by: User) -> list[Outcome]:
    """Say of each proposal's regions of one class that they are right, or wrong; outcomes in the order sent.

    Each proposal is a transaction of its own: one that was decided meanwhile (`gone`) or that somebody else works
    on (`held`) stays as it is and stops no other. Raises Invalid for too many at once and for a proposal whose
    mask does not claim the class; then nothing changes.
    """
    background = background_of(label_class.project)
    found = _found(label_class, proposals)
    for row in found.values():
        if label_class.index not in classes_to_check(row.mask.pixel_counts, background):
            raise Invalid(
                _("Proposal %(proposal)s has nothing of the class %(name)s to check.")
                % {"proposal": row.pk, "name": label_class.name}
            )
    outcomes = []
    for pk in dict.fromkeys(proposals):
        proposal = found.get(pk)
        said = GONE if proposal is None else _check_one(proposal, label_class, verdict, background, by)
        outcomes.append(Outcome(pk, said))
    return outcomes


def take_back(*, label_class: LabelClass, proposals: Sequence[int], by: User) -> list[Outcome]:
    """Take this person's word on the class back from each proposal, and what followed from it; in the order sent.

    Each is a transaction of its own: where more has happened since (`gone`), or somebody else works (`held`), all
    stays as it is. Raises Invalid for too many at once.
    """
    found = _found(label_class, proposals)
    outcomes = []
    for pk in dict.fromkeys(proposals):
        try:
            said = GONE if pk not in found else _take_back(found[pk], label_class, by)
        except StaleState:
            said = GONE
        outcomes.append(Outcome(pk, said))
    return outcomes


@transaction.atomic
def _take_back(proposal: Proposal, label_class: LabelClass, by: User) -> str:
    if _is_held(proposal.image, by):
        return HELD
    if proposal.status != Proposal.Status.PENDING:
        decisions.take_back_decision(proposal=proposal, by=by)
    if not ClassCheck.objects.filter(proposal=proposal, label_class=label_class, author=by).delete()[0]:
        raise StaleState(_("You have not said anything of this class here."))
    return BACK


def _found(label_class: LabelClass, proposals: Sequence[int]) -> dict[int, Proposal]:
    """Those that the person may see, by id. Raises Invalid for too many."""
    if len(proposals) > MOST_AT_ONCE:
        raise Invalid(
            _("At most %(most_at_once)s are checked at once; send them in parts.") % {"most_at_once": MOST_AT_ONCE}
        )
    rows = visible_proposals(
        Proposal.objects.filter(pk__in=proposals, image__project=label_class.project, source=Proposal.Source.MODEL)
    ).select_related("image__project", "mask")
    return {row.pk: row for row in rows}


def _is_held(image: Image, by: User) -> bool:
    return Lease.objects.filter(image=image, expires_at__gt=timezone.now()).exclude(user=by).exists()


def _check_one(proposal: Proposal, label_class: LabelClass, verdict: str, background: int | None, by: User) -> str:
    try:
        return _decide(proposal, label_class, verdict, background, by)
    except StaleState:
        return GONE


@transaction.atomic
def _decide(proposal: Proposal, label_class: LabelClass, verdict: str, background: int | None, by: User) -> str:
    """Keep the word and act on it. The image is held still first, as in every decision."""
    image = proposal.image
    if _is_held(image, by):
        return HELD
    if not Image.objects.filter(pk=image.pk, accepted_mask=None, skip_reason="").update(order_key=F("order_key")):
        return GONE
    if not Proposal.objects.filter(pk=proposal.pk, status=Proposal.Status.PENDING).exists():
        return GONE
    ClassCheck.objects.update_or_create(
        proposal=proposal, label_class=label_class, author=by, defaults={"verdict": verdict}
    )
    if verdict == ClassCheck.Verdict.WRONG:
        decisions.reject_proposal(proposal=proposal, by=by, reason=f"Wrong: {label_class.name}")
        return REJECTED
    if not _is_seen_whole(proposal, background, by):
        return KEPT
    decisions.accept_proposal(proposal=proposal, mask_sha256=proposal.mask.sha256, by=by)
    return ACCEPTED


def _is_seen_whole(proposal: Proposal, background: int | None, by: User) -> bool:
    """Whether this person has confirmed every class that the mask claims."""
    mine = ClassCheck.objects.filter(proposal=proposal, author=by, verdict=ClassCheck.Verdict.RIGHT)
    confirmed = set(mine.values_list("label_class__index", flat=True))
    return classes_to_check(proposal.mask.pixel_counts, background) <= confirmed
