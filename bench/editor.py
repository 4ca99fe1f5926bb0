"""How the editor feels: strokes replayed in a real browser on a real server, at the pace of a hand.

    python bench/editor.py [--sides 512 1024] [--strokes 12] [--objects 5000] [--json OUT]

Starts Burnish in a scratch folder, puts in photographs that come with scikit-image, and draws on them in headless
Chromium: strokes of two classes with the speed profile of a hand (minimum jerk; Flash and Hogan, J. Neuroscience
1985), keys, and the way to the next image. Figures are milliseconds: `solve` in the worker, `painted` from the pointer
event to the mask on the screen, `ink` from the pointer event to the end of the frame that shows the stroke, `tasks`
our own tasks on the main thread while drawing (`whole tasks`: with the browser's wait for its drawing), `key` and
`next` from the key to the end of the frame that answers.
The last rows are of a picture of 4,096 px with many objects on it. A chart goes beside the JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.editor_report import draw_chart, own_tasks, quantiles  # noqa: E402
from tests.e2e.conftest import QUIET, chromium_path  # noqa: E402
from tests.e2e.editor import Hands  # noqa: E402
from tests.instance import Instance, Visitor, wait_until  # noqa: E402

PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")
STEP_S = 0.008  # a mouse reports 125 times a second
BARS = {"key": 50.0, "next": 300.0, "tasks": 8.0, "ink": 50.0}
BARS_BY_SIDE = {"solve": {512: 16.0, 1024: 33.0}, "painted": {512: 50.0, 1024: 80.0}}
TRACED = ["toplevel", "devtools.timeline", "v8.execute", "disabled-by-default-devtools.timeline"]

Place = tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """A project of pictures of one size; `objects` marks are on each before anybody draws."""

    side: int
    objects: int
    project: int
    name: str


def main() -> None:
    """Measure and print; write JSON and a chart where asked."""
    options = _options()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="burnish-bench-") as folder, Instance(Path(folder)) as instance:
        owner = _owner(instance)
        scenes = [_scene(owner, Path(folder), side, 0) for side in options.sides]
        if options.objects:
            scenes.append(_scene(owner, Path(folder), 4096, options.objects))
        rows = _in_browser(instance, scenes, strokes=options.strokes)
    report = {"cores": len(os.sched_getaffinity(0)), "load_average": round(os.getloadavg()[0], 2), "rows": rows}
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
        draw_chart(rows, options.json.with_suffix(".png"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sides", type=int, nargs="*", default=[512, 1024], help="long sides of the pictures, pixels")
    parser.add_argument("--strokes", type=int, default=12, help="strokes on each of three pictures")
    parser.add_argument("--objects", type=int, default=5000, help="marks on the picture of 4,096 px; 0 leaves it out")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


# --- what is drawn on ---------------------------------------------------------------------------


def _owner(instance: Instance) -> Visitor:
    instance.manage("createsuperuser", "--noinput", DJANGO_SUPERUSER_USERNAME="drawer",
                    DJANGO_SUPERUSER_EMAIL="", DJANGO_SUPERUSER_PASSWORD=PASSWORD)  # fmt: skip
    visitor = Visitor(instance)
    visitor.sign_in("drawer", PASSWORD)
    return visitor


PASSWORD = uuid.uuid4().hex


def _scene(owner: Visitor, folder: Path, side: int, objects: int) -> Scene:
    """A project with three pictures and a spare one, features computed."""
    name = f"{side} px" + (f", {objects} objects" if objects else "")
    project = int(owner.post("projects", {"name": name})["id"])
    for index, label in enumerate(("ground", "thing")):
        body = {"name": label, "color": f"#{index}09080", "is_background": index == 0}
        owner.post(f"projects/{project}/classes", body)
    uploads = []
    for number, photograph in enumerate(PHOTOGRAPHS):
        path = folder / f"{side}-{number}.jpg"
        _photograph(photograph, side).save(path, quality=92)
        uploads.append(owner.upload(project, path.name, path.read_bytes()))
    owner.post(f"projects/{project}/imports", {"uploads": uploads})
    images = wait_until(lambda: _ready(owner, project), f"features of {name}", patience_s=600)
    if objects:
        for image in images:
            _put_objects(owner, image, objects)
    return Scene(side, objects, project, name)


def _ready(owner: Visitor, project: int) -> list[dict[str, Any]] | None:
    rows = owner.get(f"projects/{project}/images")["results"]
    images = [owner.get(f"images/{row['id']}") for row in rows]
    return images if len(images) == len(PHOTOGRAPHS) and all(image["features"] for image in images) else None


def _photograph(name: str, side: int) -> PILImage.Image:
    import skimage

    with PILImage.open(Path(skimage.__file__).parent / "data" / name) as image:
        ratio = side / max(image.size)
        size = round(image.width * ratio), round(image.height * ratio)
        return image.convert("RGB").resize(size, PILImage.Resampling.LANCZOS)


def _put_objects(owner: Visitor, image: dict[str, Any], count: int) -> None:
    rng = np.random.default_rng(1)
    marks = []
    for _ in range(count):
        x, y = rng.uniform(0, image["width"] - 40), rng.uniform(0, image["height"] - 40)
        geometry = {"box": [x, y, x + rng.uniform(8, 40), y + rng.uniform(8, 40)]}
        marks.append({"id": str(uuid.UUID(bytes=rng.bytes(16), version=4)), "kind": "box", "class_index": 1, "sign": 1,
                      "geometry": geometry, "seconds": 0})  # fmt: skip
    body = {"revision": 0, "marks": marks, "deleted": [], "propose": None}
    status, answer = owner.send("PUT", f"images/{image['id']}/annotation", body)
    if status != 200:
        raise SystemExit(f"{count} objects were not taken: {answer}")


# --- the hand ----------------------------------------------------------------------------------


def stroke_path(rng: np.random.Generator, size: Place, *, inside: bool) -> list[Place]:
    """Places of a pen every 8 ms: a bowed line across a part of the picture, slow at both ends, with a tremor."""
    width, height = size
    reach = 0.15 if inside else 0.42
    angle = rng.uniform(0, 2 * math.pi)
    start = np.array([width * (0.5 + reach * math.cos(angle)), height * (0.5 + reach * math.sin(angle))])
    length = max(size) * rng.uniform(0.08, 0.2)
    turn = angle + math.pi / 2
    seconds = rng.uniform(0.5, 1.1)
    time_of = np.linspace(0, 1, max(8, round(seconds / STEP_S)))
    way = 10 * time_of**3 - 15 * time_of**4 + 6 * time_of**5
    bow = 0.15 * length * np.sin(math.pi * way)
    along = np.stack([np.cos(turn) * way * length, np.sin(turn) * way * length], axis=1)
    across = np.stack([np.cos(angle) * bow, np.sin(angle) * bow], axis=1)
    tremor = np.cumsum(rng.normal(0, 0.15, (len(way), 2)), axis=0)
    places = np.clip(start + along + across + tremor, 2, np.array(size) - 3)
    return [(float(x), float(y)) for x, y in places]


def _draw(hands: Hands, places: Sequence[Place]) -> None:
    """At the hand's pace; where the page is slower, the events come as fast as it takes them."""
    mouse = hands.page.mouse
    on_page = [hands.on_page(places[0])]
    scale = float(hands.attribute("view").split()[0])
    on_page += [(on_page[0][0] + (x - places[0][0]) * scale, on_page[0][1] + (y - places[0][1]) * scale)
                for x, y in places[1:]]  # fmt: skip
    mouse.move(*on_page[0])
    mouse.down()
    due = time.perf_counter()
    for place in on_page[1:]:
        due += STEP_S
        pause = due - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        mouse.move(*place)
    mouse.up()


# --- in the browser ----------------------------------------------------------------------------


def _in_browser(instance: Instance, scenes: Sequence[Scene], *, strokes: int) -> list[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        page = browser.new_page(base_url=instance.address, viewport={"width": 1280, "height": 800})
        page.add_init_script(path=str(ROOT / "bench/editor_probe.js"))
        page.goto("/signin/")
        page.fill("[name=username]", "drawer")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/projects/**")
        rows = [_measure(browser, Hands(page), scene, strokes=strokes) for scene in scenes]
        browser.close()
    return rows


def _measure(browser: Any, hands: Hands, scene: Scene, *, strokes: int) -> dict[str, Any]:
    """Draw on three pictures of a scene; the first strokes of the first only warm things up."""
    page = hands.page
    page.goto(f"/projects/{scene.project}/annotate/")
    rng = np.random.default_rng(7)
    tasks: list[tuple[float, float]] = []
    _draw_on_image(hands, rng, strokes=2)
    page.evaluate("() => { for (const list of Object.values(burnishProbe)) if (Array.isArray(list)) list.length = 0 }")
    for number in range(3):
        browser.start_tracing(page=page, categories=TRACED)
        _draw_on_image(hands, rng, strokes=strokes)
        tasks += own_tasks(browser.stop_tracing())
        for key in ("b", "s", "h", "h", "1", "2"):
            page.keyboard.press(key)
            time.sleep(0.1)
        if number < 2:
            time.sleep(2)  # a person looks at the result; meanwhile the next image is fetched ahead
            _go_on(hands)
    probe = page.evaluate("() => burnishProbe")
    measured = {
        "solve": probe["solved"],
        "painted": probe["painted"],
        "ink": probe["ink"],
        "tasks": [ours for _, ours in tasks],
        "whole tasks": [whole for whole, _ in tasks],
        "key": probe["keys"],
        "next": probe["opened"],
    }
    return {"scene": scene.name, "side": scene.side, "solver": hands.attribute("solver")} | {
        name: {**quantiles(values), "bar": BARS_BY_SIDE.get(name, {}).get(scene.side, BARS.get(name))}
        for name, values in measured.items()
        if values
    }


def _draw_on_image(hands: Hands, rng: np.random.Generator, *, strokes: int) -> None:
    hands.wait_open()
    hands.page.wait_for_selector("label-canvas:not([data-solver=loading])")
    size = _size(hands)
    hands.page.keyboard.press("s")
    for number in range(strokes):
        hands.page.keyboard.press(str(1 + (number % 2)))
        _draw(hands, stroke_path(rng, size, inside=number % 2 == 1))
        time.sleep(0.3)


def _size(hands: Hands) -> Place:
    image = hands.page.request.get(f"/api/v1/images/{hands.attribute('current-image-id')}").json()
    return float(image["width"]), float(image["height"])


def _go_on(hands: Hands) -> None:
    before = hands.attribute("current-image-id")
    hands.page.evaluate("(id) => { burnishProbe.image = id }", before)
    hands.page.keyboard.press("f")
    hands.wait("current-image-id", before, negate=True)


if __name__ == "__main__":
    main()
