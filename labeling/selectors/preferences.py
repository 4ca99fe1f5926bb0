"""How a person likes to work."""

from __future__ import annotations

from django.contrib.auth.models import User

from labeling.keymap import key_list
from labeling.models import Preferences


def preferences_of(user: User) -> Preferences:
    """The stored row, or the defaults (not saved). Actions that a later version no longer has are left out."""
    row = Preferences.objects.filter(user=user).first() or Preferences(user=user)
    row.keys = {name: keys for name, keys in row.keys.items() if name in key_list().actions}
    return row
