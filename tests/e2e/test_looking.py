"""Looking without changing: an earlier mask for comparison, the picture's look, patterns, uncertain places."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD, Hands, Place
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SIZE = 96
RED: Place = (20.0, 20.0)


@pytest.fixture(scope="module")
def image(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A red corner on grey, with two stored masks."""
    project = int(ada.post("projects", {"name": "Looking"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    folder = tmp_path_factory.mktemp("looking")
    pixels = np.full((SIZE, SIZE, 3), 100, np.uint8)
    pixels[:40, :40] = (200, 40, 40)
    PILImage.fromarray(pixels).save(folder / "corner.png")
    instance.manage("import_images", str(project), str(folder))
    return int(ada.get(f"projects/{project}/images")["results"][0]["id"])


@pytest.fixture
def hands(browser: Browser, instance: Instance, ada: Visitor, image: int) -> Iterator[Hands]:
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    project = ada.get(f"images/{image}")["project_id"]
    page.goto(f"/projects/{project}/images/{image}/")
    hands = Hands(page)
    hands.wait("picture", "shown")
    yield hands
    context.close()


def accept_painted(hands: Hands, ada: Visitor, image: int, places: list[Place]) -> str:
    """Paint a stroke of the square's class, accept, and return the stored mask's hash."""
    hands.page.keyboard.press("2")
    hands.page.keyboard.press("b")
    hands.stroke(places)
    hands.wait("on-screen", "edited")
    hands.page.keyboard.press("Enter")
    hands.wait("state", "accepted")
    sha256: str = ada.get(f"images/{image}")["accepted_mask"]["sha256"]
    return sha256


def colour_at(hands: Hands, place: Place) -> tuple[int, int, int]:
    """What the screen shows at a place in image pixels."""
    screen = PILImage.open(io.BytesIO(hands.page.screenshot())).convert("RGB")
    x, y = hands.on_page(place)
    red, green, blue = screen.getpixel((round(x), round(y)))  # type: ignore[misc]
    return red, green, blue


def test_an_earlier_mask_flickers_while_the_key_is_held_and_opens_beside(
    hands: Hands, ada: Visitor, image: int
) -> None:
    page = hands.page
    accept_painted(hands, ada, image, [(60.0, 60.0), (70.0, 60.0)])
    page.locator("[data-action=reopen]").first.click()
    hands.wait("state", "open")
    accept_painted(hands, ada, image, [(60.0, 80.0), (80.0, 80.0)])
    plain = colour_at(hands, (62.0, 80.0))
    page.keyboard.down("c")
    expect(page.locator(".compared")).to_contain_text("Before: ")
    wait_until(lambda: colour_at(hands, (62.0, 80.0)) != plain, "the mask before was not shown")
    page.keyboard.up("c")
    expect(page.locator(".compared")).to_have_count(0)
    wait_until(lambda: colour_at(hands, (62.0, 80.0)) == plain, "the newest mask did not come back")
    page.keyboard.press("Shift+C")
    expect(page.locator("compare-pane")).to_contain_text("% differ")
    shoot(page, "compare_beside")
    # The stage is half as wide now: picture and layers still agree about what is where.
    page.keyboard.press("Shift+H")
    wait_until(lambda: _is_red(colour_at(hands, (4.0, 4.0))), "the picture is not where the view says")
    assert not _is_red(colour_at(hands, (90.0, 90.0)))
    page.keyboard.press("Shift+H")
    page.keyboard.press("Shift+C")
    expect(page.locator("compare-pane select")).to_have_count(0)


def _is_red(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 1.5 * colour[1]


def test_the_pictures_look_is_for_the_eyes_and_kept_for_the_project(hands: Hands) -> None:
    page = hands.page
    before = colour_at(hands, RED)
    page.locator("layer-panel summary", has_text="Picture").click()
    page.locator("input[name=brightness]").fill("0.5")
    wait_until(lambda: colour_at(hands, RED)[0] < 0.7 * before[0], "the picture did not darken")
    shoot(page, "picture_look")
    page.reload()
    hands.wait("picture", "shown")
    wait_until(lambda: colour_at(hands, RED)[0] < 0.7 * before[0], "the look was forgotten")
    page.locator("select[name=channel]").select_option("blue")
    wait_until(lambda: len(set(colour_at(hands, RED))) == 1, "one channel was not shown as grey")
    page.get_by_role("button", name="As it is").click()
    wait_until(lambda: colour_at(hands, RED) == before, "the picture did not come back as it is")


def test_guidelines_lie_beside_the_picture_and_run_nothing(hands: Hands, ada: Visitor, image: int) -> None:
    page = hands.page
    project = ada.get(f"images/{image}")["project_id"]
    text = "# Edges\n\nLeave **shadows** out. <img src=x onerror=alert(1)>"
    ada.send("PATCH", f"projects/{project}", {"guidelines": text})
    page.reload()
    hands.wait("picture", "shown")
    page.keyboard.press("Alt+g")
    panel = page.get_by_role("region", name="Guidelines").last
    expect(panel.get_by_role("heading", name="Edges")).to_be_visible()
    expect(panel.locator("strong")).to_have_text("shadows")
    expect(panel.locator("img")).to_have_count(0)
    shoot(page, "guidelines_panel")
    expect(page.get_by_role("timer", name="Time at work on this image")).to_have_text(re.compile(r"^\d+:\d\d$"))
    page.locator("[data-action=reopen]").first.click()
    hands.wait("state", "open")
    panel.focus()
    before = hands.attribute("on-screen")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert hands.attribute("on-screen") == before
    expect(page.locator(".stage")).to_be_focused()
