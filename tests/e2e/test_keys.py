"""Keys and the list of actions: found by typing, chosen by pressing, kept for the person wherever they sign in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD, Hands
from tests.factories import photo
from tests.instance import Instance, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def project(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    project = int(ada.post("projects", {"name": "Keys"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    folder = tmp_path_factory.mktemp("keys")
    for number in range(3):
        PILImage.fromarray(photo(width=96, height=96, seed=number)).save(folder / f"picture {number}.png")
    instance.manage("import_images", str(project), str(folder))
    return project


@pytest.fixture
def hands(browser: Browser, instance: Instance, project: int) -> Iterator[Hands]:
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    page.goto(f"/projects/{project}/annotate/")
    hands = Hands(page)
    hands.wait_open()
    yield hands
    context.close()


def test_any_action_is_found_by_typing_and_run_without_the_mouse(hands: Hands) -> None:
    page = hands.page
    page.keyboard.press("Control+k")
    search = page.get_by_role("combobox", name="Find an action")
    expect(search).to_be_focused()
    page.keyboard.type("eraser")
    expect(page.locator("dialog.action-palette").get_by_role("option")).to_have_count(1)
    shoot(page, "action_palette")
    page.keyboard.press("Enter")
    hands.wait("tool", "eraser")
    expect(search).to_be_hidden()
    page.keyboard.press("b")
    hands.wait("tool", "brush")


def choose_key(page: Page, name: str, key: str) -> None:
    """Press a key for an action in the window that asks for it."""
    row = page.locator(f"dialog.keys [data-action={name}]")
    row.locator("[data-add]").click()
    expect(row.get_by_text("Press a key")).to_be_visible()
    page.keyboard.press(key)


def test_a_chosen_key_works_is_printed_everywhere_and_survives_a_reload(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("?")
    page.get_by_role("button", name="Choose keys").click()
    choose_key(page, "tool_brush", "j")
    choose_key(page, "tool_scribble", "b")
    page.get_by_role("button", name="Use B for").click()
    shoot(page, "choose_keys")
    page.get_by_role("button", name="Save keys").click()
    expect(page.locator("dialog.keys")).to_be_hidden()
    chosen = {"keys": {"tool_scribble": ["S", "B"], "tool_brush": ["J"]}, "character_keys": "everywhere"}
    assert ada.get("me/preferences") == chosen
    page.reload()
    hands.wait_open()
    for key, tool in (("j", "brush"), ("b", "scribble")):
        page.keyboard.press(key)
        hands.wait("tool", tool)
    expect(page.get_by_role("button", name="Brush on the mask")).to_have_attribute("title", "Brush on the mask (J)")
    page.keyboard.press("?")
    sheet = page.locator("dialog.help[open]")
    expect(sheet.locator("dl > div", has_text="Brush on the mask")).to_contain_text("J")


def test_one_letter_keys_can_be_switched_off(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("Control+k")
    page.keyboard.type("choose keys")
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="not at all").check()
    page.get_by_role("button", name="Save keys").click()
    expect(page.locator("dialog.keys")).to_be_hidden()
    tool = hands.attribute("tool")
    for key in ("b", "e", "k", "2"):
        page.keyboard.press(key)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find an action")).to_be_focused()
    assert hands.attribute("tool") == tool
    assert ada.get("me/preferences")["character_keys"] == "off"
