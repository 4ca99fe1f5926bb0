"""Keep how a person likes to work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction

from labeling.keymap import checked_keys
from labeling.models import Preferences


@transaction.atomic
def save_preferences(*, user: User, keys: Mapping[str, Sequence[str]], character_keys: str) -> Preferences:
    """Replace the person's choices. Raises Invalid (see `checked_keys`)."""
    values = {"keys": checked_keys(keys), "character_keys": character_keys}
    row, _ = Preferences.objects.update_or_create(user=user, defaults=values)
    return row
