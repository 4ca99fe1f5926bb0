"""Checking by class: crops come up, many are answered at once, and only what one person saw whole is accepted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import PASSWORD
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
expect.set_options(timeout=30_000)
# What a trained version leaves behind, without the training: two discs of different classes in most images.
PROPOSE = """
import numpy as np
from labeling import storage
from labeling.models import Mask, Project
from models_zoo import encode_png, pixel_counts
from tests.factories import make_image, make_model_proposal, make_version
project = Project.objects.latest("pk")
version = make_version(project, is_active=True)
rng = np.random.default_rng(3)
for place in range(30):
    image = make_image(project, width=160, height=120, order_key=place / 30,
                       name=f"field {place:02d} with a name that is far too long for its tile.png")
    y, x = np.mgrid[:120, :160]
    label_map = np.zeros((120, 160), np.uint8)
    discs = [1] if place % 3 else [1, 2]
    for index in discs:
        cx, cy, radius = rng.integers(30, 130), rng.integers(30, 90), rng.integers(6, 28)
        label_map[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = index
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    mask = Mask.objects.create(image=image, blob=blob.name, sha256=blob.sha256, origin="polished",
                               model_version=version,
                               pixel_counts={str(k): v for k, v in pixel_counts(label_map).items()})
    make_model_proposal(image, version, mask=mask, uncertainty=place / 40)
"""


@pytest.fixture
def project(ada: Visitor, instance: Instance) -> int:
    project = int(ada.post("projects", {"name": "Fields"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "tree"})
    ada.post(f"projects/{project}/classes", {"name": "a roof of corrugated iron, rusted or painted"})
    instance.manage("shell", "-c", PROPOSE)
    return project


def sign_in(page: Page) -> None:
    page.goto("/signin/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")


def states(ada: Visitor, project: int) -> dict[str, int]:
    counts: dict[str, int] = ada.get(f"projects/{project}/progress")["states"]
    return {state: number for state, number in counts.items() if number}


def test_a_class_is_checked_by_hand_and_by_keys(page: Page, ada: Visitor, project: int) -> None:
    sign_in(page)
    page.goto(f"/projects/{project}/")
    page.get_by_role("link", name="Check by class").click()
    crops = page.locator(".crop")
    expect(crops).to_have_count(30)
    page.wait_for_function("() => [...document.querySelectorAll('.crop img')].slice(0, 6).every(i => i.naturalWidth)")
    shoot(page, "class-grid")

    crops.nth(0).click()
    crops.nth(5).click(modifiers=["Shift"])
    expect(page.locator(".crop[aria-selected=true]")).to_have_count(6)
    shoot(page, "class-grid-selected")
    page.locator("[data-verdict=right]").click()
    # The six most uncertain ones are fields 29 to 24; 27 and 24 hold a roof too.
    expect(page.locator(".check-outcome")).to_contain_text("4 images were accepted. 2 answers are kept")
    expect(crops).to_have_count(24)
    assert states(ada, project) == {"accepted": 4, "proposed": 26}
    page.keyboard.press("Control+z")
    expect(page.locator(".check-outcome")).to_contain_text("6 answers were taken back.")
    expect(crops).to_have_count(30)
    assert states(ada, project) == {"proposed": 30}
    crops.nth(0).click()
    crops.nth(5).click(modifiers=["Shift"])
    page.keyboard.press("a")
    expect(crops).to_have_count(24)

    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.keyboard.press("Shift+ArrowDown")
    selected = page.locator(".crop[aria-selected=true]").count()
    assert selected > 2, "a row of tiles and one more"
    page.keyboard.press("x")
    expect(crops).to_have_count(24 - selected)
    expect(page.locator(".check-outcome")).to_contain_text("turned down")

    page.get_by_role("button", name="a roof of corrugated iron").click()
    page.get_by_role("listbox").focus()
    page.wait_for_function("() => document.querySelectorAll('.crop').length > 0")
    page.keyboard.press("Control+a")
    page.keyboard.press("a")
    wait_until(lambda: states(ada, project)["accepted"] >= 6, "the two with both classes right were not accepted")
    page.get_by_role("button", name="Said right by me").click()
    expect(crops.first).to_be_visible()


def test_another_persons_decision_takes_the_tile_away(page: Page, ada: Visitor, project: int) -> None:
    sign_in(page)
    page.goto(f"/projects/{project}/check/")
    expect(page.locator(".crop")).to_have_count(30)
    address = page.locator(".crop").first.get_attribute("id") or ""
    ada.post(f"proposals/{address.removeprefix('crop-')}/reject")
    expect(page.locator(".crop")).to_have_count(29)
    expect(page.locator(f"#{address}")).to_have_count(0)
