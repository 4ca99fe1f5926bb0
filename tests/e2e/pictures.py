"""Make the pictures of docs/img/ again: every tool, every theme, and the pages around them.

    python -m tests.e2e.pictures [NAME …]

Without names all are made, those of the first story last. They show a photograph that ships with scikit-learn. Look
at each before committing it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from PIL import Image as PILImage
from playwright.sync_api import Browser, Page, sync_playwright

from labeling.demo.pictures import DEMO_PROJECTS, load_picture, picture_path
from tests.e2e.conftest import QUIET, chromium_path, keep_small
from tests.e2e.editor import PASSWORD, Hands, Place
from tests.instance import ROOT, Instance, Visitor, wait_until

FOLDER: Final = ROOT / "docs" / "img"
STORY: Final = "tests/e2e/test_story.py"
WINDOW: Final = (1120, 720)
CROP: Final = (600, 420)  # px of the photograph; each image is moved a little, so that no two are the same
PETALS: Final[list[Place]] = [(230.0, 200.0), (300.0, 160.0), (370.0, 200.0), (360.0, 280.0), (270.0, 290.0)]
LEAVES: Final[list[Place]] = [(60.0, 80.0), (120.0, 60.0), (110.0, 300.0), (150.0, 370.0)]
RIM: Final[list[Place]] = [
    (296, 88), (370, 104), (420, 150), (440, 220), (420, 290),
    (375, 335), (300, 352), (230, 336), (186, 290), (166, 220),
]  # fmt: skip

# What a trained version leaves behind, without the training: a flower in every image, some of them drawn too large.
PROPOSE: Final = """
import numpy as np
from labeling import storage
from labeling.models import Image, Mask, Project
from models_zoo import encode_png, pixel_counts
from tests.factories import make_model_proposal, make_version
project = Project.objects.get(name="Dahlias")
version = make_version(project, is_active=True)
for place, image in enumerate(project.images.order_by("pk")):
    y, x = np.mgrid[: image.height, : image.width]
    grown = 12 * (place % 4)
    inside = (x - 300) ** 2 + (y - 220) ** 2 < (128 + grown) ** 2
    label_map = np.where(inside, 1, 0).astype(np.uint8)
    blob = storage.put("masks", encode_png(label_map), suffix="png")
    counts = {str(k): v for k, v in pixel_counts(label_map).items()}
    mask = Mask.objects.create(image=image, blob=blob.name, sha256=blob.sha256, origin="polished",
                               model_version=version, pixel_counts=counts)
    make_model_proposal(image, version, mask=mask, uncertainty=place / 40)
"""

LOADED: Final = "() => [...document.querySelectorAll('.crop img')].slice(0, 6).every(image => image.naturalWidth > 0)"
Theme = Literal["light", "dark"]


class Studio:
    """A project of flowers on a running instance, and pages to take pictures of."""

    def __init__(self, instance: Instance, browser: Browser, folder: Path) -> None:
        self.instance, self.browser, self.folder = instance, browser, folder
        words = ("createsuperuser", "--noinput", "--username=ada", "--email=")
        instance.manage(*words, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
        self.ada = Visitor(instance)
        self.ada.sign_in("ada", PASSWORD)
        self.project = int(self.ada.post("projects", {"name": "Dahlias"})["id"])
        self.ada.post(f"projects/{self.project}/classes", {"name": "leaves", "color": "#5b8def", "is_background": True})
        self.ada.post(f"projects/{self.project}/classes", {"name": "flower", "color": "#cc79a7"})
        self.ada.post(f"projects/{self.project}/classes", {"name": "bud", "color": "#e6b400"})
        self._import()
        rows = self.ada.get(f"projects/{self.project}/images?limit=100")["results"]
        self._untouched = [int(row["id"]) for row in rows]

    def _import(self) -> None:
        demo = next(each for each in DEMO_PROJECTS if each.slug == "dahlia")
        path = picture_path(demo)
        assert path is not None, "scikit-learn does not bring its photograph of a flower any more"
        whole = PILImage.fromarray(load_picture(demo, path))
        with tempfile.TemporaryDirectory() as scratch:
            for number in range(len(SCENES)):
                x, y = number % 8 + 4, number // 8 + 2
                whole.crop((x, y, x + CROP[0], y + CROP[1])).save(Path(scratch, f"dahlia-{number:02d}.png"))
            self.instance.manage("import_images", str(self.project), scratch)
        address = f"projects/{self.project}/images?limit=100"
        wait_until(
            lambda: all(row["has_features"] for row in self.ada.get(address)["results"]),
            "the images were never encoded",
            patience_s=600,
        )

    @contextmanager
    def page(self, theme: Theme = "light", *, contrast: bool = False, language: str = "en") -> Iterator[Page]:
        """Ada's browser, signed in."""
        context = self.browser.new_context(
            base_url=self.instance.address,
            viewport={"width": WINDOW[0], "height": WINDOW[1]},
            color_scheme=theme,
            contrast="more" if contrast else "no-preference",
            reduced_motion="reduce",
            locale=language,
        )
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto("/signin/")
        page.locator("#id_username").fill("ada")
        page.locator("#id_password").fill(PASSWORD)
        page.locator("#id_password").press("Enter")
        page.wait_for_url("**/projects/**")
        yield page
        context.close()

    def open(self, page: Page) -> Hands:
        """An image nobody has touched, with the class "flower" chosen."""
        page.goto(f"/projects/{self.project}/images/{self._untouched.pop(0)}/")
        hands = Hands(page)
        hands.wait_open()
        hands.wait_solver()
        page.keyboard.press("2")
        return hands

    def shoot(self, page: Page, name: str) -> None:
        """Keep the page as docs/img/NAME.webp."""
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        keep_small(page, self.folder / f"{name}.webp")


def _marked(hands: Hands) -> None:
    """Both classes scribbled, and the mask that follows."""
    hands.scribble("1", LEAVES)
    hands.scribble("2", PETALS)
    hands.wait_proposal()


def _clicks(hands: Hands, places: list[Place]) -> None:
    for place in places:
        hands.page.mouse.click(*hands.on_page(place))


def scribble(hands: Hands) -> None:
    _marked(hands)


def point(hands: Hands) -> None:
    hands.page.keyboard.press("k")
    _clicks(hands, [(300.0, 220.0), (350.0, 390.0)])
    hands.page.keyboard.press("1")
    _clicks(hands, [(80.0, 120.0), (520.0, 120.0), (500.0, 330.0), (100.0, 350.0)])
    hands.wait("marks", "6")
    hands.wait_proposal()


def box(hands: Hands) -> None:
    hands.page.keyboard.press("r")
    hands.stroke([(160.0, 82.0), (446.0, 356.0)])
    hands.wait("marks", "1")
    hands.wait_proposal()


def polygon(hands: Hands) -> None:
    hands.page.keyboard.press("p")
    _clicks(hands, RIM[:-1])
    hands.page.mouse.move(*hands.on_page(RIM[-1]))


def brush(hands: Hands) -> None:
    hands.page.keyboard.press("b")
    for _ in range(4):
        hands.page.keyboard.press("]")
    hands.stroke([(230.0, 180.0), (300.0, 140.0), (380.0, 180.0), (390.0, 260.0), (320.0, 310.0), (240.0, 280.0)])
    hands.wait("on-screen", "edited")


def eraser(hands: Hands) -> None:
    _marked(hands)
    hands.page.keyboard.press("e")
    for _ in range(3):
        hands.page.keyboard.press("]")
    hands.stroke([(170.0, 330.0), (260.0, 260.0), (330.0, 230.0)])
    hands.wait("on-screen", "edited")


def superpixel(hands: Hands) -> None:
    hands.page.keyboard.press("m")
    hands.wait("tool-busy", "false")
    hands.stroke([(230.0, 200.0), (380.0, 200.0), (380.0, 270.0), (250.0, 280.0)])
    hands.wait("on-screen", "edited")


def wand(hands: Hands) -> None:
    hands.page.keyboard.press("w")
    hands.page.mouse.move(*hands.on_page((300.0, 130.0)))
    hands.page.mouse.down()
    hands.wait("tool-busy", "false")
    x, y = hands.on_page((300.0, 130.0))
    hands.page.mouse.move(x + 180, y, steps=4)
    hands.page.mouse.up()
    hands.wait("on-screen", "edited")


def fill(hands: Hands) -> None:
    _marked(hands)
    hands.page.keyboard.press("3")
    hands.page.keyboard.press("i")
    _clicks(hands, [(300.0, 220.0)])
    hands.wait("on-screen", "edited")


def take(hands: Hands) -> None:
    _marked(hands)
    hands.page.keyboard.press("q")
    _clicks(hands, [(300.0, 220.0)])
    hands.wait("on-screen", "edited")


def tag(hands: Hands) -> None:
    hands.page.keyboard.press("t")
    for digit in ("1", "2", "3", "3"):
        hands.page.keyboard.press(digit)
    hands.wait("marks", "3")


def select(hands: Hands) -> None:
    _marked(hands)
    hands.page.keyboard.press("v")
    _clicks(hands, [PETALS[1]])


def pan(hands: Hands) -> None:
    """The picture zoomed in and carried aside."""
    _marked(hands)
    for _ in range(3):
        hands.page.keyboard.press("+")
    hands.page.keyboard.press("g")
    hands.stroke([(300.0, 220.0), (250.0, 190.0)])


def lock(hands: Hands) -> None:
    """The flower is locked, and painted over in vain."""
    _marked(hands)
    hands.page.keyboard.press("Alt+l")
    hands.page.keyboard.press("3")
    hands.page.keyboard.press("b")
    for _ in range(3):
        hands.page.keyboard.press("]")
    hands.stroke([(120.0, 300.0), (300.0, 230.0), (480.0, 300.0)])
    hands.wait("on-screen", "edited")


def comment(hands: Hands) -> None:
    _marked(hands)
    hands.page.keyboard.press("n")
    _clicks(hands, [(410.0, 300.0)])
    hands.page.locator("comments-panel textarea").fill("Does this petal belong to the flower?")


TOOLS: Final[tuple[Callable[[Hands], None], ...]] = (
    scribble, point, box, polygon, brush, eraser, superpixel, wand, fill, take, tag, select, pan, lock, comment,
)  # fmt: skip


def tool_scene(draw: Callable[[Hands], None]) -> Callable[[Studio, str], None]:
    def scene(studio: Studio, name: str) -> None:
        with studio.page() as page:
            draw(studio.open(page))
            studio.shoot(page, name)

    return scene


def theme_scene(theme: Theme, *, contrast: bool = False, language: str = "en") -> Callable[[Studio, str], None]:
    def scene(studio: Studio, name: str) -> None:
        with studio.page(theme, contrast=contrast, language=language) as page:
            _marked(studio.open(page))
            studio.shoot(page, name)

    return scene


def comments(studio: Studio, name: str) -> None:
    with studio.page() as page:
        hands = studio.open(page)
        _marked(hands)
        page.keyboard.press("n")
        page.mouse.click(*hands.on_page((410.0, 300.0)))
        page.locator("comments-panel textarea").fill("Does the petal in the shade still belong to the flower?")
        page.keyboard.press("Control+Enter")
        page.locator("comments-panel .words").wait_for()
        studio.shoot(page, name)


def check_grid(studio: Studio, name: str) -> None:
    studio.instance.manage("shell", "-c", PROPOSE)
    with studio.page() as page:
        page.goto(f"/projects/{studio.project}/check/")
        page.get_by_role("button", name="flower").click()
        crops = page.locator(".crop")
        crops.nth(5).wait_for()
        page.wait_for_function(
            "() => [...document.querySelectorAll('.crop img')].slice(0, 6).every(i => i.naturalWidth)"
        )
        crops.nth(1).click()
        crops.nth(3).click(modifiers=["Shift"])
        studio.shoot(page, name)


SCENES: Final[dict[str, Callable[[Studio, str], None]]] = {
    **{f"tool-{draw.__name__}": tool_scene(draw) for draw in TOOLS},
    "theme-light": theme_scene("light"),
    "theme-dark": theme_scene("dark"),
    "theme-contrast-light": theme_scene("light", contrast=True),
    "theme-contrast-dark": theme_scene("dark", contrast=True),
    "german": theme_scene("light", language="de"),
    "comments": comments,
    "check-grid": check_grid,
}


def make_scenes(names: list[str]) -> None:
    """Take the pictures of these names."""
    with tempfile.TemporaryDirectory() as scratch, Instance(Path(scratch)) as instance, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        studio = Studio(instance, browser, FOLDER)
        for name in names:
            SCENES[name](studio, name)
        browser.close()


def make_story() -> None:
    """Let the test of the first story take its pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", STORY)
        subprocess.run(words, cwd=ROOT, env={**os.environ, "SCREENSHOTS": scratch}, check=True)
        for picture in Path(scratch).glob("*.webp"):
            if picture.stem != "last":
                shutil.copy(picture, FOLDER / picture.name)


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(SCENES) - {"story"})
    if unknown:
        sys.exit(f"No picture is called {', '.join(unknown)}. There are: {', '.join([*SCENES, 'story'])}.")
    chosen = names or [*SCENES, "story"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    if scenes := [name for name in chosen if name in SCENES]:
        make_scenes(scenes)
    if "story" in chosen:
        make_story()


if __name__ == "__main__":
    main(sys.argv[1:])
