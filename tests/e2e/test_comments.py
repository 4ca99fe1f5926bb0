"""Comments pinned to a place: written, seen by another person at once, answered with a mask, resolved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from models_zoo import decode_png
from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD, Hands
from tests.instance import Instance, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
expect.set_options(timeout=30_000)
TEXT = "<b>Is the brim</b> part of the coin?\nIt is worn away here, and the guidelines do not say."
# A project of two people with one picture.
FILL = """
from django.contrib.auth.models import User
from labeling.models import Project, Role
from tests.factories import make_image, make_member
project = Project.objects.latest("pk")
user, _ = User.objects.get_or_create(username="cleo-with-a-very-long-name-that-fills-the-line")
user.set_password("a fairly long password")
user.save()
make_member(project, user, Role.REVIEWER)
make_image(project, width=320, height=240)
"""
CLEO = "cleo-with-a-very-long-name-that-fills-the-line"


@pytest.fixture
def image(ada: Visitor, instance: Instance) -> dict[str, int]:
    project = int(ada.post("projects", {"name": "Coins"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "coin"})
    instance.manage("shell", "-c", FILL)
    (row,) = ada.get(f"projects/{project}/images")["results"]
    return {"project": project, "id": row["id"]}


@pytest.fixture
def cleos_page(browser: Browser, instance: Instance) -> Iterator[Page]:
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def open_editor(page: Page, username: str, image: dict[str, int]) -> Hands:
    page.goto("/signin/")
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    page.goto(f"/projects/{image['project']}/images/{image['id']}/")
    hands = Hands(page)
    hands.wait("picture", "shown")
    return hands


def test_a_place_is_talked_about_by_two_people(
    page: Page, cleos_page: Page, ada: Visitor, image: dict[str, int]
) -> None:
    hands = open_editor(page, "ada", image)
    hands.wait_open()
    theirs = open_editor(cleos_page, CLEO, image)
    theirs.wait("state", "leased")

    page.keyboard.press("n")
    page.mouse.click(*hands.on_page((120, 90)))
    page.locator("comments-panel textarea").fill("half a tho")
    page.reload()
    hands.wait("picture", "shown")
    page.keyboard.press("Alt+n")
    expect(page.locator("comments-panel textarea")).to_have_value("half a tho")
    page.locator("comments-panel textarea").fill(TEXT)
    page.keyboard.press("Control+Enter")
    words = page.locator("comments-panel .words")
    expect(words).to_have_text(TEXT)
    expect(page.locator("comments-panel .words b")).to_have_count(0)

    # The other person sees it at once, opens it by its pin, and answers with a mask.
    expect(cleos_page.get_by_role("button", name="Comments (1)")).to_be_visible()
    cleos_page.keyboard.press("n")
    cleos_page.mouse.click(*theirs.on_page((120, 90)))
    expect(cleos_page.locator("comments-panel [aria-current=true] .words")).to_have_text(TEXT)
    page.goto(f"/projects/{image['project']}/")
    theirs.wait_open()
    cleos_page.keyboard.press("2")
    cleos_page.keyboard.press("b")
    theirs.stroke([(60, 60), (180, 60), (180, 150)])
    theirs.wait("on-screen", "edited")
    cleos_page.get_by_role("button", name="Comment on the image").click()
    cleos_page.locator("comments-panel textarea").fill("I would draw it like this.")
    cleos_page.get_by_label("Propose the mask on the screen").check()
    shoot(cleos_page, "comments")
    cleos_page.get_by_role("button", name="Send").click()
    expect(cleos_page.locator("comments-panel .said")).to_have_count(2)
    first, second = reversed(ada.get(f"images/{image['id']}/comments")["results"])
    assert (first["text"], first["proposed_mask"]) == (TEXT, None)
    assert abs(first["place"]["x"] - 120) < 1.5 and abs(first["place"]["y"] - 90) < 1.5
    assert second["place"] is None
    label_map = decode_png(ada.raw(second["proposed_mask"]["url"]))
    assert label_map.shape == (240, 320) and label_map[60, 100] == 1 and label_map[200, 20] == 255

    # The list of images counts what is open; the first person takes the mask over and settles both.
    expect(page.locator(".talked")).to_contain_text("2")
    page.get_by_role("button", name="With comments").click()
    expect(page.locator(".tile")).to_have_count(1)
    cleos_page.goto("/projects/")
    page.locator(".tile .picture").click()
    hands.wait_open()
    page.keyboard.press("Alt+n")
    page.locator("[data-do=take]").click()
    hands.wait("on-screen", "edited")
    for left in (1, 0):
        page.locator("[data-do=resolve]").first.click()
        expect(page.locator("comments-panel .said[data-resolved=false]")).to_have_count(left)
    page.get_by_label("2 resolved too").check()
    expect(page.locator("comments-panel .said")).to_have_count(2)
    shoot(page, "comments-resolved")
    assert ada.get(f"images/{image['id']}")["open_comments"] == 0
