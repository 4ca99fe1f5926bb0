"""Reads of projects: each list costs a fixed number of queries."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from labeling.access import visible_projects
from labeling.models import Image, Membership, ModelVersion, Project


def listed_projects(user: User) -> QuerySet[Project]:
    """What the user sees, with `num_images`, `num_accepted`, `my_role` and the active version's id and number."""
    images = Image.objects.filter(project=OuterRef("pk")).order_by().values("project")
    active = ModelVersion.objects.filter(project=OuterRef("pk"), is_active=True)
    mine = Membership.objects.filter(project=OuterRef("pk"), user=user)
    return visible_projects(user).annotate(
        num_images=Coalesce(Subquery(images.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
        num_accepted=Coalesce(
            Subquery(
                images.annotate(n=Count("pk", filter=Q(accepted_mask__isnull=False))).values("n"),
                output_field=IntegerField(),
            ),
            0,
        ),
        my_role=Subquery(mine.values("role")[:1]),
        active_version_id=Subquery(active.values("pk")[:1]),
        active_version_number=Subquery(active.values("number")[:1]),
    )
