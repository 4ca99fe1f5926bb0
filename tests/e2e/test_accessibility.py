"""Every page, checked by axe-core in a real browser: wide and narrow, light and dark, with its dialogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import Hands
from tests.e2e.every_page import PASSWORD, Filled, fill, page_names
from tests.instance import WebInstance

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, ZOOMED, NARROW = 1280, 640, 400  # px; 640 is what a 1280 px window leaves at 200 % zoom
HEIGHT = 800

CHECK = """async (rules) => {
  const shown = document.querySelector("dialog[open]") ?? document;
  const answer = await axe.run(shown, { runOnly: rules, resultTypes: ["violations"] });
  return answer.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.failureSummary}`));
}"""
MOVING = "() => document.getAnimations().some(({ effect }) => effect.getComputedTiming().duration > 10)"
SEEN = """() => {
  const one = document.activeElement;
  if (one === document.body) return "";
  for (let each = one; each !== null; each = each.parentElement) {
    if (getComputedStyle(each).outlineStyle !== "none") return "";
  }
  return one.outerHTML.slice(0, 160);
}"""
# Two frames on, nothing has the other theme's colours any more.
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ALL_RULES = {"type": "tag", "values": TAGS}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
MORE_CONTRAST = {"type": "rule", "values": ["color-contrast-enhanced"]}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebInstance]:
    with WebInstance(tmp_path_factory.mktemp("e2e"), settings.REDIS_URL) as running:
        yield running


@pytest.fixture(scope="module")
def filled(instance: WebInstance) -> Filled:
    return fill(instance)


@pytest.fixture
def context(browser: Browser, instance: WebInstance) -> Iterator[BrowserContext]:
    """Nothing moves, so that no colour is caught on its way."""
    context = browser.new_context(
        base_url=instance.address, viewport={"width": WIDE, "height": HEIGHT}, reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    yield context
    context.close()


def signed_in(context: BrowserContext, name: str) -> Page:
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")
    return page


@pytest.fixture
def page(context: BrowserContext, filled: Filled) -> Page:
    return signed_in(context, "ada")


def settled(page: Page) -> None:
    """Until the page's elements have fetched what they show."""
    page.wait_for_function(
        "() => document.querySelector('.loading') === null"
        " && !['loading', undefined].includes(document.querySelector('label-canvas')?.dataset.state ?? '')"
    )


def too_wide(page: Page, name: str) -> list[str]:
    """A complaint if the page has to be scrolled across at its present width."""
    wide, width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    return [f"{name}: {wide} px wide in a window of {width} px"] if wide > width else []


def looked_at(page: Page, name: str, rules: Mapping[str, object]) -> list[str]:
    """What axe finds by these rules on the page as it is shown now."""
    page.evaluate(PAINTED)
    answers: list[str] = page.evaluate(CHECK, rules)
    return [f"{name}: {answer}" for answer in answers]


def problems(page: Page, name: str, *, sizes: tuple[int, ...] = (WIDE, NARROW)) -> list[str]:
    """What axe finds on the page as it stands, by width and theme; and whether it is too wide for the window."""
    settled(page)
    page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text(encoding='utf-8')} }} }}")
    found: list[str] = []
    for width in sizes:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for theme, rules in (("light", ALL_RULES), ("dark", COLOURS)):
            page.emulate_media(color_scheme="light" if theme == "light" else "dark")
            found += looked_at(page, f"{name}, {width} px, {theme}", rules)
            shoot(page, f"{name.strip('/').replace('/', '-')}-{width}-{theme}")
        found += too_wide(page, name)
    if page.evaluate(MOVING):
        found.append(f"{name}: something moves although the person asked for less motion")
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    page.emulate_media(color_scheme="light")
    return found


def test_pages_for_everybody(context: BrowserContext, instance: WebInstance) -> None:
    page = context.new_page()
    page.goto("/setup/")
    found = problems(page, "setup")
    page.locator("main form.form button").evaluate("button => { button.form.noValidate = true; button.click(); }")
    page.locator(".problem").first.wait_for()
    found += problems(page, "setup-refused")
    assert found == []


def test_signing_in_and_addresses_that_lead_nowhere(context: BrowserContext, filled: Filled) -> None:
    page = context.new_page()
    page.goto("/signin/")
    found = problems(page, "signin")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    found += problems(page, "signin-refused")
    page.goto("/nowhere/")
    found += problems(page, "not-found")
    assert found == []


def test_every_page_of_a_project_in_use(page: Page, filled: Filled) -> None:
    found: list[str] = []
    for name in page_names():
        page.goto(filled.address(name))
        found += problems(page, name)
    assert found == []


def test_every_page_for_those_who_ask_for_more_contrast(page: Page, filled: Filled) -> None:
    """Text has 7:1 then, in both themes."""
    found: list[str] = []
    editor = f"/projects/{filled.ids['full']}/images/{filled.ids['proposed']}/"
    for address in (*map(filled.address, page_names()), editor):
        page.goto(address)
        settled(page)
        page.evaluate(f"() => {{ if (!window.axe) {{ {AXE.read_text(encoding='utf-8')} }} }}")
        for scheme in THEMES:
            page.emulate_media(color_scheme=scheme, contrast="more")
            found += looked_at(page, f"{address}, {scheme}", MORE_CONTRAST)
    assert found == []


def test_with_the_systems_own_colours_what_is_chosen_keeps_a_mark(editing: Page) -> None:
    """The browser sees to contrast then and drops every fill: axe would compare colours that nobody sees."""
    editing.emulate_media(forced_colors="active")
    for chosen in ("tool-bar button[aria-pressed=true]", "class-palette .class[aria-pressed=true]"):
        outline = editing.locator(chosen).first.evaluate("one => getComputedStyle(one).outlineStyle")
        assert outline == "solid", chosen
    shoot(editing, "editor-forced-colours")


def test_pages_of_empty_and_archived_projects(page: Page, filled: Filled) -> None:
    found: list[str] = []
    tabs = ("images", "review", "progress", "guidelines", "training", "models", "import", "exports", "classes")
    for project in ("empty", "archived"):
        for tab in tabs:
            page.goto(filled.address(f"project-{tab}", project))
            found += problems(page, f"{project}-{tab}", sizes=(WIDE,))
    page.goto(filled.address("project-annotate", "empty"))
    found += problems(page, "empty-annotate")
    page.goto("/projects/?archived=1")
    found += problems(page, "archived-list", sizes=(WIDE,))
    page.goto(filled.address("project-guidelines") + "?edit=1")
    found += problems(page, "guidelines-edit")
    assert found == []


def test_forms_that_were_refused(page: Page, filled: Filled) -> None:
    page.goto("/projects/new/")
    page.locator("main form button.primary").evaluate("button => { button.form.noValidate = true; button.click(); }")
    page.locator(".problem").first.wait_for()
    found = problems(page, "new-refused", sizes=(WIDE,))
    page.goto(filled.address("project-members"))
    page.locator("#id_username").fill("nobody of that name")
    page.get_by_role("button", name="Add").click()
    page.locator(".problem").first.wait_for()
    found += problems(page, "members-refused", sizes=(WIDE,))
    page.locator("confirm-form button").first.click()
    page.locator("dialog[open]").wait_for()
    found += problems(page, "confirm")
    assert found == []


@pytest.fixture
def editing(page: Page, filled: Filled) -> Page:
    """Ada in the editor, at an image with a proposal."""
    page.goto(f"/projects/{filled.ids['full']}/images/{filled.ids['proposed']}/")
    Hands(page).wait_open()
    return page


def test_the_editor_with_its_panels(editing: Page) -> None:
    found = problems(editing, "editor")
    editing.locator(".editor-bar [data-action=guidelines]").click()
    editing.locator("guidelines-panel section").wait_for()
    found += problems(editing, "editor-guidelines")
    editing.keyboard.press("Shift+A")
    editing.locator("answer-list h2").first.wait_for()
    found += problems(editing, "editor-checking")
    assert found == []


def test_both_masks_over_each_other(page: Page, filled: Filled) -> None:
    """Of an accepted image there is an earlier proposal to compare with."""
    page.goto(f"/projects/{filled.ids['full']}/images/{filled.ids['accepted']}/")
    Hands(page).wait("state", "accepted")
    page.keyboard.press("o")
    page.locator("onion-panel input[type=range]").wait_for()
    assert problems(page, "editor-both-masks") == []


def test_the_bar_below_keeps_to_one_line_and_its_buttons_to_their_names(editing: Page) -> None:
    """Fewer words are shown where there is less room; who hears the page hears all of them."""
    hands = Hands(editing)
    editing.keyboard.press("2")
    editing.keyboard.press("b")
    hands.stroke([(70.0, 12.0), (84.0, 12.0)])
    hands.wait("on-screen", "edited")
    bar, forth = editing.locator("proposal-bar"), editing.locator("proposal-bar [data-action=accept_and_next]")
    tops = "bar => new Set([...bar.querySelectorAll('.button')].map(each => each.offsetTop)).size"
    for width, fit in ((1600, "wide"), (900, "short")):
        editing.set_viewport_size({"width": width, "height": HEIGHT})
        expect(bar).to_have_attribute("data-fit", fit)
        assert bar.evaluate(tops) == 1, width
        expect(forth).to_have_accessible_name("Accept and go on")
        expect(forth).to_be_in_viewport(ratio=1)
        shoot(editing, f"editor-bar-{width}")


def test_the_dialogs_of_the_editor(editing: Page) -> None:
    found: list[str] = []
    for name, keys, opened in (
        ("help", "Shift+?", "help-sheet"),
        ("palette", "Control+k", "action-palette"),
        ("skip", "Control+Space", "skip-dialog"),
    ):
        editing.keyboard.press(keys)
        editing.locator(f"{opened} dialog[open]").wait_for()
        found += problems(editing, f"editor-{name}")
        editing.keyboard.press("Escape")
    editing.keyboard.press("Shift+?")
    editing.get_by_role("button", name="Choose keys").click()
    editing.locator("key-settings dialog[open]").wait_for()
    found += problems(editing, "editor-keys")
    assert found == []


def test_the_editor_where_there_is_nothing_to_change(context: BrowserContext, filled: Filled) -> None:
    page = signed_in(context, "ada")
    found: list[str] = []
    for state in ("accepted", "skipped"):
        page.goto(f"/projects/{filled.ids['full']}/images/{filled.ids[state]}/")
        Hands(page).wait("state", state)
        found += problems(page, f"editor-{state}", sizes=(WIDE,))
    assert found == []


def test_the_session_that_ended_can_be_renewed_by_everybody(page: Page, filled: Filled) -> None:
    page.goto(f"/projects/{filled.ids['full']}/images/{filled.ids['new']}/")
    hands = Hands(page)
    hands.wait_open()
    page.context.clear_cookies()
    page.keyboard.press("s")
    hands.stroke([(20.0, 20.0), (40.0, 30.0)])
    page.locator("dialog.sign-in[open]").wait_for()
    assert problems(page, "sign-in-dialog") == []


def test_every_page_can_be_used_in_german_and_at_200_percent(
    browser: Browser, instance: WebInstance, filled: Filled
) -> None:
    """German words are longer; at 200 % a window of 1280 px has room for 640."""
    context = browser.new_context(base_url=instance.address, locale="de-DE", reduced_motion="reduce")
    page = context.new_page()
    page.goto("/signin/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_url("**/projects/**")
    found: list[str] = []
    for name in page_names():
        page.goto(filled.address(name))
        settled(page)
        assert page.locator("html").get_attribute("lang") == "de"
        for width in (ZOOMED, NARROW):
            page.set_viewport_size({"width": width, "height": HEIGHT // 2 if width == ZOOMED else HEIGHT})
            found += too_wide(page, f"{name} in German")
            shoot(page, f"{name}-de-{width}")
    page.goto(f"/projects/{filled.ids['full']}/images/{filled.ids['proposed']}/")
    Hands(page).wait_open()
    page.set_viewport_size({"width": ZOOMED, "height": HEIGHT // 2})
    accept = page.locator("proposal-bar [data-action=accept]")
    expect(accept).to_contain_text("Annehmen")
    expect(accept).to_be_in_viewport(ratio=1)
    shoot(page, "editor-de")
    context.close()
    assert found == []


def test_where_the_focus_is_can_be_seen(page: Page, filled: Filled) -> None:
    hidden: set[str] = set()
    for address in (
        filled.address("project-images"),
        filled.address("project-members"),
        f"/projects/{filled.ids['full']}/images/{filled.ids['proposed']}/",
    ):
        page.goto(address)
        settled(page)
        for _ in range(24):
            page.keyboard.press("Tab")
            hidden.add(page.evaluate(SEEN))
    assert hidden <= {""}
