"""How far a project is: one query per picture the page shows, nothing stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from labeling.models import Image, Mark, Mask, Project, Split
from labeling.selectors.images import STATES, with_state

DAYS = 60


def progress(project: Project) -> dict[str, Any]:
    """States, splits, class balance, accepted masks by day and seconds by kind of mark."""
    images = Image.objects.filter(project=project)
    counts = dict(with_state(images).order_by().values_list("state").annotate(n=Count("pk")))
    return {
        "states": {state: counts.get(state, 0) for state in STATES},
        "splits": _splits(project),
        "classes": _class_balance(project),
        "by_day": _by_day(project),
        "seconds": _seconds(project),
    }


def _splits(project: Project) -> dict[str, dict[str, int]]:
    rows = (
        Image.objects.filter(project=project)
        .order_by()
        .values("split")
        .annotate(total=Count("pk"), accepted=Count("pk", filter=Q(accepted_mask__isnull=False)))
    )
    found = {row["split"]: {"total": row["total"], "accepted": row["accepted"]} for row in rows}
    return {split: found.get(split, {"total": 0, "accepted": 0}) for split in Split.values}


def _class_balance(project: Project) -> list[dict[str, Any]]:
    """Images and pixels per class over the accepted masks, marks per class over everything."""
    num_images: dict[int, int] = {}
    num_pixels: dict[int, int] = {}
    accepted = Mask.objects.filter(accepted_for__project=project).order_by()
    for pixel_counts in accepted.values_list("pixel_counts", flat=True).iterator(chunk_size=2_000):
        for index, pixels in pixel_counts.items():
            num_images[int(index)] = num_images.get(int(index), 0) + 1
            num_pixels[int(index)] = num_pixels.get(int(index), 0) + pixels
    marks = dict(
        Mark.objects.filter(label_class__project=project)
        .order_by()
        .values_list("label_class__index")
        .annotate(n=Count("pk"))
    )
    return [
        {
            "index": row.index,
            "name": row.name,
            "color": row.color,
            "num_images": num_images.get(row.index, 0),
            "num_marks": marks.get(row.index, 0),
            "num_pixels": num_pixels.get(row.index, 0),
        }
        for row in project.classes.all()
    ]


def _by_day(project: Project) -> list[dict[str, Any]]:
    since = timezone.now() - timedelta(days=DAYS)
    rows = (
        Image.objects.filter(project=project, accepted_at__gte=since)
        .order_by()
        .annotate(day=TruncDate("accepted_at"))
        .values("day")
        .annotate(accepted=Count("pk"))
        .order_by("day")
    )
    return [{"day": row["day"].isoformat(), "accepted": row["accepted"]} for row in rows]


def _seconds(project: Project) -> dict[str, float]:
    rows = (
        Mark.objects.filter(annotation__image__project=project)
        .order_by()
        .values_list("kind")
        .annotate(total=Sum("seconds"))
    )
    return {kind: round(total, 1) for kind, total in rows}
