"""kill -9 in mid-work: nothing that was acknowledged is lost, and every job ends in one state."""

from __future__ import annotations

import functools
import io
import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from tests.factories import photo
from tests.instance import QUICK_JOBS, Instance, Visitor, wait_until

pytestmark = pytest.mark.slow
OVER = {"succeeded", "failed", "cancelled"}
SIZE = 96


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("kill"), **QUICK_JOBS) as running:
        running.manage(
            "createsuperuser", "--noinput", "--username=ada", "--email=",
            DJANGO_SUPERUSER_PASSWORD="a long enough password",
        )  # fmt: skip
        yield running


@pytest.fixture(scope="module")
def ada(instance: Instance) -> Visitor:
    visitor = Visitor(instance)
    visitor.sign_in("ada", "a long enough password")
    return visitor


@pytest.fixture(scope="module")
def project(ada: Visitor) -> int:
    """A project of 16 imported pictures and two classes."""
    project = int(ada.post("projects", {"name": "Kill"})["id"])
    for name, is_background in (("ground", True), ("square", False)):
        ada.post(f"projects/{project}/classes", {"name": name, "is_background": is_background})
    uploads = [ada.upload(project, f"{n}.png", picture(n)) for n in range(16)]
    job = ada.post(f"projects/{project}/imports", {"uploads": uploads})
    done = wait_until(lambda: over(ada, f"imports/{job['id']}"), "the import never ended")
    assert (done["status"], done["counts"]["imported"]) == ("succeeded", 16)
    return project


def picture(seed: int) -> bytes:
    out = io.BytesIO()
    PILImage.fromarray(photo(width=SIZE, height=SIZE, seed=seed)).save(out, "PNG")
    return out.getvalue()


def over(visitor: Visitor, path: str) -> dict[str, Any] | None:
    """The job once it has ended; None while it runs or nobody answers."""
    try:
        job: dict[str, Any] = visitor.get(path)
    except (OSError, AssertionError):
        return None
    return job if job["status"] in OVER else None


def image_ids(visitor: Visitor, project: int) -> list[int]:
    return sorted(row["id"] for row in visitor.get(f"projects/{project}/images?limit=100")["results"])


def scribble(class_index: int, row: float) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "kind": "scribble",
        "class_index": class_index,
        "sign": 1,
        "geometry": {"points": [[30.0, row], [40.0, row + 2]], "width": 4.0},
        "made_at": "2026-01-01T00:00:00Z",
        "seconds": 3.0,
    }


def both_classes() -> list[dict[str, Any]]:
    return [scribble(0, 80.0), scribble(1, 30.0)]


def save(visitor: Visitor, image: int, revision: int, marks: list[dict[str, Any]], propose: str | None = None) -> Any:
    body = {"revision": revision, "marks": marks, "deleted": [], "propose": propose}
    status, answer = visitor.send("PUT", f"images/{image}/annotation", body)
    assert status == 200, answer
    return answer


def mark_ids(answer: dict[str, Any]) -> set[str]:
    return {mark["id"] for mark in answer["marks"]}


def test_web_process_killed_while_people_save(instance: Instance, ada: Visitor, project: int) -> None:
    """Whatever got its 200 is there afterwards; the next save goes on from there."""
    image = image_ids(ada, project)[0]
    acknowledged, revision, marks = set(), 0, []
    for number in range(8):
        marks.append(scribble(number % 2, 10.0 + number * 8))
        answer = save(ada, image, revision, marks)
        revision, acknowledged = answer["revision"], mark_ids(answer)
        if number == 4:
            instance.kill("web")
            with pytest.raises(OSError):
                ada.send("PUT", f"images/{image}/annotation", {})
            wait_until(instance.answers, "the web process never came back")
            assert mark_ids(ada.get(f"images/{image}/annotation")) == acknowledged
    stored = ada.get(f"images/{image}/annotation")
    assert mark_ids(stored) == acknowledged == {mark["id"] for mark in marks}
    assert stored["revision"] == revision


def test_interactive_worker_killed_with_proposals_in_flight(instance: Instance, ada: Visitor, project: int) -> None:
    """Every request ends in one state, the last one in a proposal, and the marks are all there."""
    images = image_ids(ada, project)[1:5]
    first = save(ada, images[0], 0, both_classes(), "live_head")
    wait_until(lambda: over(ada, f"proposal-runs/{first['proposal_run']}"), "the worker never warmed up")
    runs, sent = [], {}
    for image in images[1:]:
        answer = save(ada, image, 0, both_classes(), "live_head")
        runs.append(answer["proposal_run"])
        sent[image] = mark_ids(answer)
    instance.kill("worker-interactive")
    ended = [wait_until(functools.partial(over, ada, f"proposal-runs/{run}"), f"run {run} hangs") for run in runs]
    assert {run["status"] for run in ended} == {"succeeded"}
    for image, marks in sent.items():
        assert mark_ids(ada.get(f"images/{image}/annotation")) == marks
        proposals = ada.get(f"images/{image}/proposals")["results"]
        assert [row["status"] for row in proposals] == ["pending"]


def test_redis_killed_between_saving_and_accepting(instance: Instance, ada: Visitor, project: int) -> None:
    """Without Redis marks are saved and decisions stand; the lost message is sent again by the reaper."""
    image = image_ids(ada, project)[5]
    instance.kill("redis")
    answer = save(ada, image, 0, both_classes(), "live_head")
    run = wait_until(lambda: over(ada, f"proposal-runs/{answer['proposal_run']}"), "the message was never sent again")
    assert run["status"] == "succeeded"
    proposal = ada.get(f"images/{image}/proposals")["results"][0]
    instance.kill("redis")
    ada.post(f"proposals/{proposal['id']}/accept", {"mask_sha256": proposal["mask"]["sha256"]})
    detail = ada.get(f"images/{image}")
    assert detail["accepted_mask"]["sha256"] == proposal["mask"]["sha256"]
    assert mark_ids(ada.get(f"images/{image}/annotation")) == mark_ids(answer)
    data = ada.raw(f"/api/v1/masks/{proposal['mask']['sha256']}.png")
    assert np.asarray(PILImage.open(io.BytesIO(data))).shape == (SIZE, SIZE)


def test_training_worker_killed_in_mid_run(instance: Instance, ada: Visitor, project: int) -> None:
    """The run is noticed, resumes from its checkpoint and makes exactly one version."""
    for image in image_ids(ada, project)[6:12]:
        save(ada, image, 0, both_classes())
    body = {"method": "seeded_segmentation", "config": tiny_config(ada), "marks": ["scribble"], "splits": ["train"]}
    run = ada.post(f"projects/{project}/training-runs", body)["id"]
    path = f"training-runs/{run}"
    wait_until(lambda: ada.get(path)["done"] >= 5, "training never got going")
    killed_at = time.monotonic()
    instance.kill("worker-gpu")
    wait_until(lambda: ada.get(path)["attempt"] == 2, "nobody took the run over", patience_s=60)
    assert time.monotonic() - killed_at < 60  # the bar of the product, not of this machine
    ended = wait_until(lambda: over(ada, path), "the run never ended", patience_s=240)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended["error"]
    versions = ada.get(f"projects/{project}/model-versions")["results"]
    assert [version["run_id"] for version in versions] == [run]
    pool = wait_until(
        lambda: [r for r in ada.get(f"projects/{project}/proposal-runs")["results"] if r["scope"] == "pool"],
        "no proposals were asked for",
    )
    done = wait_until(lambda: over(ada, f"proposal-runs/{pool[0]['id']}"), "pool proposals never ended")
    assert done["status"] == "succeeded", done["error"]


def tiny_config(visitor: Visitor) -> dict[str, Any]:
    """The smallest training that the method's own form allows, long enough to be killed in."""
    method = next(m for m in visitor.get("methods")["methods"] if m["name"] == "seeded_segmentation")
    fields = {field["name"]: field for field in method["fields"]}
    wanted = {"steps": 60, "image_size": 64, "batch_size": 2}
    return {name: max(value, fields[name]["minimum"] or 0) for name, value in wanted.items() if name in fields}


def test_nothing_is_left_running_for_ever(ada: Visitor, project: int, instance: Instance) -> None:
    """After all that killing every job of the project is over, and every part is back."""

    def all_over() -> bool:
        jobs = ada.get(f"projects/{project}/proposal-runs")["results"]
        jobs += ada.get(f"projects/{project}/training-runs")["results"]
        jobs += ada.get(f"projects/{project}/imports")["results"]
        return all(job["status"] in OVER for job in jobs)

    wait_until(all_over, "a job hangs")
    for part in ("redis", "web", "worker-interactive", "worker-gpu", "worker-default"):
        assert wait_until(functools.partial(instance.processes, part), f"{part} did not come back")
