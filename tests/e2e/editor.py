"""Hands for the annotation page: real pointer and key events at places given in image pixels."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page

from tests.instance import wait_until

Place = tuple[float, float]
PASSWORD = "a fairly long password"


class Hands:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.locator("label-canvas")

    def attribute(self, name: str) -> str:
        return self.canvas.get_attribute(f"data-{name}") or ""

    def wait(self, name: str, value: str, *, negate: bool = False) -> None:
        """Until data-<name> is (or is no longer) `value`."""
        condition = f'[data-{name}="{value}"]'
        self.page.wait_for_selector(f"label-canvas:not({condition})" if negate else f"label-canvas{condition}")

    def wait_open(self) -> int:
        """Until an image is there to work on; return its id."""
        self.wait("state", "open")
        self.wait("picture", "shown")
        return int(self.attribute("current-image-id"))

    def on_page(self, place: Place) -> Place:
        """Page coordinates of a place in image pixels."""
        box = self.page.locator("label-canvas .stage").bounding_box()
        assert box is not None
        scale, x, y = (float(word) for word in self.attribute("view").split())
        return box["x"] + x + place[0] * scale, box["y"] + y + place[1] * scale

    def stroke(self, places: Sequence[Place]) -> None:
        """Press at the first place, move through the others, release at the last."""
        mouse = self.page.mouse
        mouse.move(*self.on_page(places[0]))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.on_page(place), steps=6)
        mouse.up()

    def scribble(self, digit: str, places: Sequence[Place]) -> None:
        """Choose the class by its key and draw."""
        self.page.keyboard.press(digit)
        self.page.keyboard.press("s")
        before = int(self.attribute("marks"))
        self.stroke(places)
        self.wait("marks", str(before + 1))

    def wait_solver(self) -> None:
        """Until masks are worked out in the page."""
        self.wait("solver", "ready")

    def wait_proposal(self) -> str:
        """Until a mask made from the marks is on the screen, by the page or by the server; return its name."""
        self.wait("saved", "saved")
        return wait_until(self._newest_on_screen, "the proposal for the last stroke never showed up")

    def _newest_on_screen(self) -> str:
        shown = self.attribute("proposal-sha")
        if shown.startswith("live:") and self.attribute("on-screen") == "proposal":
            return shown
        address = f"/api/v1/images/{self.attribute('current-image-id')}/proposals"
        newest = next(iter(self.page.request.get(address).json()["results"]), None)
        if newest is None or str(newest["source_revision"]) != self.attribute("revision"):
            return ""
        sha256: str = newest["mask"]["sha256"]
        return sha256 if self.attribute("on-screen") == "proposal" and self.attribute("proposal-sha") == sha256 else ""
