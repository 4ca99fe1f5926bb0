"""Save a person's marks on an image. The only place where annotations and marks change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeling.errors import StaleRevision
from labeling.models import Annotation, Image, LabelClass, Mark, ProposalRun
from labeling.selectors.annotations import annotation_row, stored_marks
from labeling.services import events, proposals
from labeling.services.marks import SentMark, read_marks
from models_zoo import mark_geometry


@dataclass(frozen=True)
class Saved:
    """An annotation as it is stored now, and the run that was asked for, if any."""

    annotation: Annotation
    marks: list[Mark]
    run: ProposalRun | None


@transaction.atomic
def save_annotation(
    *,
    image: Image,
    author: User,
    revision: int,
    marks: Sequence[object],
    propose: str | None = None,
) -> Saved:
    """Replace the author's marks as a whole, if `revision` is still the stored one; ask for a proposal.

    `marks` is plain data in the wire form, ids included; a mark keeps its id from save to save. Marks of
    other people on the same image are not touched. Sending what is stored already changes nothing and
    answers as the first time did.

    Raises StaleRevision, whose detail holds the stored annotation, when somebody (another tab) was faster,
    and Invalid `bad_mark` naming the first mark that cannot be used.
    """
    classes = list(LabelClass.objects.filter(project_id=image.project_id))
    annotation, _ = Annotation.objects.get_or_create(image=image, author=author)
    stored = stored_marks(annotation)
    sent = read_marks(marks, image=image, classes=classes, kept={row.uuid: row.label_class.index for row in stored})
    if [_content(row) for row in stored] != [mark.content for mark in sent]:
        _move(annotation, revision)
        stored = _replace(annotation, stored, sent, {row.index: row for row in classes})
        # A proposal from marks that are all gone answers nothing. (Rows first, events last: see `decisions`.)
        aside = [] if stored else proposals.supersede_interactive(annotation=annotation)
        _tell(annotation, image, author, num_marks=len(stored))
        proposals.tell_superseded(image=image, ids=aside)
    elif revision > annotation.revision:
        raise _stale(annotation)
    run = None
    # On a decided image the marks are kept (a last stroke may come late), but nothing is proposed.
    if propose and stored and image.accepted_mask_id is None and not image.skip_reason:
        run = proposals.request_proposal(annotation=annotation, image=image, method=propose, by=author)
    return Saved(annotation, stored, run)


def _move(annotation: Annotation, revision: int) -> None:
    """revision -> revision + 1 by compare-and-swap."""
    rows = Annotation.objects.filter(pk=annotation.pk, revision=revision)
    if not rows.update(revision=F("revision") + 1, updated_at=timezone.now()):
        raise _stale(annotation)
    annotation.revision = revision + 1


def _replace(
    annotation: Annotation, stored: list[Mark], sent: list[SentMark], classes: dict[int, LabelClass]
) -> list[Mark]:
    """Rows follow the order of the list (a later mark wins): keep the common beginning, write the rest anew."""
    same = 0
    while same < min(len(stored), len(sent)) and _content(stored[same]) == sent[same].content:
        same += 1
    if same < len(stored):
        Mark.objects.filter(pk__in=[row.pk for row in stored[same:]]).delete()
    made_at = {row.uuid: row.made_at for row in stored}
    fresh = [_row(annotation, mark, classes, made_at) for mark in sent[same:]]
    return stored[:same] + Mark.objects.bulk_create(fresh)


def _row(annotation: Annotation, sent: SentMark, classes: dict[int, LabelClass], made_at: dict[UUID, Any]) -> Mark:
    mark = sent.mark
    return Mark(
        annotation=annotation,
        uuid=sent.uuid,
        label_class=classes[mark.class_index],
        kind=mark.kind.value,
        sign=mark.sign,
        geometry=mark_geometry(mark),
        made_at=made_at.get(sent.uuid, sent.made_at),
        seconds=sent.seconds,
    )


def _content(row: Mark) -> tuple[object, ...]:
    return row.uuid, row.kind, row.label_class.index, row.sign, row.geometry, row.seconds


def _stale(annotation: Annotation) -> StaleRevision:
    annotation.refresh_from_db()
    stored = stored_marks(annotation)
    return StaleRevision(
        _("These marks were saved meanwhile, as revision %(revision)s. Merge with them and save again.")
        % {"revision": annotation.revision},
        detail={"annotation": annotation_row(annotation, stored)},
    )


def _tell(annotation: Annotation, image: Image, author: User, *, num_marks: int) -> None:
    events.record(
        project=image.project,
        verb="annotation.saved",
        subject=annotation,
        image=image,
        actor=author,
        data={"image": image.pk, "revision": annotation.revision, "num_marks": num_marks},
    )
