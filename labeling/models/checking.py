"""ClassCheck: a person's word on one class of one proposal."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeling.models.mask import Proposal
from labeling.models.project import LabelClass


class ClassCheck(models.Model):
    """The last word counts. What follows from it for the proposal as a whole is `services.checking`'s to decide."""

    class Verdict(models.TextChoices):
        RIGHT = "right"
        WRONG = "wrong"

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="class_checks")
    label_class = models.ForeignKey(LabelClass, on_delete=models.PROTECT, related_name="checks")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="class_checks")
    verdict = models.CharField(max_length=5, choices=Verdict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "label_class", "author"], name="class_check_once_per_person_proposal_and_class"
            ),
            models.CheckConstraint(condition=Q(verdict__in=["right", "wrong"]), name="class_check_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.author}: class {self.label_class_id} of proposal {self.proposal_id} is {self.verdict}"
