"""ProposalRun: computing proposals for the pool or for one image; what a version leaves of each image beside them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.annotation import Annotation
from labeling.models.image import Image
from labeling.models.job import Job, JobStatus, job_constraints
from labeling.models.project import Project
from labeling.models.training import ModelVersion


class ProposalRun(Job):
    """Scope `pool`: a model version on every image without an accepted mask. Scope `image`: one image's marks."""

    kind = "proposal_run"

    class Scope(models.TextChoices):
        POOL = "pool"
        IMAGE = "image"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="proposal_runs")
    scope = models.CharField(max_length=5, choices=Scope)
    model_version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.CASCADE, related_name="proposal_runs"
    )
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.CASCADE, related_name="proposal_runs")
    annotation = models.ForeignKey(
        Annotation, null=True, blank=True, on_delete=models.CASCADE, related_name="proposal_runs"
    )
    source_revision = models.PositiveIntegerField(null=True, blank=True)
    method = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            *job_constraints("proposal_run"),
            models.UniqueConstraint(
                fields=["model_version"],
                condition=Q(scope="pool", status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="proposal_run_one_active_pool_per_version",
            ),
            models.CheckConstraint(
                condition=Q(scope="pool", model_version__isnull=False, image=None, annotation=None, method="")
                | (
                    Q(scope="image", model_version=None, image__isnull=False, annotation__isnull=False)
                    & Q(source_revision__isnull=False)
                    & ~Q(method="")
                ),
                name="proposal_run_scope_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} proposals {self.pk}, {self.status}"

    @property
    def task_name(self) -> str:  # type: ignore[override]
        """Interactive requests go to the worker that answers in milliseconds."""
        return "interactive.propose" if self.scope == self.Scope.IMAGE else "proposing.propose_pool"


class AcquisitionScore(models.Model):
    """Higher means more worth a person's time, by one function of one model version."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="scores")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="scores")
    function = models.CharField(max_length=40)
    score = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "model_version", "function"], name="score_once_per_image_version"),
            models.CheckConstraint(condition=Q(score__gt=-1e300, score__lt=1e300), name="score_finite"),
        ]
        indexes = [models.Index(fields=["model_version", "function", "-score"], name="score_order")]

    def __str__(self) -> str:
        return f"{self.function} {self.score:.3f}"


class ImagePrior(models.Model):
    """What the newest version to look at an image saw in it: a blob as `models_zoo.interactive.prior` writes it.

    Only that of the version in use is ever shown; the next one takes its place.
    """

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="prior")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="priors")
    blob = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"version {self.model_version_id} on image {self.image_id}"
