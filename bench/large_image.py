"""What a picture of 20,000 x 20,000 pixels costs once it is tiled: the first view, panning, and the page's memory.

    python bench/large_image.py [--views 5] [--json OUT]

Starts Burnish in a scratch folder, draws and imports the picture (needs the extra `large`), and opens it in headless
Chromium, each time in a browser that has nothing of it yet. `first_view` is milliseconds from the beginning of the
navigation to the picture's first tile on the screen, `main_thread` what the page's main thread worked in that time
(the part that other programs on the machine do not lengthen), `frame` those between two frames while the picture is
panned at full sharpness, `canvas_pixels` the pixels of all canvases of the page after that.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from bench.editor_report import quantiles  # noqa: E402
from tests.e2e.conftest import QUIET, chromium_path  # noqa: E402
from tests.e2e.editor import PASSWORD, Hands  # noqa: E402
from tests.e2e.large_picture import REMEMBER_CANVASES, SIZES, draw_large  # noqa: E402
from tests.instance import Instance, Visitor  # noqa: E402

FIRST_VIEW = """
  () => {
    const [shown] = performance.getEntriesByName("picture shown");
    return shown.startTime + shown.duration;
  }
"""
KEEP_FRAMES = """
  () => {
    window.frames_ms = [];
    let before = performance.now();
    const next = (now) => {
      frames_ms.push(now - before);
      before = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }
"""


def main() -> None:
    """Measure and print; write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--views", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="burnish-bench-") as folder, Instance(Path(folder)) as instance:
        address, seconds = _imported(instance, Path(folder) / "pictures")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
            views = [_viewed(browser, instance, address) for _ in range(options.views)]
            browser.close()
    report: dict[str, Any] = {
        "cores": len(os.sched_getaffinity(0)),
        "load_average": round(os.getloadavg()[0], 2),
        "import_s": round(seconds, 1),
        "first_view": quantiles([view["first_view"] for view in views]),
        "main_thread": quantiles([view["main_thread"] for view in views]),
        "frame": quantiles([ms for view in views for ms in view["frames"]]),
        "canvas_pixels": max(view["canvas_pixels"] for view in views),
    }
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def _imported(instance: Instance, folder: Path) -> tuple[str, float]:
    """The page of the picture, and how many seconds its import took."""
    folder.mkdir()
    draw_large(folder / "large.jpg")
    instance.manage("createsuperuser", "--noinput", "--username=ada", "--email=", DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    owner = Visitor(instance)
    owner.sign_in("ada", PASSWORD)
    project = int(owner.post("projects", {"name": "Large"})["id"])
    owner.post(f"projects/{project}/classes", {"name": "ground", "is_background": True})
    start = time.perf_counter()
    instance.manage("import_images", str(project), str(folder))
    seconds = time.perf_counter() - start
    return f"/projects/{project}/annotate/", seconds


def _viewed(browser: Browser, instance: Instance, address: str) -> dict[str, Any]:
    context = browser.new_context(base_url=instance.address, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(120_000)
    context.add_init_script(REMEMBER_CANVASES)
    page = context.new_page()
    _sign_in(page)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address, wait_until="commit")
    hands = Hands(page)
    hands.wait("picture", "shown")
    metrics = {row["name"]: row["value"] for row in devtools.send("Performance.getMetrics")["metrics"]}
    hands.wait_open()
    first_view = float(page.evaluate(FIRST_VIEW))
    page.mouse.move(640, 400)
    for _ in range(6):
        page.mouse.wheel(0, -300)
    page.wait_for_load_state("networkidle")
    page.evaluate(KEEP_FRAMES)
    page.mouse.down(button="middle")
    for step in range(60):
        page.mouse.move(640 - 4 * step, 400 - 3 * step)
    page.mouse.up(button="middle")
    frames = [float(ms) for ms in page.evaluate("() => frames_ms")]
    pixels = sum(width * height for width, height in page.evaluate(SIZES))
    context.close()
    main_thread = 1000 * float(metrics["TaskDuration"])
    return {"first_view": first_view, "main_thread": main_thread, "frames": frames, "canvas_pixels": pixels}


def _sign_in(page: Page) -> None:
    page.goto("/signin/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/projects/**")


if __name__ == "__main__":
    main()
