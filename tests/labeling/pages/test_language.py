"""Which language a page is in, and how a person changes it."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.utils import translation
from django.views.defaults import server_error

from tests.conftest import Cast
from tests.factories import PASSWORD, make_image


@pytest.fixture
def ada(cast: Cast, client: Client) -> Client:
    client.force_login(cast.ada)
    return client


def test_a_page_is_english_unless_something_else_is_asked_for(ada: Client) -> None:
    for asked in ("", "fr", "xx;q=bad"):
        page = ada.get("/projects/", headers={"Accept-Language": asked} if asked else {})
        assert '<html lang="en"' in page.content.decode() and "Projects" in page.content.decode()


def test_a_browser_that_asks_for_german_gets_german(cast: Cast, ada: Client) -> None:
    make_image(cast.project)
    page = ada.get("/projects/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}).content.decode()
    assert '<html lang="de"' in page and "Neues Projekt" in page and "0 von 1 angenommen" in page


def test_what_a_person_chose_holds_before_what_the_browser_asks_for(ada: Client) -> None:
    answer = ada.post("/language/", {"language": "de", "next": "/projects/new/"}, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer["Location"]) == (302, "/projects/new/")
    page = ada.get("/projects/new/", headers={"Accept-Language": "en"}).content.decode()
    assert '<html lang="de"' in page and "Ein oder zwei Sätze dazu, was hier markiert wird und wozu." in page
    ada.post("/language/", {"language": "en", "next": "/projects/new/"})
    assert '<html lang="en"' in ada.get("/projects/new/", headers={"Accept-Language": "de"}).content.decode()


@pytest.mark.parametrize("language", ["", "fr", "../de", "de" * 500])
def test_a_language_that_does_not_exist_changes_nothing(ada: Client, language: str) -> None:
    assert ada.post("/language/", {"language": language, "next": "/projects/"}).status_code == 302
    assert '<html lang="en"' in ada.get("/projects/").content.decode()


def test_changing_the_language_leads_to_no_other_site(ada: Client) -> None:
    answer = ada.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


def test_refused_forms_and_refusals_speak_german_too(cast: Cast, ada: Client) -> None:
    ada.cookies["burnish_language"] = "de"
    page = ada.post(f"/projects/{cast.project.pk}/members/", {"action": "add", "username": "nobody", "role": "viewer"})
    assert "Ein Konto namens &#x27;nobody&#x27; gibt es nicht." in page.content.decode()
    assert "Dieses Feld ist zwingend erforderlich." in ada.post("/projects/new/", {"name": ""}).content.decode()
    assert "Dieses Projekt gibt es nicht" in ada.get("/projects/999/").content.decode()


def test_signing_in_speaks_german(cast: Cast, client: Client) -> None:
    asked = {"Accept-Language": "de"}
    assert "Sprache" in client.get("/signin/", headers=asked).content.decode()
    page = client.post("/signin/", {"username": "ada", "password": "wrong"}, headers=asked).content.decode()
    assert "Benutzername und Passwort passen nicht zusammen." in page
    client.post("/signin/", {"username": "ada", "password": PASSWORD}, headers=asked)
    assert "Abmelden" in client.get("/projects/", headers=asked).content.decode()


def test_the_api_answers_in_english_unless_it_is_asked_for_german(cast: Cast, ada: Client) -> None:
    assert ada.get("/api/v1/projects/999").json()["message"].startswith("There is no such project")
    german = ada.get("/api/v1/projects/999", headers={"Accept-Language": "de"}).json()
    assert german["message"] == "Dieses Projekt gibt es nicht, oder Sie sind nicht Mitglied."
    assert german["code"] == "not_found"
    titles = [row["title"] for row in ada.get("/api/v1/methods", headers={"Accept-Language": "de"}).json()["methods"]]
    assert "Segmentierung aus Markierungen" in titles


def test_the_page_of_a_broken_server_needs_nothing_but_the_language() -> None:
    with translation.override("de"):
        page = server_error(RequestFactory().get("/")).content.decode()
    assert '<html lang="de"' in page and "Auf dem Server ist etwas kaputtgegangen" in page
