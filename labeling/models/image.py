"""Image, the short hold a person has on it, and its features."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from labeling.models.project import Project


class Split(models.TextChoices):
    """Decided once, at import, by the hash of the image. Test images never enter training."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class SkipReason(models.TextChoices):
    UNCLEAR = "unclear", "The question is unclear"
    NOT_USABLE = "not_usable", "Not usable"
    TOO_HARD = "too_hard", "Too hard"
    DUPLICATE = "duplicate", "A duplicate"
    OTHER = "other", "Something else"


class Image(models.Model):
    """One picture of a project. `file` is what people see (8-bit RGB, upright); `original` what was sent.

    Size is that of `file`, in pixels: marks and masks are in it. A large picture is reduced for that by a whole
    factor, `mask_scale`; its full size is then kept beside, and `tiles` shows it at full size.
    `accepted_mask` is the one mask a person took responsibility for.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="images")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)  # of the bytes that were sent
    file = models.CharField(max_length=120)  # blob names
    thumb = models.CharField(max_length=120)
    original = models.CharField(max_length=120)
    original_format = models.CharField(max_length=10)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    mask_scale = models.PositiveSmallIntegerField(default=1)  # pixels of the picture along a side of a mask's pixel
    full_width = models.PositiveIntegerField(null=True, blank=True)  # only where mask_scale is above 1
    full_height = models.PositiveIntegerField(null=True, blank=True)
    tiles = models.CharField(max_length=120, blank=True)  # blob of the picture's pyramid, see labeling.tilefile
    split = models.CharField(max_length=5, choices=Split)
    accepted_mask = models.ForeignKey(
        "labeling.Mask", null=True, blank=True, on_delete=models.PROTECT, related_name="accepted_for"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.CharField(max_length=12, choices=SkipReason, blank=True)
    skip_comment = models.CharField(max_length=500, blank=True)
    order_key = models.FloatField(default=0.0)  # seeded random in [0, 1): tie-break of the queue
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="image_bytes_once_per_project"),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="image_has_size"),
            # A mask's pixels cover the picture: the last ones of a row or column may reach beyond it.
            models.CheckConstraint(
                condition=Q(mask_scale=1, full_width=None, full_height=None)
                | (
                    Q(mask_scale__gt=1, full_width__isnull=False, full_height__isnull=False)
                    & Q(full_width__lte=F("width") * F("mask_scale"))
                    & Q(full_width__gt=(F("width") - 1) * F("mask_scale"))
                    & Q(full_height__lte=F("height") * F("mask_scale"))
                    & Q(full_height__gt=(F("height") - 1) * F("mask_scale"))
                    & ~Q(tiles="")
                ),
                name="image_reduced_by_its_mask_scale",
            ),
            models.CheckConstraint(condition=Q(split__in=Split.values), name="image_split_known"),
            models.CheckConstraint(
                condition=Q(skip_reason="") | Q(skip_reason__in=SkipReason.values),
                name="image_skip_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(accepted_mask=None, accepted_at=None)
                | Q(accepted_mask__isnull=False, accepted_at__isnull=False),
                name="image_accepted_at_iff_mask",
            ),
        ]
        indexes = [
            # The pool of the queue: images without an accepted mask, in tie-break order.
            models.Index(
                fields=["project", "order_key"],
                condition=Q(accepted_mask=None, skip_reason=""),
                name="image_pool",
            ),
            models.Index(fields=["project", "name"], name="image_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_size(self) -> tuple[int, int]:
        """Width and height of the picture as it was sent, upright."""
        return self.full_width or self.width, self.full_height or self.height


class Lease(models.Model):
    """One person's short hold of an image. Taken only if absent, own or expired."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="leases")
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} holds {self.image_id} until {self.expires_at:%H:%M:%S}"


class ImageFeature(models.Model):
    """What an encoder saw in an image: embedding and dense map in one immutable blob."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="features")
    encoder = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField()
    blob = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["image", "encoder", "version"], name="feature_once_per_encoder_version")
        ]

    def __str__(self) -> str:
        return f"{self.encoder} v{self.version} of {self.image_id}"
