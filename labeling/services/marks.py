"""Read marks that a person sent: strict about what they are, forgiving about clocks."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from labeling.errors import Invalid
from labeling.models import Image, LabelClass
from models_zoo import Mark as ZooMark
from models_zoo import MarkError, MarkKind, mark_geometry, parse_mark, validate

MAX_SECONDS = 3600.0
_NEEDED = {"id", "kind", "class_index"}
_KNOWN = _NEEDED | {"sign", "geometry", "made_at", "seconds"}
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SentMark:
    """A checked mark under its client's id; `seconds` is the time a person spent on it."""

    uuid: UUID
    mark: ZooMark
    made_at: datetime
    seconds: float

    @property
    def content(self) -> tuple[object, ...]:
        """What makes two marks the same; `made_at` may differ, as clocks do."""
        mark = self.mark
        return self.uuid, mark.kind.value, mark.class_index, mark.sign, mark_geometry(mark), self.seconds


def read_marks(
    raw: Sequence[object], *, image: Image, classes: Collection[LabelClass], kept: Mapping[UUID, int]
) -> list[SentMark]:
    """Turn plain data into marks that fit the image.

    `kept` maps the ids of marks already stored to their class: those may be of a class retired since.
    Raises Invalid `bad_mark`, whose detail names the mark, its place in the list and what is wrong.
    """
    if len(raw) > settings.MAX_MARKS:
        raise Invalid(f"An annotation holds at most {settings.MAX_MARKS} marks; these are {len(raw)}.", code="bad_mark")
    reader = _Reader(image, classes, kept)
    return [reader.read(position, item) for position, item in enumerate(raw)]


class _Reader:
    """Remembers what may occur only once: ids, and tags of a class."""

    def __init__(self, image: Image, classes: Collection[LabelClass], kept: Mapping[UUID, int]) -> None:
        self.image = image
        self.classes = {row.index: row for row in classes}
        self.kept = kept
        self.now = timezone.now()
        self.ids: set[UUID] = set()
        self.tagged: set[int] = set()

    def read(self, position: int, item: object) -> SentMark:
        """Check one mark. Raises Invalid."""
        name = str(item.get("id", ""))[:60] if isinstance(item, Mapping) else ""
        try:
            return self._checked(item)
        except MarkError as error:
            detail = {"mark": name, "position": position, "reason": error.code}
            raise Invalid(f"Mark {position + 1}: {error.message}", code="bad_mark", detail=detail) from error

    def _checked(self, item: object) -> SentMark:
        if not isinstance(item, Mapping):
            raise MarkError("shape", "A mark must be an object with id, kind, class_index, sign and geometry.")
        if not _NEEDED <= item.keys() <= _KNOWN:
            raise MarkError("shape", f"A mark has {', '.join(sorted(_NEEDED))} and of {', '.join(sorted(_KNOWN))} any.")
        uuid = self._own_id(item["id"])
        mark = parse_mark(
            kind=item["kind"],
            class_index=item["class_index"],
            sign=item.get("sign", 1),
            geometry=item.get("geometry", {}),
        )
        validate(mark, width=self.image.width, height=self.image.height, class_indices=self.classes)
        self._check_class(uuid, mark)
        return SentMark(uuid, mark, self._made_at(item.get("made_at")), _seconds(item.get("seconds", 0.0)))

    def _own_id(self, value: object) -> UUID:
        try:
            uuid = UUID(value) if isinstance(value, str) else None
        except ValueError:
            uuid = None
        if uuid is None:
            raise MarkError("id", "A mark's id must be a UUID.")
        if uuid in self.ids:
            raise MarkError("id", "Two marks have the same id; give each its own.")
        self.ids.add(uuid)
        return uuid

    def _check_class(self, uuid: UUID, mark: ZooMark) -> None:
        row = self.classes[mark.class_index]
        if row.is_retired and self.kept.get(uuid) != mark.class_index:
            raise MarkError("retired", f"The class {row.name!r} is retired; choose another one for this mark.")
        if mark.kind is MarkKind.TAG:
            if mark.class_index in self.tagged:
                raise MarkError("tag", f"The class {row.name!r} has two tags; an image has at most one for each class.")
            self.tagged.add(mark.class_index)

    def _made_at(self, value: Any) -> datetime:
        """A client's clock may be wrong: the time is kept between the year 2000 and now."""
        if value is None:
            return self.now
        try:
            made_at = parse_datetime(value) if isinstance(value, str) else None
            if made_at is not None and made_at.tzinfo is None:
                made_at = made_at.replace(tzinfo=UTC)
        except ValueError:
            made_at = None
        if made_at is None:
            raise MarkError("made_at", "made_at must be a time such as 2026-05-04T12:00:00Z.")
        return max(_OLDEST, min(made_at, self.now)).astimezone(UTC)


def _seconds(value: object) -> float:
    """At most an hour: a tab left open overnight is not work."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise MarkError("seconds", "seconds must be a number of seconds, 0 or more.")
    return float(min(value, MAX_SECONDS))  # in this order: an integer may be too large for a float
