"""Every tool in a real hand: what it draws is what is stored."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser

from tests.e2e.conftest import shoot
from tests.e2e.editor import Hands, Place
from tests.e2e.test_editor import fresh_context, signed_in
from tests.factories import photo
from tests.instance import Instance, Visitor, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SIZE = 96
NUM_IMAGES = 40
GROUND, SQUARE, CAT = 0, 1, 2
UNLABELLED = 255


def picture(seed: int) -> npt.NDArray[np.uint8]:
    """uint8 (SIZE, SIZE, 3): a bright yellow square on dark colours."""
    rgb = photo(width=SIZE, height=SIZE, seed=seed) // 3
    rgb[24:48, 24:48] = (250, 240, 30)
    return rgb


@pytest.fixture(scope="module")
def project(instance: Instance, ada: Visitor, tmp_path_factory: pytest.TempPathFactory) -> int:
    project = int(ada.post("projects", {"name": "Tools"})["id"])
    ada.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    for name in ("square", "cat"):
        ada.post(f"projects/{project}/classes", {"name": name})
    folder = tmp_path_factory.mktemp("tools")
    for number in range(NUM_IMAGES):
        PILImage.fromarray(picture(number)).save(folder / f"square {number}.png")
    instance.manage("import_images", str(project), str(folder))
    return project


@pytest.fixture
def hands(
    browser: Browser, instance: Instance, ada: Visitor, project: int, request: pytest.FixtureRequest
) -> Iterator[Hands]:
    """Ada at an image nobody has worked on, with the class "square" chosen."""
    context = fresh_context(browser, instance)
    page = signed_in(context, "ada")
    page.goto(f"/projects/{project}/annotate/")
    hands = Hands(page)
    hands.wait_open()
    page.keyboard.press("2")
    yield hands
    shoot(page, request.node.name)
    image = hands.attribute("current-image-id")
    context.close()
    # Out of the queue, so that the next test gets another one; after accepting, the next may not be here yet.
    if image:
        ada.send("POST", f"images/{image}/skip", {"reason": "other"})


def click(hands: Hands, *places: Place) -> None:
    for place in places:
        hands.page.mouse.click(*hands.on_page(place))


def accepted(hands: Hands, ada: Visitor) -> npt.NDArray[np.uint8]:
    """Accept what is on the screen, uint8 (H, W) as the server then holds it, and go on."""
    image = int(hands.attribute("current-image-id"))
    hands.page.keyboard.press("Control+Enter")
    wait_until(lambda: ada.get(f"images/{image}")["accepted_mask"], "the mask was never accepted")
    hands.wait("current-image-id", str(image), negate=True)
    data = ada.raw(ada.get(f"images/{image}")["accepted_mask"]["url"])
    return np.asarray(PILImage.open(io.BytesIO(data)))


def counts(mask: npt.NDArray[np.uint8]) -> dict[int, int]:
    return {int(value): int(count) for value, count in zip(*np.unique(mask, return_counts=True), strict=True)}


def test_a_polygon_is_clicked_and_a_hole_is_cut(hands: Hands, ada: Visitor) -> None:
    hands.page.keyboard.press("p")
    click(hands, (20, 20), (60, 20), (60, 60), (90, 90))
    hands.page.keyboard.press("Backspace")
    click(hands, (20, 60), (20, 20))
    hands.wait("on-screen", "edited")
    hands.page.keyboard.down("Shift")
    click(hands, (30, 30))
    hands.page.keyboard.up("Shift")
    click(hands, (50, 30), (50, 50), (30, 50))
    shoot(hands.page, "polygon")
    hands.page.keyboard.press("Enter")
    mask = accepted(hands, ada)
    assert counts(mask[20:60, 20:60]) == {GROUND: 400, SQUARE: 1200}
    assert counts(mask) == {GROUND: 400, SQUARE: 1200, UNLABELLED: SIZE * SIZE - 1600}


def test_a_free_hand_outline_is_undone_in_one_step_and_survives_a_reload(hands: Hands) -> None:
    hands.page.keyboard.press("p")
    hands.stroke([(20, 20), (70, 20), (70, 70), (20, 70), (20, 21)])
    hands.wait("on-screen", "edited")
    hands.page.reload()
    hands.wait_open()
    hands.wait("on-screen", "edited")
    hands.page.keyboard.press("Control+z")
    hands.wait("on-screen", "none")


def test_a_box_is_clicked_corner_by_corner_or_by_the_four_extreme_points(hands: Hands, ada: Visitor) -> None:
    image = int(hands.attribute("current-image-id"))
    hands.page.keyboard.press("r")
    click(hands, (20, 20), (60, 50))
    hands.wait("marks", "1")
    hands.page.locator("select[name=boxBy]").select_option("extremes")
    click(hands, (30, 10), (40, 70), (15, 40), (70, 45))
    hands.wait("marks", "6")
    hands.page.keyboard.press("Control+z")
    hands.wait("marks", "1")
    hands.page.keyboard.press("Control+Shift+z")
    hands.wait("marks", "6")
    hands.wait("saved", "saved")
    marks = ada.get(f"images/{image}/annotation")["marks"]
    assert [mark["kind"] for mark in marks].count("point") == 4
    boxes = sorted(tuple(round(x) for x in mark["geometry"]["box"]) for mark in marks if mark["kind"] == "box")
    assert boxes == [(15, 10, 70, 70), (20, 20, 60, 50)]


def test_one_point_for_each_class_goes_on_by_itself(hands: Hands, ada: Visitor) -> None:
    image = int(hands.attribute("current-image-id"))
    hands.page.keyboard.press("k")
    hands.page.locator("input[name=pointAdvance]").check()
    click(hands, (20, 20), (40, 40), (60, 60))
    hands.wait("marks", "3")
    hands.wait("saved", "saved")
    marks = ada.get(f"images/{image}/annotation")["marks"]
    assert [mark["class_index"] for mark in sorted(marks, key=lambda mark: mark["geometry"]["x"])] == [
        SQUARE,
        CAT,
        GROUND,
    ]


def test_a_square_brush_keeps_other_objects_and_shift_draws_a_straight_line(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("b")
    page.locator("select[name=brushShape]").select_option("square")
    click(hands, (20, 20))
    page.keyboard.press("3")
    page.locator("select[name=paintOver]").select_option("background")
    click(hands, (20, 24))
    page.keyboard.down("Shift")
    click(hands, (80, 24))
    page.keyboard.up("Shift")
    shoot(page, "brush")
    mask = accepted(hands, ada)
    assert counts(mask) == {SQUARE: 256, CAT: 16 * 76 - 16 * 12, UNLABELLED: SIZE * SIZE - 256 - 16 * 64}


def test_a_region_is_filled_and_then_all_that_is_unlabelled(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("p")
    click(hands, (20, 20), (60, 20), (60, 60), (20, 60), (20, 20))
    hands.wait("on-screen", "edited")
    page.keyboard.press("3")
    page.keyboard.press("i")
    click(hands, (40, 40))
    page.keyboard.press("1")
    page.keyboard.press("Shift+I")
    mask = accepted(hands, ada)
    assert counts(mask) == {CAT: 1600, GROUND: SIZE * SIZE - 1600}


def test_what_is_locked_is_painted_over_by_nothing_also_after_a_reload(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("p")
    click(hands, (20, 20), (60, 20), (60, 60), (20, 60), (20, 20))
    hands.wait("on-screen", "edited")
    page.mouse.move(*hands.on_page((40, 40)))
    page.keyboard.press("l")
    page.get_by_role("button", name="Lock “square”", pressed=True).wait_for()
    for y in (30, 50):
        page.keyboard.press("3")
        page.keyboard.press("b")
        hands.stroke([(10, y), (80, y)])
        shoot(page, f"locked_{y}")
        page.reload()
        hands.wait_open()
        hands.wait("on-screen", "edited")
    page.keyboard.press("2")
    page.get_by_role("button", name="Lock “square”").click()
    page.keyboard.press("3")
    page.keyboard.press("b")
    hands.stroke([(40, 40), (41, 40)])
    mask = accepted(hands, ada)
    assert [int(mask[y, x]) for y, x in ((30, 70), (50, 70), (30, 40), (50, 40), (40, 40))] == [2, 2, 1, 1, 2]


def test_the_wand_takes_the_yellow_square_and_shows_it_before_it_paints(hands: Hands, ada: Visitor) -> None:
    mouse = hands.page.mouse
    hands.page.keyboard.press("w")
    mouse.move(*hands.on_page((36, 36)))
    mouse.down()
    hands.wait("tool-busy", "false")
    x, y = hands.on_page((36, 36))
    mouse.move(x + 150, y, steps=4)
    shoot(hands.page, "wand")
    assert hands.attribute("on-screen") == "none"
    mouse.up()
    hands.wait("on-screen", "edited")
    mask = accepted(hands, ada)
    inside = counts(mask[24:48, 24:48])[SQUARE]
    # How much of it depends on whether the image's features had been computed by then; it does not leak either way.
    assert inside > 150
    assert counts(mask)[SQUARE] - inside < 124


def test_an_image_is_finished_with_superpixels_and_no_pointer(hands: Hands, ada: Visitor) -> None:
    keyboard = hands.page.keyboard
    keyboard.press("m")
    hands.wait("tool-busy", "false")
    keyboard.press("Space")
    for key in ("Enter", "ArrowRight", "Space", "ArrowDown", "Enter", "ArrowLeft", "Enter"):
        keyboard.press(key)
    hands.wait("on-screen", "edited")
    shoot(hands.page, "superpixels")
    keyboard.press("1")
    keyboard.press("Shift+I")
    mask = accepted(hands, ada)
    found = counts(mask)
    assert set(found) == {GROUND, SQUARE}
    # Four pieces of about 300.
    assert SIZE * SIZE * 4 / 300 * 0.4 < found[SQUARE] < SIZE * SIZE * 4 / 300 * 2.5


def test_superpixels_are_painted_by_dragging_over_them(hands: Hands, ada: Visitor) -> None:
    hands.page.keyboard.press("m")
    hands.wait("tool-busy", "false")
    hands.stroke([(20, 80), (80, 80)])
    hands.wait("on-screen", "edited")
    mask = accepted(hands, ada)
    assert (mask[80, 20:80] == SQUARE).all()


def test_a_proposal_is_taken_over_region_by_region(hands: Hands, ada: Visitor) -> None:
    hands.scribble("2", [(28.0, 30.0), (44.0, 42.0)])
    hands.scribble("1", [(10.0, 80.0), (80.0, 84.0)])
    hands.wait_proposal()
    hands.page.keyboard.press("q")
    click(hands, (36, 36))
    hands.wait("on-screen", "edited")
    hands.page.locator("tool-options [role=status]", has_text="square").wait_for()
    shoot(hands.page, "take")
    mask = accepted(hands, ada)
    found = counts(mask)
    assert set(found) == {SQUARE, UNLABELLED} and mask[36, 36] == SQUARE


def test_all_regions_that_are_likely_enough_are_taken_at_once(hands: Hands, ada: Visitor) -> None:
    hands.scribble("2", [(28.0, 30.0), (44.0, 42.0)])
    hands.scribble("1", [(10.0, 80.0), (80.0, 84.0)])
    hands.wait_proposal()
    hands.page.keyboard.press("q")
    hands.page.locator("tool-options [data-action=take_above]").click()
    hands.wait("on-screen", "edited")
    assert set(counts(accepted(hands, ada))) == {GROUND, SQUARE}


def test_marks_and_mask_of_the_image_before_are_copied(hands: Hands, ada: Visitor) -> None:
    page = hands.page
    page.keyboard.press("r")
    click(hands, (20, 20), (60, 50))
    page.keyboard.press("p")
    click(hands, (20, 20), (60, 20), (60, 60), (20, 60), (20, 20))
    hands.wait("saved", "saved")
    first = accepted(hands, ada)
    hands.wait_open()
    page.keyboard.press("Shift+V")
    hands.wait("marks", "1")
    page.keyboard.press("Alt+v")
    hands.wait("on-screen", "edited")
    assert (accepted(hands, ada) == first).all()


class Fingers:
    """Touches and a pen, through the browser's own input."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.client = hands.page.context.new_cdp_session(hands.page)

    def touch(self, kind: str, *places: Place) -> None:
        """`kind` is touchStart, touchMove or touchEnd; the places are all fingers that are down."""
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(map(self.hands.on_page, places))]
        self.client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def draw(self, *places: Place) -> None:
        self.touch("touchStart", places[0])
        for place in places[1:]:
            self.touch("touchMove", place)
        self.touch("touchEnd")

    def pen(self, kind: str, place: Place, force: float) -> None:
        x, y = self.hands.on_page(place)
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "pointerType": "pen", "force": force}
        self.client.send("Input.dispatchMouseEvent", {**event, "clickCount": 1})

    def pen_stroke(self, *places: Place, force: float = 0.5) -> None:
        self.pen("mousePressed", places[0], force)
        for place in places[1:]:
            self.pen("mouseMoved", place, force)
        self.pen("mouseReleased", places[-1], 0)


def test_a_finger_draws_two_pan_and_zoom_and_three_take_back(hands: Hands) -> None:
    fingers = Fingers(hands)
    hands.page.keyboard.press("s")
    fingers.draw((20, 20), (40, 20), (60, 20))
    hands.wait("marks", "1")
    before = hands.attribute("view")
    apart: list[Place] = [(40, 50), (60, 50)]
    fingers.touch("touchStart", *apart)
    fingers.touch("touchMove", (30, 50), (70, 50))
    fingers.touch("touchEnd")
    hands.wait("view", before, negate=True)
    assert float(hands.attribute("view").split()[0]) == pytest.approx(2 * float(before.split()[0]), rel=0.05)
    assert hands.attribute("marks") == "1"
    fingers.touch("touchStart", (30, 30), (40, 40), (50, 30))
    fingers.touch("touchEnd")
    hands.wait("marks", "0")


def test_a_finger_mends_a_polygon_while_it_is_drawn_and_two_pan_in_the_middle_of_it(hands: Hands, ada: Visitor) -> None:
    """Corners are taken hold of up to 11 px away on the screen: targets are 24 px across."""
    fingers = Fingers(hands)
    near = 11 / float(hands.attribute("view").split()[0])
    hands.page.keyboard.press("p")
    for place in ((20.0, 20.0), (60.0, 20.0), (50.0, 50.0), (20.0, 60.0)):
        fingers.touch("touchStart", place)
        fingers.touch("touchEnd")
    before = hands.attribute("view")
    fingers.touch("touchStart", (40, 40), (60, 40))
    fingers.touch("touchMove", (46, 46), (66, 46))
    fingers.touch("touchEnd")
    hands.wait("view", before, negate=True)
    fingers.draw((50 + near, 50), (55, 55), (60, 60))
    fingers.draw((40, 20 - near), (40, 15), (40, 10))
    shoot(hands.page, "polygon_by_finger")
    hands.page.keyboard.press("Enter")
    mask = accepted(hands, ada)
    assert counts(mask[20:60, 20:60]) == {SQUARE: 1600}
    assert counts(mask[10:20, 20:60]) == {SQUARE: 200, UNLABELLED: 200}


def test_once_a_pen_was_used_the_palm_draws_nothing_and_pressure_sets_the_size(hands: Hands, ada: Visitor) -> None:
    fingers = Fingers(hands)
    hands.page.keyboard.press("b")
    hands.page.locator("input[name=penPressure]").check()
    fingers.pen_stroke((20, 20), (40, 20), force=1.0)
    hands.wait("on-screen", "edited")
    fingers.pen_stroke((20, 60), (40, 60), force=0.2)
    before = hands.attribute("view")
    fingers.draw((60, 60), (70, 70))
    hands.wait("view", before, negate=True)
    mask = accepted(hands, ada)
    wide, thin = (int((mask[:, 30] == SQUARE)[rows].sum()) for rows in (slice(0, 45), slice(45, 96)))
    assert (wide, thin < 8, int((mask == SQUARE)[:, 60:].sum())) == (16, True, 0)
