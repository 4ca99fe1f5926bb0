"""How one person likes to work, wherever they sign in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class CharacterKeys(models.TextChoices):
    """Where keys that type a single character work (WCAG 2.1.4)."""

    EVERYWHERE = "everywhere"
    PICTURE = "picture"
    OFF = "off"


class Preferences(models.Model):
    """A person without a row has the defaults. `keys` maps names of actions to the keys chosen for them."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    keys = models.JSONField(default=dict, blank=True)
    character_keys = models.CharField(max_length=10, choices=CharacterKeys, default=CharacterKeys.EVERYWHERE)

    class Meta:
        verbose_name_plural = "preferences"
        constraints = [
            models.CheckConstraint(
                condition=Q(character_keys__in=CharacterKeys.values), name="preferences_character_keys_known"
            )
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user}"
