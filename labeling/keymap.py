"""The editor's actions and key names, as the browser side lists them (labeling/keymap.json, written by its tests).

Stored choices are shown to their owner and may be passed on as files, so nothing but these names is ever kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _

from labeling.errors import Invalid

_FILE = Path(__file__).with_name("keymap.json")


@dataclass(frozen=True)
class Action:
    """Its keys unless a person chose others; `when`: an action of checking mode, one that rests there, or neither."""

    name: str
    label: str
    keys: tuple[str, ...]
    when: str | None

    def meets(self, other: Action) -> bool:
        """Whether both can be asked for in one moment."""
        return self.when is None or other.when is None or self.when == other.when


@dataclass(frozen=True)
class KeyList:
    """Everything that may be chosen, and how many keys one action may have."""

    actions: Mapping[str, Action]
    names: frozenset[str]
    most_keys: int


@cache
def key_list() -> KeyList:
    """The closed lists, read once."""
    data = json.loads(_FILE.read_text())
    rows = [Action(row["name"], row["label"], tuple(row["keys"]), row["when"]) for row in data["actions"]]
    names = {held + base for held in data["modifiers"] for base in data["bases"]} - set(data["reserved"])
    return KeyList({row.name: row for row in rows}, frozenset(names), int(data["most_keys"]))


def checked_keys(keys: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The choices as they may be stored, in the order of the list.

    Raises Invalid for an action or a key that is not in the lists, for too many keys, and (code `key_conflict`,
    naming both actions) for a key that would mean two things at once.
    """
    known = key_list()
    for name, chosen in keys.items():
        if name not in known.actions:
            raise Invalid(
                _("There is no action named %(name)s. Take the names from the list of keys.")
                % {"name": repr(name[:60])}
            )
        if len(chosen) > known.most_keys:
            raise Invalid(
                _("%(label)s has more than %(most_keys)s keys: take some away.")
                % {"label": known.actions[name].label, "most_keys": known.most_keys}
            )
        for key in chosen:
            if key not in known.names:
                raise Invalid(_("%(key)s cannot be given to an action: choose another key.") % {"key": repr(key[:60])})
    _refuse_conflicts(keys)
    return {name: list(keys[name]) for name in known.actions if name in keys}


def _refuse_conflicts(keys: Mapping[str, Sequence[str]]) -> None:
    taken: dict[str, list[Action]] = {}
    for key, action in _effective(keys):
        other = next((each for each in taken.get(key, []) if each.meets(action)), None)
        if other is not None:
            raise Invalid(
                _("%(key)s would mean both “%(first)s” and “%(second)s”: choose another key for one of them.")
                % {"key": key, "first": other.label, "second": action.label},
                code="key_conflict",
                detail={"key": key, "actions": [other.name, action.name]},
            )
        taken.setdefault(key, []).append(action)


def _effective(keys: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Action]]:
    for action in key_list().actions.values():
        for key in keys.get(action.name, action.keys):
            yield key, action
