"""Checking proposals one at a time: a key an answer, and every answer can be changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD, Hands
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
# What a trained version leaves behind, without the training.
PROPOSE = """
from labeling.models import Project
from tests.factories import make_image, make_model_proposal, make_version
project = Project.objects.latest("pk")
version = make_version(project, is_active=True)
for place in range(4):
    image = make_image(project, order_key=place / 10)
    if place < 3:
        make_model_proposal(image, version)
"""


@pytest.fixture
def hands(browser: Browser, instance: Instance, ada: Visitor) -> Iterator[Hands]:
    project = int(ada.post("projects", {"name": "Checking"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    instance.manage("shell", "-c", PROPOSE)
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    page.goto(f"/projects/{project}/annotate/")
    yield Hands(page)
    context.close()


def test_each_key_is_an_answer_and_each_answer_can_be_changed(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    hands.wait_open()
    page.keyboard.press("Shift+A")
    seen = []
    for key in ("a", "x", " "):
        hands.wait("on-screen", "proposal")
        image = hands.wait_open()
        seen.append(image)
        page.keyboard.press(key)
        hands.wait("current-image-id", str(image), negate=True)
    accepted, rejected, passed = seen
    assert ada.get(f"images/{accepted}")["state"] == "accepted"
    statuses = [row["status"] for row in ada.get(f"images/{rejected}/proposals")["results"]]
    assert statuses == ["rejected"]
    rows = page.locator("answer-list li")
    expect(rows).to_have_count(3)
    shoot(page, "checking")
    # Nothing else is left, so asking again brings the one passed on.
    page.get_by_role("button", name="Ask again").click()
    assert hands.wait_open() == passed
    page.locator(f"[data-answer-image='{rejected}']").click()
    hands.wait("current-image-id", str(rejected))
    hands.wait("on-screen", "rest")
    page.locator("[data-action=verify_accept]:enabled").wait_for()
    page.keyboard.press("a")
    wait_until(lambda: ada.get(f"images/{rejected}")["state"] == "accepted", "the changed answer did not arrive")
    hands.wait("current-image-id", str(rejected), negate=True)
    page.locator(f"[data-answer-image='{accepted}']").click()
    hands.wait("current-image-id", str(accepted))
    hands.wait("state", "open")
    wait_until(lambda: ada.get(f"images/{accepted}")["state"] != "accepted", "going back did not reopen")


def test_backspace_takes_the_last_answer_back_and_the_end_is_told(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    hands.wait_open()
    page.keyboard.press("Shift+A")
    hands.wait("on-screen", "proposal")
    first = hands.wait_open()
    page.keyboard.press("a")
    hands.wait("current-image-id", str(first), negate=True)
    hands.wait("on-screen", "proposal")
    page.keyboard.press("Backspace")
    hands.wait("current-image-id", str(first))
    hands.wait("state", "open")
    for _ in range(3):
        hands.wait("on-screen", "none", negate=True)
        page.locator("[data-action=verify_accept]:enabled").wait_for()
        before = hands.attribute("current-image-id")
        page.keyboard.press("a")
        hands.wait("current-image-id", before, negate=True)
    expect(page.get_by_role("heading", name="No proposals left to check")).to_be_visible()
    page.locator(".overlay").get_by_role("button", name="Stop checking").click()
    hands.wait_open()
    expect(page.locator("answer-list li")).to_have_count(0)
