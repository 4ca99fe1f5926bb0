"""The whole loop as a stranger meets it: nothing here touches the database, only the browser."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image as PILImage
from playwright.sync_api import Page, expect
from pycocotools.coco import COCO

from models_zoo import decode_png
from tests.e2e.conftest import shoot
from tests.e2e.editor import Hands, Place

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
PASSWORD = "a fairly long password"
NUM_MARKED = 5


def coins(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Overlapping crops of Greek coins on dark ground; the grey values by file name."""
    whole: NDArray[np.uint8] = skimage.data.coins()  # type: ignore[no-untyped-call]
    crops = {}
    for number, (top, left) in enumerate((top, left) for top in (0, 70, 140) for left in (0, 75, 150, 220)):
        crop = whole[top : top + 160, left : left + 160]
        name = f"coins {number:02d}.png"
        PILImage.fromarray(crop).convert("RGB").save(folder / name)
        crops[name] = crop
    return crops


def strokes(grey: NDArray[np.uint8]) -> tuple[list[Place], list[Place]]:
    """A stroke on the ground and one on a coin: around the places farthest from any border between the two."""
    bright = cv2.GaussianBlur(grey, (0, 0), 4) > 118
    drawn = []
    for region in (~bright, bright):
        inside = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = (float(place) for place in np.unravel_index(int(inside.argmax()), inside.shape))
        reach = max(2.0, float(inside.max()) * 0.6)
        drawn.append([(x - reach + 0.5, y + 0.5), (x + 0.5, y + 0.5), (x + reach + 0.5, y + 0.5)])
    return drawn[0], drawn[1]


def sign_up(page: Page) -> None:
    page.goto("/")
    page.get_by_role("heading", name="first account").wait_for()
    shoot(page, "setup")
    page.locator("#id_username").fill("ada")
    for field in page.locator("main input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/projects/**")
    page.locator("header details summary").last.click()
    page.get_by_role("button", name="Sign out").click()


def sign_in(page: Page) -> None:
    page.wait_for_url("**/signin/**")
    shoot(page, "signin")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")


def make_project(page: Page) -> str:
    """A project with a background and one class; returns its address."""
    page.goto("/projects/")
    shoot(page, "projects-empty")
    page.goto("/projects/new/")
    page.locator("input[name=name]").fill("Greek coins")
    page.get_by_role("button", name="Make the project").click()
    page.wait_for_url("**/classes/")
    home = page.url.removesuffix("classes/")
    page.locator("#new-name").fill("ground")
    page.locator("input[name=is_background]").first.check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".class-list li")).to_have_count(1)
    page.locator("#new-name").fill("coin")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".class-list li")).to_have_count(2)
    shoot(page, "classes")
    return home


def bring_images(page: Page, home: str, files: list[Path]) -> None:
    page.goto(f"{home}import/")
    page.locator("input#files").set_input_files(files)
    page.get_by_text(f"{len(files)} images", exact=True).first.wait_for()
    shoot(page, "import")
    page.goto(home)
    expect(page.locator("li.tile")).to_have_count(len(files))
    page.wait_for_load_state("networkidle")  # the thumbnails too
    shoot(page, "images")


def mark_and_accept(page: Page, home: str, crops: dict[str, NDArray[np.uint8]]) -> dict[int, str]:
    """Scribble both classes on some images and accept what appears; accepted hash by image id."""
    page.goto(f"{home}annotate/")
    hands = Hands(page)
    accepted: dict[int, str] = {}
    for number in range(NUM_MARKED):
        image = hands.wait_open()
        assert image not in accepted
        ground, coin = strokes(crops[page.locator(".editor-bar h1").inner_text()])
        hands.scribble("1", ground)
        hands.scribble("2", coin)
        hands.wait_proposal()
        if number == 0:
            shoot(page, "annotate")
            page.keyboard.press("?")
            page.locator("help-sheet dialog[open]").wait_for()
            shoot(page, "help")
            page.keyboard.press("Escape")
            page.locator("help-sheet dialog[open]").wait_for(state="hidden")
        page.keyboard.press("Control+Enter")
        hands.wait("current-image-id", str(image), negate=True)
        accepted[image] = page.request.get(f"/api/v1/images/{image}").json()["accepted_mask"]["sha256"]
    return accepted


def train(page: Page, home: str) -> None:
    """Launch from the form, see it move, see it end."""
    page.goto(f"{home}training/")
    page.locator("#config-image_size").fill("96")
    page.get_by_text("All settings").click()
    page.locator("#config-steps").fill("120")
    shoot(page, "training")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/training/*/")
    bar = page.locator("progress, [role=progressbar]").first
    bar.wait_for()
    moved = "() => [...document.querySelectorAll('[role=progressbar], progress')].some("
    moved += "bar => Number(bar.value ?? bar.getAttribute('aria-valuenow')) > 0)"
    page.wait_for_function(moved)
    shoot(page, "run")
    page.get_by_role("link", name="Version 1").wait_for(timeout=240_000)
    shoot(page, "run-done")
    page.goto(f"{home}models/")
    page.get_by_role("heading", name="Version 1").wait_for()
    shoot(page, "models")


def accept_a_models_mask(page: Page, home: str, done: dict[int, str]) -> tuple[int, str]:
    """Open an image nobody touched, on which the model's mask waits, and accept it as it is."""
    page.goto(f"{home}?state=proposed")
    tile = page.locator("li.tile a.picture").first
    tile.wait_for(timeout=120_000)
    tile.click()
    hands = Hands(page)
    image = hands.wait_open()
    assert image not in done and hands.attribute("marks") == "0"
    hands.wait("on-screen", "proposal")
    sha256 = hands.attribute("proposal-sha")
    shoot(page, "proposed")
    page.keyboard.press("Enter")
    page.wait_for_selector(
        f'label-canvas[data-accepted-sha="{sha256}"], label-canvas:not([data-current-image-id="{image}"])'
    )
    return image, sha256


def export(page: Page, home: str, folder: Path) -> COCO:
    """Ask for a COCO file, download it, open it."""
    page.goto(f"{home}exports/")
    page.get_by_role("button", name="Export", exact=True).click()
    link = page.get_by_role("link", name="Download").first
    link.wait_for(timeout=120_000)
    shoot(page, "exports")
    with page.expect_download() as waiting:
        link.click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        name = next(name for name in archive.namelist() if name.endswith("annotations.json"))
        return COCO(archive.extract(name, folder))


def masks_of(coco: COCO, width: int, height: int) -> dict[str, NDArray[np.uint8]]:
    """Label map by file name, drawn from the annotations; category ids lead back to class indexes by name."""
    index = {row["id"]: {"ground": 0, "coin": 1}[row["name"]] for row in coco.loadCats(coco.getCatIds())}
    maps = {}
    for row in coco.loadImgs(coco.getImgIds()):
        label_map = np.full((height, width), 255, np.uint8)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[row["id"]])):
            binary = coco.annToMask(annotation).astype(bool)
            assert annotation["area"] == binary.sum() and annotation["iscrowd"] == 0
            label_map[binary] = index[annotation["category_id"]]
        maps[Path(row["file_name"]).name] = label_map
    return maps


def test_a_stranger_goes_once_around_the_loop(page: Page, tmp_path: Path) -> None:
    crops = coins(tmp_path)
    sign_up(page)
    sign_in(page)
    home = make_project(page)
    bring_images(page, home, sorted(tmp_path.glob("*.png")))
    accepted = mark_and_accept(page, home, crops)
    train(page, home)
    image, sha256 = accept_a_models_mask(page, home, accepted)
    accepted[image] = sha256
    page.goto(f"{home}progress/")
    page.get_by_text("Accepted").first.wait_for()
    shoot(page, "progress")

    exported = masks_of(export(page, home, tmp_path), 160, 160)
    assert len(exported) == len(accepted) == NUM_MARKED + 1
    names = image_names(page, home)
    for image_id, sha in accepted.items():
        stored = decode_png(page.request.get(f"/api/v1/masks/{sha}.png").body())
        drawn = next(label_map for name, label_map in exported.items() if names[image_id] in name)
        assert np.array_equal(stored, drawn), names[image_id]
        assert len(np.unique(stored)) == 2, "a mask of one class would prove little"


def image_names(page: Page, home: str) -> dict[int, str]:
    """File name without its ending by image id."""
    project = home.rstrip("/").split("/")[-1]
    rows = json.loads(page.request.get(f"/api/v1/projects/{project}/images?limit=100").body())["results"]
    return {row["id"]: Path(row["name"]).stem for row in rows}
