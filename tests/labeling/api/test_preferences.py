"""A person's own keys: a closed list of actions and keys, no key with two meanings, nobody else's business."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.keymap import checked_keys, key_list
from labeling.models import Preferences
from tests.conftest import Cast, client_for

URL = "/api/v1/me/preferences"
DEFAULTS = {"keys": {}, "character_keys": "everywhere"}
CHOSEN = {"keys": {"undo": ["Alt+U", "F2"], "tool_box": []}, "character_keys": "picture"}


def test_everybody_starts_with_the_defaults(cast: Cast) -> None:
    assert client_for(cast.dan).get(URL).json() == DEFAULTS
    assert not Preferences.objects.exists()


def test_choices_are_kept_for_their_owner_alone_and_replaced_as_a_whole(cast: Cast) -> None:
    ben = client_for(cast.ben)
    assert ben.put(URL, CHOSEN).json() == CHOSEN
    assert ben.get(URL).json() == CHOSEN
    assert client_for(cast.ada).get(URL).json() == DEFAULTS
    ben.put(URL, {"keys": {"redo": ["F9"]}, "character_keys": "off"})
    assert ben.get(URL).json() == {"keys": {"redo": ["F9"]}, "character_keys": "off"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keys": {}},
        {"keys": [], "character_keys": "off"},
        {"keys": {"undo": "Q"}, "character_keys": "off"},
        {"keys": {"undo": [["Q"]]}, "character_keys": "off"},
        {"keys": {"no_such_action": ["Q"]}, "character_keys": "off"},
        {"keys": {"<img src=x onerror=alert(1)>": ["Q"]}, "character_keys": "off"},
        {"keys": {"undo": ["<img src=x onerror=alert(1)>"]}, "character_keys": "off"},
        {"keys": {"undo": ["q"]}, "character_keys": "off"},
        {"keys": {"undo": ["Shift+Ctrl+Q"]}, "character_keys": "off"},
        {"keys": {"undo": ["Enter"]}, "character_keys": "off"},
        {"keys": {"undo": ["Ctrl+W"]}, "character_keys": "off"},
        {"keys": {"undo": ["F1", "F2", "F3", "F4", "F6"]}, "character_keys": "off"},
        {"keys": {"undo": ["Q"]}, "character_keys": "sometimes"},
        {"keys": {"undo": ["Q"]}, "character_keys": "off", "theme": "dark"},
    ],
)
def test_what_is_not_in_the_lists_is_refused_and_changes_nothing(cast: Cast, body: dict[str, Any]) -> None:
    client = client_for(cast.ben)
    client.put(URL, CHOSEN)
    response = client.put(URL, body)
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert client.get(URL).json() == CHOSEN


@pytest.mark.parametrize(
    ("keys", "key", "actions"),
    [
        ({"undo": ["S"]}, "S", ["tool_scribble", "undo"]),
        ({"undo": ["F9"], "redo": ["F9"]}, "F9", ["undo", "redo"]),
        ({"undo": ["F9", "F9"]}, "F9", ["undo", "undo"]),
        ({"next": ["X"]}, "X", ["verify_reject", "next"]),
    ],
)
def test_a_key_with_two_meanings_is_refused_by_both_names(
    cast: Cast, keys: dict[str, list[str]], key: str, actions: list[str]
) -> None:
    response = client_for(cast.ben).put(URL, {"keys": keys, "character_keys": "off"})
    refusal = response.json()
    assert (response.status_code, refusal["code"]) == (400, "key_conflict")
    assert refusal["detail"] == {"key": key, "actions": actions}
    assert all(key_list().actions[name].label in refusal["message"] for name in actions)
    assert not Preferences.objects.exists()


def test_keys_may_be_swapped_and_shared_with_checking_mode() -> None:
    assert checked_keys({"undo": ["S"], "tool_scribble": ["Ctrl+Z"]}) == {"tool_scribble": ["Ctrl+Z"], "undo": ["S"]}
    assert checked_keys({"verify_accept": ["X"], "verify_reject": ["Z"]})


def test_actions_that_no_longer_exist_are_left_out(cast: Cast) -> None:
    Preferences.objects.create(user=cast.ben, keys={"undo": ["Q"], "long_gone": ["F9"]})
    assert client_for(cast.ben).get(URL).json()["keys"] == {"undo": ["Q"]}
