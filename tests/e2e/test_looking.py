"""Looking without changing: an earlier mask for comparison, the picture's look, patterns, uncertain places."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, Page, expect

from models_zoo import encode_png
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


# A version proposes a square of 30 × 30 pixels; its lower half is in the accepted mask, which goes on below it.
PROPOSE_SQUARE = """
import numpy as np
from labeling import storage
from labeling.models import Image, Mask
from models_zoo import encode_png
from tests.factories import make_model_proposal, make_version
Image.objects.filter(pk={image}).update(split="train")
image = Image.objects.get(pk={image})
label_map = np.zeros((image.height, image.width), np.uint8)
label_map[30:60, 30:60] = 1
blob = storage.put("masks", encode_png(label_map), suffix="png")
version = make_version(image.project, is_active=True)
mask = Mask.objects.create(image=image, blob=blob.name, sha256=blob.sha256, origin="model", model_version=version)
make_model_proposal(image, version, mask=mask)
"""


@pytest.fixture(scope="module")
def square(instance: Instance, ada: Visitor, image: int, tmp_path_factory: pytest.TempPathFactory) -> int:
    """An image whose mask was accepted and taken back, with a proposal that differs from it."""
    project = ada.get(f"images/{image}")["project_id"]
    folder = tmp_path_factory.mktemp("square")
    PILImage.fromarray(np.full((SIZE, SIZE, 3), 90, np.uint8)).save(folder / "square.png")
    instance.manage("import_images", str(project), str(folder))
    rows = ada.get(f"projects/{project}/images?limit=100")["results"]
    square = next(int(row["id"]) for row in rows if row["name"] == "square.png")
    label_map = np.zeros((SIZE, SIZE), np.uint8)
    label_map[45:75, 30:60] = 1
    address, png = f"images/{square}/masks?origin=painted", encode_png(label_map)
    status, mask = ada.send("POST", address, data=png, Content_Type="image/png")
    assert status == 201
    ada.post(f"images/{square}/accept", {"mask_sha256": mask["sha256"]})
    ada.post(f"images/{square}/reopen")
    instance.manage("shell", "-c", PROPOSE_SQUARE.format(image=square))
    return square


def test_accepted_mask_and_proposal_lie_over_each_other(hands: Hands, square: int) -> None:
    page = hands.page
    page.goto(re.sub(r"\d+/$", f"{square}/", page.url))
    hands.wait_open()
    hands.wait("on-screen", "proposal")
    added, taken, elsewhere = (33.0, 33.0), (33.0, 72.0), (10.0, 10.0)
    page.keyboard.down("`")
    page.mouse.move(2, 2)
    bare = colour_at(hands, elsewhere)
    page.keyboard.up("`")
    page.keyboard.press("o")
    panel = page.get_by_role("region", name="Accepted mask and proposal over each other")
    expect(panel).to_contain_text("9.8 % differ")
    expect(panel.locator("[data-difference=adds]")).to_contain_text("adds 4.9 %")
    told = page.locator("onion-panel [role=status]")
    expect(told).to_have_text(
        re.compile(r"accepted before and Proposal of model \d+: 9.8 % differ \(adds 4.9 %, takes away")
    )
    _photograph(page)
    for _ in range(5):
        page.keyboard.press("Alt+.")
    expect(panel.get_by_role("slider")).to_have_attribute("aria-valuetext", "100 % proposal")
    wait_until(lambda: _is_near(colour_at(hands, taken), bare), "what the proposal takes away still shows")
    assert not _is_near(colour_at(hands, added), bare)
    for _ in range(10):
        page.keyboard.press("Alt+,")
    wait_until(lambda: _is_near(colour_at(hands, added), bare), "what the proposal adds still shows")
    page.keyboard.press("2")
    page.keyboard.press("b")
    hands.stroke([(33.0, 66.0), (57.0, 66.0)])
    expect(panel).to_contain_text("Your painting")
    expect(panel.locator("[data-difference=takes]")).not_to_contain_text("4.9 %")
    page.keyboard.press("Control+z")
    expect(panel.locator("[data-difference=takes]")).to_contain_text("4.9 %")
    panel.get_by_role("slider").focus()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(told).to_have_text("The two masks no longer lie over each other.")
    expect(page.locator(".stage")).to_be_focused()
    assert hands.attribute("on-screen") == "proposal"
    page.keyboard.press("Control+k")
    page.keyboard.type("over each other")
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("9.8 % differ")


def _is_near(colour: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    """The same but for a faint tint of the class both masks have around it."""
    return max(abs(a - b) for a, b in zip(colour, other, strict=True)) < 12


def _photograph(page: Page) -> None:
    """Light, dark, with more contrast, and with the picture darkened."""
    shoot(page, "onion_light")
    page.emulate_media(color_scheme="dark")
    shoot(page, "onion_dark")
    page.emulate_media(color_scheme="light", contrast="more")
    page.locator("layer-panel summary", has_text="Picture").click()
    page.locator("input[name=brightness]").fill("0.5")
    shoot(page, "onion_contrast")
    page.get_by_role("button", name="As it is").click()
    page.emulate_media(contrast="no-preference")
