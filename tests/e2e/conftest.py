"""A running Burnish and a real browser."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image as PILImage
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.e2e.editor import PASSWORD
from tests.instance import Instance, Visitor

# No look-ups of its own, so that the browser talks to nobody but the server under test.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MOST_BYTES = 60_000
SCREENSHOTS = Path(os.environ["SCREENSHOTS"]) if os.environ.get("SCREENSHOTS") else None


def chromium_path() -> str | None:
    """The browser on PATH; None lets Playwright use its own."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("e2e")) as running:
        yield running


@pytest.fixture(scope="module")
def ada(instance: Instance) -> Visitor:
    """The owner, by program: sets the stage and looks at what the server holds."""
    instance.manage("createsuperuser", "--noinput", "--username=ada", "--email=", DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    visitor = Visitor(instance)
    visitor.sign_in("ada", PASSWORD)
    return visitor


@pytest.fixture
def page(browser: Browser, instance: Instance) -> Iterator[Page]:
    """A page of a person with nothing in the browser yet; a script error on any page fails the test."""
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    page = context.new_page()
    mistakes: list[Error] = []
    page.on("pageerror", lambda mistake: mistakes.append(mistake))  # Playwright marks handlers, builtins refuse
    yield page
    shoot(page, "last")
    context.close()
    assert mistakes == []


def shoot(page: Page, name: str) -> None:
    """Keep a small picture of the page where SCREENSHOTS names a folder."""
    if SCREENSHOTS is not None:
        keep_small(page, SCREENSHOTS / f"{name}.webp")


def keep_small(page: Page, path: Path) -> None:
    """Write what the window shows as a WebP file of at most 900 px a side, MOST_BYTES large where that can be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PILImage.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((900, 900), PILImage.Resampling.LANCZOS)
    for quality in (78, 66, 54, 42):
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            return
