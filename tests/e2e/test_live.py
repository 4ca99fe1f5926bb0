"""The mask follows the pen: worked out in the page, stored as it was on the screen, never in the way of a stroke."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.e2e.conftest import shoot
from tests.e2e.editor import Hands, Place
from tests.e2e.test_editor import fresh_context, signed_in
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SIZE = 128
NUM_IMAGES = 16
GROUND, SQUARE = 0, 1
INSIDE: list[Place] = [(40.0, 44.0), (60.0, 60.0), (84.0, 84.0)]
OUTSIDE: list[Place] = [(12.0, 100.0), (12.0, 12.0), (110.0, 12.0)]
# The page's own view of what it sends and of the workers it starts, for the test only.
REMEMBER_WORKERS = """
  const Plain = window.Worker;
  window.startedWorkers = [];
  window.Worker = class extends Plain {
    constructor(...args) { super(...args); window.startedWorkers.push(this); }
  };
"""
# What a trained version in use leaves behind: the square where it is, to the nearest eighth.
SEES = """
import numpy as np
from labeling.models import Image, ModelVersion
from tests.factories import make_prior, make_version
image = Image.objects.get(pk={image})
Image.objects.filter(pk=image.pk).update(split="train")
thing = np.zeros((8, 8), bool)
thing[2:6, 2:6] = True
version = ModelVersion.objects.filter(project=image.project, is_active=True).first()
make_prior(image, version or make_version(image.project, is_active=True), thing)
"""
# WebGL is asked for by nobody, so it cannot be lost; and there is none.
NO_WEBGL = """
  window.askedForWebgl = 0;
  const plain = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    if (!kind.startsWith("webgl")) return plain.call(this, kind, ...more);
    window.askedForWebgl += 1;
    return null;
  };
"""
# What a failing graphics driver does to every canvas.
LOSE_CANVASES = """
  () => {
    for (const canvas of document.querySelectorAll("canvas")) {
      canvas.getContext("2d").reset();
      canvas.dispatchEvent(new Event("contextrestored"));
    }
  }
"""
# A number for what the proposal's layer shows; 0 where it shows nothing.
SHOWN = """
  () => {
    const canvas = document.querySelector(".layer-proposal");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((sum, value, i) => (value === 0 ? sum : (sum * 31 + value + i) % 1000003), 0);
  }
"""


def picture(seed: int) -> npt.NDArray[np.uint8]:
    """uint8 (SIZE, SIZE, 3): a yellow square with some noise on blue."""
    noise = np.random.default_rng(seed).integers(0, 12, (SIZE, SIZE, 3))
    rgb = np.full((SIZE, SIZE, 3), (40, 60, 110)) + noise
    rgb[32:96, 32:96] = (220, 200, 40) + noise[32:96, 32:96]
    return rgb.astype(np.uint8)


@pytest.fixture(scope="module")
def project(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A project whose images have been encoded."""
    project = int(ada.post("projects", {"name": "Live"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    ada.post(f"projects/{project}/classes", {"name": "square"})
    folder = tmp_path_factory.mktemp("live")
    for number in range(NUM_IMAGES):
        PILImage.fromarray(picture(number)).save(folder / f"square {number}.png")
    instance.manage("import_images", str(project), str(folder))
    rows = f"projects/{project}/images?limit=100"
    wait_until(lambda: all(row["has_features"] for row in ada.get(rows)["results"]), "the images were never encoded")
    return project


class Live(Hands):
    """A hand, and what its page asked of the server."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.proposed: list[str | None] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "PUT" and request.url.endswith("/annotation"):
            sent: dict[str, Any] = request.post_data_json or {}
            self.proposed.append(sent["propose"])
        if request.method == "POST" and "propos" in request.url:
            self.proposed.append(request.url)

    @property
    def image(self) -> int:
        return int(self.attribute("current-image-id"))

    def press_and_move(self, places: Sequence[Place]) -> None:
        """Draw, and do not let go."""
        self.page.mouse.move(*self.on_page(places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.on_page(place), steps=6)

    def shown(self) -> int:
        return int(self.page.evaluate(SHOWN))

    def wait_answer(self, act: Any = None) -> None:
        """Until the page has answered once more."""
        before = self.attribute("answered")
        if act is not None:
            act()
        self.wait("answered", before, negate=True)


@pytest.fixture
def live(
    browser: Browser, instance: Instance, ada: Visitor, project: int, request: pytest.FixtureRequest
) -> Iterator[Live]:
    """Ada at an image nobody has worked on, the solver ready, the class "square" chosen, the pen in her hand."""
    context = fresh_context(browser, instance)
    context.add_init_script(REMEMBER_WORKERS)
    context.add_init_script(NO_WEBGL)
    page = signed_in(context, "ada")
    mistakes: list[Any] = []
    page.on("pageerror", lambda mistake: mistakes.append(mistake))
    live = Live(page)
    page.goto(f"/projects/{project}/annotate/")
    live.wait_open()
    live.wait_solver()
    page.keyboard.press("2")
    page.keyboard.press("s")
    yield live
    shoot(page, request.node.name)
    image = live.image
    context.close()
    ada.send("POST", f"images/{image}/skip", {"reason": "other"})
    assert mistakes == []


def both_strokes(live: Live) -> None:
    """Draw them, and wait until the full answer to both is on the screen."""
    live.scribble("2", INSIDE)
    live.scribble("1", OUTSIDE)
    live.wait_proposal()
    live.page.evaluate("() => new Promise(requestAnimationFrame)")


def stored(ada: Visitor, image: int) -> npt.NDArray[np.uint8]:
    """uint8 (H, W): the accepted mask as the server holds it."""
    accepted = wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "nothing was accepted")
    return np.asarray(PILImage.open(io.BytesIO(ada.raw(accepted["url"]))))


def on_screen(live: Live, ada: Visitor) -> npt.NDArray[np.uint8]:
    """bool (H, W): where the mask on the screen is the square's, by its colour on the layer that shows it."""
    colour = next(
        row["color"] for row in ada.get(f"projects/{live_project(live)}/classes")["results"] if row["name"] == "square"
    )
    scale, left, top = (float(word) for word in live.attribute("view").split())
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    read = """
      ([scale, left, top, size, wanted]) => {
        const canvas = document.querySelector(".layer-proposal");
        const ratio = window.devicePixelRatio || 1;
        const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const found = [];
        for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) {
          const [across, down] = [left, top].map((at, i) => Math.floor((at + ([x, y][i] + 0.5) * scale) * ratio));
          const at = (down * width + across) * 4;
          const near = [0, 1, 2].every((c) => Math.abs(data[at + c] - wanted[c]) < 24);
          // The fill of the square is half covering, that of the ground fainter; lines and letters cover all.
          found.push(data[at + 3] <= 60 ? 0 : near && data[at + 3] <= 200 ? 1 : 2);
        }
        return found;
      }
    """
    found = live.page.evaluate(read, [scale, left, top, SIZE, list(wanted)])
    return np.array(found, np.uint8).reshape(SIZE, SIZE)


def live_project(live: Live) -> int:
    return int(live.canvas.get_attribute("data-project-id") or 0)


def test_the_mask_is_under_the_pen_before_it_is_lifted_and_the_server_is_not_asked(live: Live, ada: Visitor) -> None:
    live.scribble("1", OUTSIDE)
    live.page.keyboard.press("2")
    live.wait_answer(lambda: live.press_and_move(INSIDE))
    live.wait("on-screen", "proposal")
    assert live.shown() != 0
    assert live.attribute("marks") == "1"
    shoot(live.page, "live_under_the_pen")
    live.page.mouse.up()
    live.wait("marks", "2")
    live.wait("saved", "saved")
    assert set(live.proposed) == {None}
    assert ada.get(f"images/{live.image}/proposals")["results"] == []
    measured = "() => performance.getEntriesByName('pointer→painted').length"
    assert live.page.evaluate(measured) > 0


def test_what_is_accepted_is_what_was_on_the_screen(live: Live, ada: Visitor) -> None:
    image = live.image
    both_strokes(live)
    seen = on_screen(live, ada)
    live.page.keyboard.press("Enter")
    live.wait("state", "accepted")
    mask = stored(ada, image)
    inside = mask == SQUARE
    read = seen != 2
    assert read.mean() > 0.9 and (inside[read] != (seen[read] == 1)).mean() < 0.005
    assert inside[36:92, 36:92].mean() > 0.95 and inside.sum() < 1.2 * 64 * 64
    row = next(row for row in ada.get(f"images/{image}/masks")["results"] if row["is_accepted"])
    assert (row["origin"], row["created_by"]) == ("interactive", "ada")
    live.wait("solver", "off")


def test_painting_on_a_live_mask_survives_two_reloads_bit_for_bit(live: Live, ada: Visitor) -> None:
    image = live.image
    both_strokes(live)
    page = live.page
    page.keyboard.press("2")
    page.keyboard.press("b")
    live.stroke([(104.0, 110.0), (120.0, 110.0)])
    live.wait("on-screen", "edited")
    for _ in range(2):
        page.reload()
        live.wait_open()
        live.wait("on-screen", "edited")
        live.wait_solver()
    page.keyboard.press("b")
    live.stroke([(104.0, 124.0), (120.0, 124.0)])
    page.keyboard.press("Enter")
    live.wait("state", "accepted")
    mask = stored(ada, image)
    rows = ada.get(f"images/{image}/masks")["results"]
    edited, base = rows[0], rows[1]
    assert (edited["origin"], base["origin"], edited["parent"]) == ("edited", "interactive", base["id"])
    before = np.asarray(PILImage.open(io.BytesIO(ada.raw(base["url"]))))
    touched = np.zeros((SIZE, SIZE), bool)
    touched[100:, 94:] = True
    assert (mask[~touched] == before[~touched]).all()
    assert (mask[110, 104:120] == SQUARE).all() and (mask[124, 104:120] == SQUARE).all()


def test_undo_delete_and_tags_change_the_mask_at_once(live: Live) -> None:
    both_strokes(live)
    page = live.page
    with_both = wait_until(live.shown, "no mask was shown")
    page.evaluate(LOSE_CANVASES)
    wait_until(lambda: live.shown() == with_both, "the mask did not come back")
    assert page.evaluate("() => window.askedForWebgl") == 0
    live.wait_answer(lambda: page.keyboard.press("Control+z"))
    live.wait("marks", "1")
    live.wait_answer(lambda: page.keyboard.press("Control+Shift+z"))
    wait_until(lambda: live.shown() == with_both, "redo did not bring the mask back")
    page.keyboard.press("Shift+Backspace")
    live.wait("on-screen", "none")


def test_a_mask_that_is_turned_down_stays_away_until_something_is_marked(live: Live) -> None:
    both_strokes(live)
    live.page.keyboard.press("Escape")
    live.wait("on-screen", "none")
    live.scribble("1", [(8.0, 60.0), (8.0, 90.0)])
    live.wait("on-screen", "proposal")


def test_a_worker_killed_in_mid_stroke_costs_no_stroke_and_no_mask(live: Live, ada: Visitor) -> None:
    live.scribble("1", OUTSIDE)
    live.page.keyboard.press("2")
    live.press_and_move(INSIDE[:2])
    live.page.evaluate("() => window.startedWorkers.at(-1).terminate()")
    live.page.mouse.move(*live.on_page(INSIDE[2]), steps=6)
    wait_until(lambda: live.page.evaluate("() => startedWorkers.length") == 2, "no other worker was started")
    live.page.mouse.up()
    live.wait("marks", "2")
    live.wait_solver()
    live.wait("on-screen", "proposal")
    live.wait("saved", "saved")
    assert len(ada.get(f"images/{live.image}/annotation")["marks"]) == 2


def test_features_that_are_not_what_they_should_be_leave_the_image_to_the_server(live: Live, ada: Visitor) -> None:
    page = live.page

    def damage(route: Route) -> None:
        body = bytearray(route.fetch().body())
        body[-1] ^= 1
        route.fulfill(body=bytes(body), content_type="application/octet-stream")

    page.context.route("**/features/*", damage)
    page.reload()
    live.wait_open()
    live.wait("solver", "failed")
    expect(page.get_by_text("are not the ones that were asked for")).to_be_visible()
    shoot(page, "live_fallback")
    live.scribble("2", INSIDE)
    live.scribble("1", OUTSIDE)
    live.wait_proposal()
    assert live.attribute("proposal-id") != "" and "live_head" in live.proposed
    page.keyboard.press("Enter")
    live.wait("state", "accepted")


def test_the_next_image_is_there_with_its_picture_and_features(live: Live) -> None:
    page = live.page
    features = "() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/features/')).length"
    # Those of this image and of the next three.
    wait_until(lambda: page.evaluate(features) >= 4, "nothing was fetched ahead")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    before = str(live.image)
    page.keyboard.press("f")
    live.wait("current-image-id", before, negate=True)
    live.wait_open()
    live.wait_solver()
    assert [url for url in fetched if f"/images/{live.image}/features/" in url] == []


def test_all_similar_is_a_switch_beside_the_pen(live: Live) -> None:
    both_strokes(live)
    box = live.page.get_by_label("All similar, far away too")
    live.wait_answer(box.check)
    shoot(live.page, "live_all_similar")
    live.wait_answer(box.uncheck)


def test_the_model_in_use_is_seen_at_the_first_stroke(live: Live, ada: Visitor, instance: Instance) -> None:
    """A stroke on the ground alone says nothing of the square; the model does."""
    instance.manage("shell", "-c", SEES.format(image=live.image))
    live.page.reload()
    live.wait_open()
    live.wait_solver()
    live.scribble("1", OUTSIDE)
    live.wait_proposal()
    live.page.evaluate("() => new Promise(requestAnimationFrame)")
    shoot(live.page, "live_with_a_model")
    assert on_screen(live, ada)[64, 64] == SQUARE
    assert set(live.proposed) == {None}


def test_a_damaged_word_of_the_model_costs_no_mask(live: Live, instance: Instance) -> None:
    page = live.page
    instance.manage("shell", "-c", SEES.format(image=live.image))
    page.context.route("**/prior/*", lambda route: route.fulfill(body=b"BPM1 and nothing", content_type="text/plain"))
    page.reload()
    live.wait_open()
    live.wait_solver()
    expect(page.get_by_text("the mask follows your marks alone")).to_be_visible()
    both_strokes(live)
    assert set(live.proposed) == {None}
