"""Signing in and out, the password, the first admin, and accounts."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from labeling.errors import Conflict
from labeling.services import accounts
from tests.conftest import Cast
from tests.factories import PASSWORD, make_user


@pytest.fixture(autouse=True)
def fresh_counters() -> None:
    """Attempts to sign in are counted in Redis, which outlives a test."""
    cache.clear()


def test_signing_in_leads_back_to_where_one_wanted_to_go(cast: Cast) -> None:
    target = reverse("project-images", args=[cast.project.pk])
    client = Client()
    response = client.post(reverse("signin"), {"username": "ada", "password": PASSWORD, "next": target})
    assert (response.status_code, response.headers["Location"]) == (302, target)
    assert client.get(target).status_code == 200


def test_signing_in_never_leads_to_another_site(cast: Cast) -> None:
    sent = {"username": "ada", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post(reverse("signin"), sent).headers["Location"] == reverse("home")


def test_a_wrong_password_says_so_and_keeps_the_name(cast: Cast) -> None:
    response = Client().post(reverse("signin"), {"username": "ada", "password": "wrong"})
    html = response.content.decode()
    assert response.status_code == 200
    assert "do not match" in html
    assert 'value="ada"' in html
    assert "wrong" not in html


def test_guessing_is_slowed_down_even_with_the_right_password_at_last(cast: Cast) -> None:
    for _ in range(10):
        assert Client().post(reverse("signin"), {"username": "ada", "password": "wrong"}).status_code == 200
    response = Client().post(reverse("signin"), {"username": "ada", "password": PASSWORD})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) <= 61
    assert "Too many attempts" in response.content.decode()
    assert Client().post(reverse("signin"), {"username": "ben", "password": PASSWORD}).status_code == 302


def test_a_guesser_cannot_pretend_to_call_from_everywhere(cast: Cast) -> None:
    def guess(url: str, number: int) -> int:
        sent = {"username": "ada", "password": "wrong"}
        headers = {"x-forwarded-for": f"10.0.0.{number}"}
        return Client().post(url, sent, headers=headers, content_type="application/json").status_code

    statuses = [guess("/api/v1/session", number) for number in range(11)]
    assert 429 not in statuses[:10]
    assert statuses[10] == 429


def test_the_admin_has_no_door_of_its_own(cast: Cast) -> None:
    response = Client().post("/admin/login/?next=/admin/auth/", {"username": "root", "password": PASSWORD})
    assert response.headers["Location"] == f"{reverse('signin')}?next=/admin/auth/"
    response = Client().get("/admin/login/?next=https://evil.example/")
    assert response.headers["Location"] == f"{reverse('signin')}?next=/admin/"
    client = Client()
    client.force_login(cast.ada)
    assert client.get("/admin/", follow=True).status_code == 404
    client.force_login(cast.root)
    assert client.get("/admin/").status_code == 200


def test_signing_out_needs_a_post(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.ada)
    assert client.get(reverse("signout")).status_code == 405
    assert client.post(reverse("signout")).headers["Location"] == reverse("signin")
    assert client.get(reverse("project-list")).status_code == 302


def test_changing_the_password_needs_the_old_one_and_a_good_new_one(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.ada)
    new = "a much better phrase 7"
    bad = [
        {"old_password": "wrong", "new_password1": new, "new_password2": new},
        {"old_password": PASSWORD, "new_password1": "12345678", "new_password2": "12345678"},
        {"old_password": PASSWORD, "new_password1": new, "new_password2": new + "x"},
    ]
    for sent in bad:
        response = client.post(reverse("password"), sent)
        assert response.status_code == 200
        assert 'aria-invalid="true"' in response.content.decode()
    assert User.objects.get(username="ada").check_password(PASSWORD)
    good = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post(reverse("password"), good).status_code == 302
    assert User.objects.get(username="ada").check_password(new)
    assert client.get(reverse("project-list")).status_code == 200


def test_changing_the_password_needs_a_session(db: None) -> None:
    assert Client().get(reverse("password")).headers["Location"].startswith("/signin/")


FIRST = {"username": "grace", "password1": "a phrase nobody guesses", "password2": "a phrase nobody guesses"}


@pytest.mark.django_db
def test_a_fresh_installation_leads_to_the_first_admin_and_then_closes_that_door() -> None:
    client = Client()
    assert client.get(reverse("signin")).headers["Location"] == reverse("setup")
    assert client.get(reverse("setup")).status_code == 200
    response = client.post(reverse("setup"), FIRST)
    assert response.headers["Location"] == reverse("project-new")
    grace = User.objects.get()
    assert (grace.username, grace.is_staff, grace.is_superuser) == ("grace", True, True)
    assert client.get(reverse("project-list")).status_code == 200
    other = Client()
    assert other.get(reverse("setup")).headers["Location"] == reverse("signin")
    assert other.post(reverse("setup"), FIRST | {"username": "mallory"}).headers["Location"] == reverse("signin")
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_first_admin_needs_a_good_password() -> None:
    response = Client().post(reverse("setup"), FIRST | {"password1": "grace", "password2": "grace"})
    assert response.status_code == 200
    assert "too short" in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_up_at_once_one_wins() -> None:
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def attempt(name: str) -> None:
        try:
            barrier.wait(timeout=10)
            accounts.create_first_admin(username=name, password="a phrase nobody guesses")
            outcomes.append("made")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(name,)) for name in ("grace", "mallory")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["made", "set_up"]
    assert User.objects.count() == 1


def test_a_site_admin_opens_and_closes_accounts(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.root)
    sent = {"action": "add", "username": "eve", "password1": "another long phrase", "password2": "another long phrase"}
    assert client.post(reverse("system"), sent).status_code == 302
    eve = User.objects.get(username="eve")
    assert (eve.is_staff, eve.is_active) == (False, True)
    assert "already exists" in client.post(reverse("system"), sent).content.decode()
    client.post(reverse("system"), {"action": "close", "account": eve.pk})
    assert not User.objects.get(pk=eve.pk).is_active
    client.post(reverse("system"), {"action": "open", "account": eve.pk})
    assert User.objects.get(pk=eve.pk).is_active
    assert client.post(reverse("system"), {"action": "close", "account": "x"}).status_code == 404


def test_nobody_closes_their_own_account(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.root)
    response = client.post(reverse("system"), {"action": "close", "account": cast.root.pk}, follow=True)
    assert "cannot close your own account" in response.content.decode()
    assert User.objects.get(pk=cast.root.pk).is_active


def test_only_site_admins_open_accounts(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.ada)
    sent = {"action": "add", "username": "eve", "password1": "another long phrase", "password2": "another long phrase"}
    assert client.post(reverse("system"), sent).status_code == 404
    assert not User.objects.filter(username="eve").exists()


def test_a_new_account_may_be_an_admin(db: None) -> None:
    make_user("first")
    admin = accounts.create_account(username="second", password="a long phrase", is_admin=True)
    assert (admin.is_staff, admin.is_superuser) == (True, True)
