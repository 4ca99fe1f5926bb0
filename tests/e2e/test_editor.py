"""What an annotator's hands rely on: nothing drawn is lost, undo undoes, edits are what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD, Hands, Place
from tests.factories import photo
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SIZE = 96
NUM_IMAGES = 12
SQUARE: list[Place] = [(28.0, 30.0), (44.0, 42.0)]
GROUND: list[Place] = [(10.0, 80.0), (80.0, 84.0)]


@pytest.fixture(scope="module")
def ada(instance: Instance) -> Visitor:
    """The owner, by program: sets the stage and looks at what the server holds."""
    for name in ("ada", "ben"):
        words = ("createsuperuser", "--noinput", f"--username={name}", "--email=")
        instance.manage(*words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    visitor = Visitor(instance)
    visitor.sign_in("ada", PASSWORD)
    return visitor


@pytest.fixture(scope="module")
def project(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    project = int(ada.post("projects", {"name": "Squares"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    folder = tmp_path_factory.mktemp("squares")
    for number in range(NUM_IMAGES):
        PILImage.fromarray(photo(width=SIZE, height=SIZE, seed=number)).save(folder / f"square {number}.png")
    instance.manage("import_images", str(project), str(folder))
    return project


def fresh_context(browser: Browser, instance: Instance) -> BrowserContext:
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    return context


def signed_in(context: BrowserContext, name: str) -> Page:
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    return page


@pytest.fixture
def hands(browser: Browser, instance: Instance, project: int) -> Iterator[Hands]:
    """Ada at the next image of the queue."""
    context = fresh_context(browser, instance)
    page = signed_in(context, "ada")
    page.goto(f"/projects/{project}/annotate/")
    hands = Hands(page)
    hands.wait_open()
    yield hands
    context.close()


def image_of(hands: Hands) -> int:
    return int(hands.attribute("current-image-id"))


def stored_marks(visitor: Visitor, image: int) -> list[dict[str, Any]]:
    marks: list[dict[str, Any]] = visitor.get(f"images/{image}/annotation")["marks"]
    return marks


def accept_and_leave(hands: Hands) -> None:
    """Take the image out of the queue, so that the next test gets another one."""
    hands.wait_proposal()
    image = hands.attribute("current-image-id")
    hands.page.keyboard.press("Control+Enter")
    hands.wait("current-image-id", image, negate=True)


def test_strokes_drawn_offline_arrive_when_the_line_is_back(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    hands.page.context.set_offline(True)
    hands.scribble("2", SQUARE)
    hands.scribble("1", GROUND)
    hands.wait("saved", "offline")
    assert stored_marks(ada, image) == []
    hands.page.context.set_offline(False)
    hands.wait("saved", "saved")
    assert len(stored_marks(ada, image)) == 2
    accept_and_leave(hands)


def test_strokes_survive_closing_the_page_while_offline(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    context = hands.page.context
    context.set_offline(True)
    hands.scribble("2", SQUARE)
    hands.scribble("1", GROUND)
    hands.wait("saved", "offline")
    address = hands.page.url
    hands.page.close(run_before_unload=False)
    context.set_offline(False)
    page = context.new_page()
    page.goto(address)
    again = Hands(page)
    again.wait_open()
    again.wait("marks", "2")
    again.wait("saved", "saved")
    assert len(stored_marks(ada, image)) == 2
    accept_and_leave(again)


def test_a_browser_whose_storage_is_full_keeps_every_stroke_and_says_so(hands: Hands, ada: Visitor) -> None:
    image, page = image_of(hands), hands.page
    page.evaluate("""() => {
      IDBObjectStore.prototype.put = () => { throw new DOMException("no room", "QuotaExceededError"); };
    }""")
    page.keyboard.press("2")
    page.keyboard.press("b")
    hands.stroke([(20.0, 70.0), (70.0, 70.0)])
    hands.wait("on-screen", "edited")
    expect(page.get_by_text("storage is full")).to_be_visible()
    page.context.set_offline(True)
    hands.scribble("2", SQUARE)
    hands.wait("saved", "offline")
    page.context.set_offline(False)
    hands.wait("saved", "saved")
    assert len(stored_marks(ada, image)) == 1
    # The same image anew, without a new page: the painting is still there.
    page.keyboard.press("f")
    hands.wait("current-image-id", str(image), negate=True)
    hands.wait_open()
    page.keyboard.press("d")
    hands.wait("current-image-id", str(image))
    hands.wait("on-screen", "edited")
    page.keyboard.press("Enter")
    wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "the painting was not accepted")


def test_a_session_that_ends_costs_no_stroke(hands: Hands, ada: Visitor) -> None:
    image, mouse = image_of(hands), hands.page.mouse
    hands.page.keyboard.press("2")
    hands.page.keyboard.press("s")
    # Whatever finds out first that the session has ended, the window to sign in again waits for the stroke.
    mouse.move(*hands.on_page(SQUARE[0]))
    mouse.down()
    hands.page.context.clear_cookies()
    mouse.move(*hands.on_page(SQUARE[1]), steps=6)
    mouse.up()
    hands.wait("marks", "1")
    dialog = hands.page.locator("dialog[open]")
    dialog.wait_for()
    dialog.locator("input[name=username]").fill("ada")
    dialog.locator("input[name=password]").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    dialog.wait_for(state="hidden")
    hands.wait("saved", "saved")
    assert len(stored_marks(ada, image)) == 1
    hands.scribble("1", GROUND)
    accept_and_leave(hands)


def test_undo_and_redo_reach_the_server(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    hands.scribble("2", SQUARE)
    hands.scribble("1", GROUND)
    hands.wait("saved", "saved")
    hands.page.keyboard.press("Control+z")
    hands.wait("marks", "1")
    wait_until(lambda: len(stored_marks(ada, image)) == 1, "the undo never arrived")
    hands.page.keyboard.press("Control+Shift+z")
    hands.wait("marks", "2")
    wait_until(lambda: len(stored_marks(ada, image)) == 2, "the redo never arrived")
    accept_and_leave(hands)


def test_an_edit_with_the_brush_is_what_is_stored_and_can_be_reopened(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    hands.scribble("2", SQUARE)
    hands.scribble("1", GROUND)
    proposed = hands.wait_proposal()
    hands.page.keyboard.press("2")
    hands.page.keyboard.press("b")
    hands.stroke([(70.0, 12.0), (84.0, 12.0)])
    hands.wait("on-screen", "edited")
    hands.page.keyboard.press("Enter")
    wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "the edit was never accepted")
    masks = ada.get(f"images/{image}/masks")["results"]
    assert masks[0]["is_accepted"] and masks[0]["origin"] == "edited" and masks[0]["sha256"] != proposed
    hands.page.goto(hands.page.url.replace(hands.attribute("current-image-id"), str(image)))
    hands.wait("state", "accepted")
    hands.page.locator("[data-action=reopen]").first.click()
    hands.wait("state", "open")
    assert ada.get(f"images/{image}")["accepted_mask"] is None
    hands.page.keyboard.press("Control+Enter")
    wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "the reopened mask was not accepted again")


def test_skipping_asks_for_a_reason_by_digit(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    hands.page.keyboard.press("Control+Space")
    hands.page.locator("dialog[open]").wait_for()
    hands.page.keyboard.press("2")
    hands.wait("current-image-id", str(image), negate=True)
    assert ada.get(f"images/{image}")["skip_reason"] == "not_usable"


def test_a_second_person_is_told_who_works_on_the_image(hands: Hands, browser: Browser, instance: Instance) -> None:
    context = fresh_context(browser, instance)
    page = signed_in(context, "ben")
    page.goto(hands.page.url)
    Hands(page).wait("state", "leased")
    page.get_by_text("ada").first.wait_for()
    context.close()


def second_window(hands: Hands) -> Hands:
    """The same person at the same image, in another tab."""
    page = hands.page.context.new_page()
    page.goto(hands.page.url)
    other = Hands(page)
    other.wait_open()
    return other


def choose(hands: Hands, choice: str) -> None:
    hands.page.locator(f"conflict-panel button[data-choice={choice}]").click()
    expect(hands.page.locator("conflict-panel section")).to_have_count(0)


def test_a_mark_moved_in_two_windows_is_shown_in_both_versions_and_one_is_chosen(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    hands.page.keyboard.press("2")
    hands.page.keyboard.press("k")
    hands.stroke([(48.0, 48.0)])
    hands.wait("marks", "1")
    hands.wait("saved", "saved")
    other = second_window(hands)
    other.wait("marks", "1")
    expect(hands.page.get_by_text("in another window too")).to_be_visible()
    # The other window cannot save until both have moved the mark.
    other.page.route(
        "**/annotation", lambda route: route.abort() if route.request.method == "PUT" else route.continue_()
    )
    for window, place in ((other, (70.0, 60.0)), (hands, (20.0, 30.0))):
        window.page.bring_to_front()
        window.page.keyboard.press("v")
        window.stroke([(48.0, 48.0), place])
    other.wait("marks", "2")
    other.page.bring_to_front()
    expect(other.page.locator("conflict-panel figure")).to_have_count(3)
    shoot(other.page, "conflict_marks")
    other.page.unroute("**/annotation")
    choose(other, "theirs")
    wait_until(
        lambda: [mark["geometry"] for mark in stored_marks(ada, image)] == [{"x": 20.0, "y": 30.0}],
        "the choice never arrived",
    )
    other.page.keyboard.press("Control+z")
    wait_until(lambda: len(stored_marks(ada, image)) == 2, "undo did not bring the other version back")
    ada.send("POST", f"images/{image}/skip", {"reason": "other"})


def test_a_painting_that_meets_a_mask_accepted_elsewhere_can_lie_over_it(hands: Hands, ada: Visitor) -> None:
    image = image_of(hands)
    other = second_window(hands)
    for window, y in ((hands, 20.0), (other, 70.0)):
        window.page.bring_to_front()
        window.page.keyboard.press("2")
        window.page.keyboard.press("b")
        window.stroke([(20.0, y), (70.0, y)])
        window.wait("on-screen", "edited")
    other.page.keyboard.press("Control+Enter")
    theirs = wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "the other mask was not accepted")
    hands.page.bring_to_front()
    hands.wait("state", "accepted")
    expect(hands.page.locator("conflict-panel figure")).to_have_count(3)
    shoot(hands.page, "conflict_mask")
    choose(hands, "both")
    hands.wait("on-screen", "edited")
    hands.page.keyboard.press("Enter")
    hands.wait("state", "accepted")
    masks = ada.get(f"images/{image}/masks")["results"]
    assert masks[0]["is_accepted"] and masks[0]["parent"] == theirs["id"]
    mine, before = masks[0]["pixel_counts"], masks[1]["pixel_counts"]
    assert mine["1"] == 2 * before["1"]
