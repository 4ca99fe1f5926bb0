"""Project, its people and its classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """What an owner may choose for a project; stored as JSON, always read through this class."""

    review_required: bool = False  # an accepted mask waits for a second person's verdict
    random_share: float = 0.1  # share of the queue drawn at random, to keep validation honest
    retrain_after: int = 10  # newly accepted masks after which the page offers another round
    auto_activate: bool = True  # a version that is at least as good as the active one takes over
    interactive_method: str = "live_head"
    acquisition: str = "entropy"

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> ProjectSettings:
        """Stored values over defaults; keys of older versions are dropped."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        return asdict(self)


class Project(models.Model):
    """A set of images with one list of classes. Has at least one owner (services keep that)."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=140, unique=True)
    description = models.TextField(blank=True, max_length=2_000)
    guidelines = models.TextField(blank=True, max_length=50_000)  # Markdown, sanitised when shown
    settings_json = models.JSONField(default=dict, blank=True)
    event_seq = models.BigIntegerField(default=0)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(event_seq__gte=0), name="project_event_seq_not_negative"),
            models.CheckConstraint(condition=~Q(name=""), name="project_has_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def options(self) -> ProjectSettings:
        """The project's settings as a typed, complete object."""
        return ProjectSettings.from_json(self.settings_json)


class Role(models.TextChoices):
    """From most to least: each may do what the next may."""

    OWNER = "owner", _("Owner")
    REVIEWER = "reviewer", _("Reviewer")
    ANNOTATOR = "annotator", _("Annotator")
    VIEWER = "viewer", _("Viewer")


class Membership(models.Model):
    """A person's role in a project."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="membership_once_per_user_and_project"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class LabelClass(models.Model):
    """A category of pixels. Its index is what masks store: never reused, never deleted, only retired."""

    MAX_INDEX = 253

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="classes")
    index = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80)
    color = models.CharField(
        max_length=7, validators=[RegexValidator(r"\A#[0-9a-f]{6}\Z", "Use a colour such as #1b9e77.")]
    )
    order = models.PositiveSmallIntegerField(default=0)
    is_background = models.BooleanField(default=False)
    is_retired = models.BooleanField(default=False)

    class Meta:
        ordering = ["order", "index"]
        constraints = [
            models.UniqueConstraint(fields=["project", "index"], name="class_index_once_per_project"),
            models.UniqueConstraint(fields=["project", "name"], name="class_name_once_per_project"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_background=True), name="class_one_background_per_project"
            ),
            models.CheckConstraint(condition=Q(index__lte=253), name="class_index_below_254"),
            models.CheckConstraint(condition=~Q(name=""), name="class_has_name"),
        ]

    def __str__(self) -> str:
        return self.name
