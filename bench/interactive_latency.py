"""How long a person waits for a mask after a stroke: real server, real worker, real WebSocket.

    python bench/interactive_latency.py [--strokes 60] [--size 512] [--method live_head] [--json OUT]

Starts Redis, the web server and the interactive worker in a scratch folder, draws strokes over HTTP as the
editor does, and stops the clock when the new mask's PNG is here and decoded. Nothing of the user's is touched.
Times are in milliseconds from the start of the PUT.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = uuid.uuid4().hex
PATIENCE_S = 60.0


def main() -> None:
    """Measure and print; write JSON where asked."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="burnish-bench-") as folder:
        _use(Path(folder))
        project_id, image_ids = _seed(size=options.size, images=options.images + 1)
        with _running():
            _wait_for_web()
            result = _measure(project_id, image_ids, strokes=options.strokes, method=options.method)
    result |= {"size_px": options.size, "method": options.method, "cores": len(os.sched_getaffinity(0))}
    result["load_average"] = round(os.getloadavg()[0], 2)
    print(json.dumps(result, indent=2))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--strokes", type=int, default=60)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--size", type=int, default=512, help="long side of the pictures, pixels")
    parser.add_argument("--method", default="live_head")
    parser.add_argument("--json", default="")
    return parser.parse_args()


def _use(folder: Path) -> None:
    """Point every setting at the scratch folder, for this process and its children."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "BURNISH_MEDIA"):
        os.environ.pop(name, None)
    os.environ |= {
        "BURNISH_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "labeling.settings.base",
        "PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "BURNISH_WARM": "interactive",
    }
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()


def _seed(*, size: int, images: int) -> tuple[int, list[int]]:
    """A project with two classes and a few pictures, and the person who draws."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from labeling.models import LabelClass, Membership, Project, Role
    from labeling.services.images import create_image_from_upload

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("drawer", password=PASSWORD)
    project = Project.objects.create(name="Latency", slug="latency")
    Membership.objects.create(user=user, project=project, role=Role.OWNER)
    for index, name in enumerate(("ground", "thing")):
        LabelClass.objects.create(
            project=project, index=index, name=name, color=f"#{index}09080", is_background=index == 0
        )
    ids = []
    for number in range(images):
        path = Path(os.environ["BURNISH_VAR"]) / f"{number}.png"
        PILImage.fromarray(_picture(number, width=size, height=size * 3 // 4)).save(path)
        with path.open("rb") as stream:
            ids.append(create_image_from_upload(project=project, by=user, name=path.name, stream=stream)[0].pk)
    return project.pk, ids


def _picture(seed: int, *, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth ground with noise, and a disc of another colour in the middle."""
    rng = np.random.default_rng(seed)
    small = PILImage.fromarray(rng.integers(40, 140, (6, 8, 3), dtype=np.uint8))
    rgb = np.asarray(small.resize((width, height), PILImage.Resampling.BICUBIC)).astype(np.int16)
    y, x = np.mgrid[:height, :width]
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2
    rgb[disc] += (90, 40, -30)
    return np.asarray(np.clip(rgb + rng.integers(-12, 13, rgb.shape), 0, 255), np.uint8)


@contextmanager
def _running() -> Iterator[None]:
    """Redis, web and interactive worker, ended with the block."""
    from django.conf import settings

    from labeling.runtime import ensure_runtime_dir, find_redis, redis_command

    ensure_runtime_dir(settings.VAR_DIR)
    manage = [sys.executable, str(ROOT / "manage.py")]
    commands = [
        redis_command(find_redis(), settings.VAR_DIR),
        [*manage, "web"],
        [*manage, "worker", "--queues", "interactive"],
    ]
    children = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    try:
        yield
    finally:
        for child in reversed(children):
            child.terminate()
        for child in reversed(children):
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_for_web() -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web server did not come up")


class Browser:
    """One signed-in person: a kept-alive HTTP connection and the project's live feed."""

    def __init__(self, project_id: int) -> None:
        from websockets.sync.client import connect
        from websockets.typing import Origin

        self.host = f"127.0.0.1:{os.environ['PORT']}"
        self.http = http.client.HTTPConnection(self.host, timeout=PATIENCE_S)
        self.cookies: dict[str, str] = {}
        self.json("GET", "/api/v1/session")
        self.json("POST", "/api/v1/session", {"username": "drawer", "password": PASSWORD})
        self.live = connect(
            f"ws://{self.host}/ws/projects/{project_id}/?after=0",
            additional_headers={"Cookie": self._cookie_line()},
            origin=Origin(f"http://{self.host}"),
        )

    def _cookie_line(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def send(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """A request with session and CSRF token; status and body."""
        headers = {"Cookie": self._cookie_line(), "X-CSRFToken": self.cookies.get("burnish_csrf", "")}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body), "application/json"
        self.http.request(method, path, body=data, headers=headers)
        answer = self.http.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, answer.read()

    def json(self, method: str, path: str, body: object = None) -> Any:
        """As `send`; stops on anything but success."""
        status, data = self.send(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {data[:300]!r}")
        return json.loads(data)

    def wait_for_proposal(self, image_id: int, revision: int) -> dict[str, Any]:
        """The data of the `proposal.ready` event that answers this revision."""
        while True:
            message = json.loads(self.live.recv(timeout=PATIENCE_S))
            data = message.get("data", {})
            if message.get("verb") == "proposal.ready" and (data["image"], data["source_revision"]) == (
                image_id,
                revision,
            ):
                return dict(data)


def _measure(project_id: int, image_ids: list[int], *, strokes: int, method: str) -> dict[str, Any]:
    """Open each image as the page does (lease), then stroke after stroke; the first image only warms things up."""
    browser = Browser(project_id)
    rng = np.random.default_rng(1)
    _draw(browser, image_ids[0], rng, strokes=3, method=method)
    times: list[dict[str, float]] = []
    first: list[float] = []
    for image_id in image_ids[1:]:
        drawn = _draw(browser, image_id, rng, strokes=-(-strokes // (len(image_ids) - 1)), method=method)
        first.append(round(drawn[0]["painted"], 1))
        times += drawn
    return {
        "strokes": len(times),
        "first_stroke_ms": first,
        **{f"{name}_ms": _quantiles([row[name] for row in times]) for name in ("saved", "ready", "painted")},
    }


def _draw(
    browser: Browser, image_id: int, rng: np.random.Generator, *, strokes: int, method: str
) -> list[dict[str, float]]:
    """Open one image and draw; milliseconds of each stroke until saved, ready and painted."""
    from models_zoo import decode_png

    image = browser.json("GET", f"/api/v1/images/{image_id}")
    browser.json("POST", f"/api/v1/images/{image_id}/lease")
    time.sleep(0.8)  # a person looks before they draw; the worker sets the image meanwhile
    marks: list[dict[str, Any]] = []
    rows = []
    for number in range(strokes):
        marks.append(_stroke(rng, number, image["width"], image["height"]))
        body = {"revision": number, "marks": marks, "deleted": [], "propose": method}
        started = time.perf_counter()
        browser.json("PUT", f"/api/v1/images/{image_id}/annotation", body)
        saved = time.perf_counter()
        answer = browser.wait_for_proposal(image_id, number + 1)
        ready = time.perf_counter()
        status, png = browser.send("GET", f"/api/v1/masks/{answer['mask_sha256']}.png")
        if status != 200:
            raise SystemExit(f"the mask of image {image_id} could not be fetched: {status}")
        decode_png(png)
        painted = time.perf_counter()
        moments = {"saved": saved, "ready": ready, "painted": painted}
        rows.append({name: 1000 * (moment - started) for name, moment in moments.items()})
        time.sleep(0.15)
    return rows


def _stroke(rng: np.random.Generator, number: int, width: int, height: int) -> dict[str, Any]:
    """Alternate: a short line inside the disc, one on the ground."""
    inside = number % 2 == 0
    angle, reach = rng.uniform(0, 2 * np.pi), height * (0.12 if inside else 0.4)
    x, y = width / 2 + reach * np.cos(angle), height / 2 + reach * np.sin(angle)
    points = [[float(x + 3 * step), float(y + rng.uniform(-2, 2))] for step in range(6)]
    return {
        "id": str(uuid.uuid4()),
        "kind": "scribble",
        "class_index": 1 if inside else 0,
        "sign": 1,
        "geometry": {"points": points, "width": 5},
        "seconds": 1.0,
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "max": round(max(values), 1)}


if __name__ == "__main__":
    main()
