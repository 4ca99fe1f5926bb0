"""Comment: what somebody says about an image or a place in it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.image import Image
from labeling.models.mask import Mask


class Comment(models.Model):
    """Plain text, at a place (x, y in image pixels) or of the image as a whole; open until somebody resolves it.

    `proposed_mask` is a mask of the same image that the author would like better (services keep that).
    """

    MAX_TEXT = 2_000

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments")
    x = models.FloatField(null=True, blank=True)
    y = models.FloatField(null=True, blank=True)
    text = models.TextField(max_length=MAX_TEXT)
    # Goes with the image, otherwise it stays for as long as it is talked about.
    proposed_mask = models.ForeignKey(Mask, null=True, blank=True, on_delete=models.RESTRICT, related_name="comments")
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="resolved_comments"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="comment_has_text"),
            models.CheckConstraint(
                # Null compared is neither true nor false, and a check refuses only what is false.
                condition=Q(x=None, y=None) | Q(x__isnull=False, y__isnull=False, x__gte=0, y__gte=0),
                name="comment_place_whole_and_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(resolved_by=None, resolved_at=None)
                | Q(resolved_by__isnull=False, resolved_at__isnull=False),
                name="comment_resolved_fields_go_together",
            ),
        ]
        indexes = [
            # The open ones are counted for every row of the image list.
            models.Index(fields=["image"], condition=Q(resolved_at=None), name="comment_open"),
        ]

    def __str__(self) -> str:
        return f"comment of {self.author} on {self.image_id}"

    @property
    def project_id(self) -> int:
        return self.image.project_id
