"""A picture of 20,000 x 20,000 pixels: imported, seen, marked and accepted, in a page that never holds it whole."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import shoot
from tests.e2e.editor import Hands, Place
from tests.e2e.large_picture import REMEMBER_CANVASES, SIDE, SIZES, draw_large
from tests.e2e.test_editor import fresh_context, signed_in
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MASK_SIDE = 4000  # a fifth of it, which is what fits 4,096 pixels
FINEST = 7  # halving 20,000 seven times fits one tile
GROUND, SQUARE = 0, 1
INSIDE: list[Place] = [(1500.0, 1500.0), (2000.0, 2200.0), (2400.0, 2400.0)]
OUTSIDE: list[Place] = [(300.0, 300.0), (300.0, 3000.0), (600.0, 3600.0)]
# Red of what the picture's own canvas shows at a place of the stage.
RED_AT = """
  ([x, y]) => {
    const canvas = document.querySelector(".layer-picture canvas");
    const ratio = canvas.width / canvas.getBoundingClientRect().width;
    return canvas.getContext("2d").getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data[0];
  }
"""


@pytest.fixture(scope="module")
def project(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A project whose one image is large, and has its features."""
    pytest.importorskip("pyvips")
    folder = tmp_path_factory.mktemp("large")
    draw_large(folder / "large.jpg")
    project = int(ada.post("projects", {"name": "Large"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    instance.manage("import_images", str(project), str(folder))
    rows = f"projects/{project}/images"
    wait_until(lambda: all(row["has_features"] for row in ada.get(rows)["results"]), "the image was never encoded")
    return project


class Levels:
    """Which tiles the page has asked for, by the number of their level."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[int] = []
        page.on("request", lambda request: self._note(request.url))

    def has(self, level: int) -> bool:
        """Whether a tile of that level was asked for. Word of requests comes only while the page is spoken to."""
        self.page.evaluate("() => null")
        return level in self.asked

    def _note(self, url: str) -> None:
        found = re.search(r"/level/(\d+)/", url)
        if found:
            self.asked.append(int(found[1]))


@pytest.fixture
def page(browser: Browser, instance: Instance, ada: Visitor) -> Iterator[Page]:
    """Ada's browser; a script error fails the test."""
    context = fresh_context(browser, instance)
    context.add_init_script(REMEMBER_CANVASES)
    context.set_default_timeout(60_000)
    page = signed_in(context, "ada")
    mistakes: list[str] = []
    page.on("pageerror", lambda mistake: mistakes.append(str(mistake)))
    yield page
    context.close()
    assert mistakes == []


def red_at(hands: Hands, place: Place) -> int:
    """What the picture shows at a place given in image pixels."""
    scale, x, y = (float(word) for word in hands.attribute("view").split())
    return int(hands.page.evaluate(RED_AT, [x + place[0] * scale, y + place[1] * scale]))


def see_and_move(hands: Hands, levels: Levels) -> None:
    """The first view from few coarse tiles; then to full sharpness, a little aside, and back to the whole."""
    page = hands.page
    wait_until(lambda: red_at(hands, (2000, 2000)) > 180 and red_at(hands, (400, 400)) < 90, "no first view")
    assert max(levels.asked) < FINEST - 1 and len(levels.asked) < 60
    assert page.evaluate("() => performance.getEntriesByName('picture shown').length") == 1
    shoot(page, "large_first_view")
    page.mouse.move(*hands.on_page((1210, 1210)))
    for _ in range(6):
        page.mouse.wheel(0, -300)
    wait_until(lambda: levels.has(FINEST), "no tile of the finest level was asked for")
    before = hands.attribute("view")
    x, y = hands.on_page((1210, 1210))
    page.mouse.move(x, y)
    page.mouse.down(button="middle")
    page.mouse.move(x - 200, y - 150, steps=8)
    page.mouse.up(button="middle")
    assert hands.attribute("view") != before
    wait_until(lambda: red_at(hands, (1215, 1215)) > 180, "the sharp tiles never showed up")
    shoot(page, "large_zoomed_in")
    page.keyboard.press("Home")


def test_a_large_picture_is_seen_marked_and_accepted_in_bounded_memory(page: Page, ada: Visitor, project: int) -> None:
    levels, hands = Levels(page), Hands(page)
    page.goto(f"/projects/{project}/annotate/")
    image = hands.wait_open()
    see_and_move(hands, levels)
    hands.wait("solver", "loading", negate=True)
    hands.scribble("2", INSIDE)
    hands.scribble("1", OUTSIDE)
    hands.wait_proposal()
    shoot(page, "large_marked")
    sizes = [(int(width), int(height)) for width, height in page.evaluate(SIZES)]
    assert max(max(size) for size in sizes) <= 4096
    # The masks' two pictures and the tiles of a few screens, a fifth of what the whole picture would take.
    assert sum(width * height for width, height in sizes) < SIDE * SIDE / 5
    page.keyboard.press("Enter")
    hands.wait("state", "accepted")
    row = ada.get(f"images/{image}")
    assert (row["full_width"], row["full_height"], row["mask_scale"]) == (SIDE, SIDE, 5)
    mask = np.asarray(PILImage.open(io.BytesIO(ada.raw(row["accepted_mask"]["url"]))))
    assert mask.shape == (MASK_SIDE, MASK_SIDE)
    assert (mask[1300:2700, 1300:2700] == SQUARE).mean() > 0.97
    assert (mask[:1100] == GROUND).mean() > 0.97 and (mask[2900:] == GROUND).mean() > 0.97
