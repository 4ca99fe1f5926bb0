"""Nonsense in every field of every form: the page may refuse, it may never fail."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from tests.conftest import Cast

VALUES = ["", "\x00", "a\x00b", "x" * 100_000, "-1", "9" * 400, "9" * 18, "1e999", "nan", "\u202e", "#zzzzzz", "../.."]
# Page -> its actions and its fields; "{p}" is the project.
FORMS: dict[str, tuple[list[str], list[str]]] = {
    "/projects/new/": ([""], ["name", "description"]),
    "/projects/{p}/classes/": (["add", "up", "retire", "save", "\x00"], ["class", "name", "color", "is_background"]),
    "/projects/{p}/members/": (["add", "remove", "role"], ["member", "username", "role"]),
    "/projects/{p}/settings/": (
        ["", "rules"],
        ["name", "description", "random_share", "retrain_after", "acquisition", "interactive_method"],
    ),
    "/projects/{p}/guidelines/": (["save", "preview"], ["guidelines"]),
    "/system/": (["add", "open", "close"], ["username", "password1", "password2", "account", "is_admin"]),
    "/password/": ([""], ["old_password", "new_password1", "new_password2"]),
    "/signin/": ([""], ["username", "password", "next"]),
}


@pytest.mark.parametrize("page", FORMS)
def test_nonsense_in_any_field_is_refused_politely(cast: Cast, page: str) -> None:
    cache.clear()
    actions, fields = FORMS[page]
    good = {
        "class": cast.project.classes.earliest("pk").pk, "member": cast.project.memberships.latest("pk").pk,
        "account": cast.dan.pk, "name": "n", "color": "#aabbcc", "role": "viewer", "username": "dan",
        "random_share": "0.5", "retrain_after": "3", "acquisition": "entropy", "interactive_method": "live_head",
        "guidelines": "g", "password": "wrong", "password1": "a long phrase", "password2": "a long phrase",
    }  # fmt: skip
    client = Client(raise_request_exception=False)
    if page != "/signin/":
        client.force_login(cast.root if page == "/system/" else cast.ada)
    wrong = []
    for action in actions:
        for field in fields:
            for value in VALUES:
                sent = {name: good[name] for name in fields if name in good} | {"action": action, field: value}
                with transaction.atomic():
                    response = client.post(page.format(p=cast.project.pk), sent)
                    transaction.set_rollback(True)
                if response.status_code >= 500:
                    wrong.append((action, field, value[:40], response.status_code))
    assert wrong == []
