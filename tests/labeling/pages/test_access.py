"""Who may open which page: signed out, a stranger, and each role."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.conftest import Cast
from tests.factories import make_image, make_project, make_run

# Page, and the least role that opens it.
PAGES = {
    "project-images": "vera",
    "project-progress": "vera",
    "project-guidelines": "vera",
    "project-classes": "vera",
    "project-image-history": "vera",
    "project-annotate": "ben",
    "image-annotate": "ben",
    "project-check": "ben",
    "project-review": "cleo",
    "project-training": "cleo",
    "training-run": "cleo",
    "project-models": "cleo",
    "project-import": "ada",
    "project-exports": "ada",
    "project-members": "ada",
    "project-settings": "ada",
}
RANKS = ["vera", "ben", "cleo", "ada"]


def browser(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


@pytest.fixture
def addresses(cast: Cast) -> dict[str, str]:
    image, run = make_image(cast.project), make_run(cast.project)
    extra = {"project-image-history": [image.pk], "image-annotate": [image.pk], "training-run": [run.pk]}
    return {name: reverse(name, args=[cast.project.pk, *extra.get(name, [])]) for name in PAGES}


def test_signed_out_people_are_sent_to_sign_in_and_back(addresses: dict[str, str]) -> None:
    others = [reverse("project-list"), reverse("project-new"), reverse("system"), reverse("home")]
    for address in [*addresses.values(), *others]:
        response = browser(None).get(address)
        assert response.status_code == 302
        assert response.headers["Location"] == f"/signin/?next={address}"


def test_strangers_learn_nothing(cast: Cast, addresses: dict[str, str]) -> None:
    for address in addresses.values():
        response = browser(cast.dan).get(address)
        assert response.status_code == 404, address
        assert cast.project.name not in response.content.decode()


@pytest.mark.parametrize("who", RANKS)
def test_each_role_opens_its_pages_and_is_told_about_the_others(
    cast: Cast, addresses: dict[str, str], who: str
) -> None:
    client = browser(getattr(cast, who))
    for name, address in addresses.items():
        is_allowed = RANKS.index(who) >= RANKS.index(PAGES[name])
        response = client.get(address)
        assert response.status_code == (200 if is_allowed else 403), f"{who} at {name}"
        if not is_allowed:
            assert "Ask an owner of the project" in response.content.decode()


def test_a_site_admin_opens_everything(cast: Cast, addresses: dict[str, str]) -> None:
    client = browser(cast.root)
    assert {client.get(address).status_code for address in addresses.values()} == {200}


def test_navigation_shows_what_the_role_may_open(cast: Cast, addresses: dict[str, str]) -> None:
    seen_by = {who: browser(getattr(cast, who)).get(addresses["project-images"]).content.decode() for who in RANKS}
    assert addresses["project-training"] not in seen_by["ben"]
    assert addresses["project-training"] in seen_by["cleo"]
    assert addresses["project-settings"] not in seen_by["cleo"]
    assert addresses["project-settings"] in seen_by["ada"]
    assert addresses["project-annotate"] not in seen_by["vera"]
    assert f'href="{addresses["project-images"]}" aria-current="page"' in seen_by["vera"]


def test_pages_hand_over_ids_only(cast: Cast, addresses: dict[str, str]) -> None:
    html = browser(cast.ben).get(addresses["project-images"]).content.decode()
    head = html[: html.index(">", html.index("<html"))]
    assert f'data-project="{cast.project.pk}"' in head
    assert 'data-seq="0"' in head
    assert 'data-role="annotator"' in head
    assert f'data-user="{cast.ben.pk}"' in head


def test_an_image_is_found_only_under_its_own_project(cast: Cast) -> None:
    other = make_image(cast.project)
    elsewhere = make_project(owner=cast.ada)
    client = browser(cast.ada)
    for name in ("project-image-history", "image-annotate"):
        assert client.get(reverse(name, args=[elsewhere.pk, other.pk])).status_code == 404
        assert client.get(reverse(name, args=[cast.project.pk, other.pk + 99])).status_code == 404
    assert client.get(reverse("training-run", args=[elsewhere.pk, make_run(cast.project).pk])).status_code == 404


def test_an_archived_project_can_be_looked_at_but_not_worked_in(cast: Cast, addresses: dict[str, str]) -> None:
    cast.project.is_archived = True
    cast.project.save()
    client = browser(cast.ben)
    html = client.get(addresses["project-images"]).content.decode()
    assert "This project is archived" in html
    assert "data-archived" in html
    assert addresses["project-annotate"] not in html
    assert client.get(addresses["project-annotate"]).status_code == 403
    assert browser(cast.ada).get(addresses["project-settings"]).status_code == 200


def test_only_site_admins_know_of_the_system_page(cast: Cast) -> None:
    assert browser(cast.ada).get(reverse("system")).status_code == 404
    assert browser(cast.root).get(reverse("system")).status_code == 200


def test_no_page_carries_inline_script_or_style(cast: Cast, addresses: dict[str, str]) -> None:
    client = browser(cast.root)
    for address in [*addresses.values(), reverse("project-list"), reverse("system"), reverse("password")]:
        response = client.get(address)
        html = response.content.decode()
        assert " style=" not in html, address
        assert "<style" not in html, address
        assert "<script>" not in html, address
        assert "script-src 'self' 'wasm-unsafe-eval';" in response.headers["Content-Security-Policy"]
