"""The interactive benchmark from folder to table, on a picture anyone can cut out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

pytest.importorskip("cv2")
pytest.importorskip("skimage")
pytest.importorskip("sklearn")
pytest.importorskip("maxflow")

from bench import interactive
from bench.annotators import GROUND, OBJECT, first_strokes, iou, loose_box
from bench.interactive_report import summarise
from bench.interactive_tasks import tasks_of
from bench.peers import PEERS, Prompt
from models_zoo import encode_png, rasterize

NO_WEIGHTS = [name for name in PEERS if name != "peer_deep_cut"]


def scene(width: int = 192, height: int = 144) -> tuple[Any, Any]:
    """A red disc on grey ground with a little noise, and where it is."""
    rows, columns = np.mgrid[:height, :width]
    truth = (rows - 72) ** 2 + (columns - 88) ** 2 < 36**2
    rgb = np.where(truth[..., None], (200, 40, 40), (120, 120, 120)) + np.random.default_rng(0).normal(
        0, 4, (height, width, 3)
    )
    return np.clip(rgb, 0, 255).astype(np.uint8), truth


def write_set(folder: Path, masks: list[Any], classes: dict[str, str]) -> Path:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number, mask in enumerate(masks):
        PILImage.fromarray(scene()[0]).save(folder / "images" / f"{number}.png")
        (folder / "masks" / f"{number}.png").write_bytes(encode_png(mask.astype(np.uint8)))
    (folder / "classes.json").write_text(json.dumps({"classes": classes}))
    return folder


@pytest.mark.parametrize("name", list(PEERS))
def test_every_peer_finds_a_plain_disc_from_strokes(name: str) -> None:
    rgb, truth = scene()
    marks = first_strokes(truth, np.zeros_like(truth))
    seeds = rasterize(marks, width=192, height=144).seeds
    prompt = Prompt(marks=tuple(marks), on_object=seeds == OBJECT, on_ground=seeds == GROUND, box=None, previous=None)
    peer = PEERS[name]()
    peer.prepare(rgb)
    answer = peer.segment(prompt)
    assert answer is not None and iou(answer, truth, np.zeros_like(truth)) > 0.9
    again = peer.segment(prompt)
    assert again is not None and np.array_equal(answer, again)


def test_a_box_alone_is_enough_for_grabcut_and_for_no_other_peer() -> None:
    rgb, truth = scene()
    nothing = np.zeros_like(truth)
    box = loose_box(truth)
    prompt = Prompt(marks=(box,), on_object=nothing, on_ground=nothing, box=box, previous=None)
    for name in NO_WEIGHTS:
        peer = PEERS[name]()
        peer.prepare(rgb)
        answer = peer.segment(prompt)
        assert (answer is not None) == (name == "peer_grabcut")
        assert answer is None or iou(answer, truth, nothing) > 0.9


def test_tasks_are_the_one_class_or_the_two_largest_of_each_picture(tmp_path: Path) -> None:
    truth = scene()[1]
    one = write_set(tmp_path / "one", [truth, truth, truth], {"0": "background", "1": "disc"})
    assert [task.key for task in tasks_of(one, 0)] == ["0.png#1", "1.png#1", "2.png#1"]
    assert [task.key for task in tasks_of(one, 2)] == ["0.png#1", "2.png#1"]
    assert [task.key for task in tasks_of(one, 2, others=5)] == ["1.png#1"]
    many = np.zeros((144, 192), np.uint8)
    many[:20], many[20:80], many[80:120], many[120, :10] = 1, 2, 3, 4
    scenes = write_set(tmp_path / "many", [many], {str(index): f"class {index}" for index in range(1, 5)})
    assert [task.key for task in tasks_of(scenes, 0)] == ["0.png#2", "0.png#3"]


def test_a_folder_that_lacks_something_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no images"):
        list(tasks_of(tmp_path, 0))
    folder = write_set(tmp_path / "set", [], {})
    (folder / "classes.json").write_text("[1]")
    with pytest.raises(SystemExit, match=r"classes\.json must hold"):
        list(tasks_of(folder, 0))


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["interactive.py", *options])
    interactive.main()


def test_a_run_is_kept_resumed_and_not_mixed_with_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    folder = write_set(tmp_path / "discs", [scene()[1]], {"0": "background", "1": "disc"})
    report = tmp_path / "out" / "report.json"
    common = ("--data", str(folder), "--json", str(report), "--clicks", "3")
    run(monkeypatch, *common, "--methods", "random_walker,peer_watershed")
    text = capsys.readouterr().out
    assert "| discs | random_walker | 1 |" in text and "| discs | peer_watershed | 1 |" in text
    stored = json.loads(report.read_text())
    assert report.with_suffix(".png").is_file()
    row = next(row for row in stored["summary"]["rows"] if row["method"] == "random_walker")
    assert row["iou_r1"] > 0.9 and row["iou_r3"] > 0.9 and row["noc85"] <= 3
    run(monkeypatch, *common, "--methods", "random_walker,peer_geodesic", "--resume")
    resumed = json.loads(report.read_text())
    assert set(resumed["tasks"]["discs"]) == {"random_walker", "peer_watershed", "peer_geodesic"}
    assert resumed["tasks"]["discs"]["random_walker"] == stored["tasks"]["discs"]["random_walker"]
    with pytest.raises(SystemExit, match="use the same settings"):
        run(monkeypatch, *common, "--methods", "random_walker", "--resume", "--frame", "all")
    with pytest.raises(SystemExit, match="no method named magic"):
        run(monkeypatch, *common, "--methods", "magic")


def result(image: str, first: float, clicks: list[float]) -> dict[str, Any]:
    return {"image": image, "rounds": [first, first, first], "clicks": clicks, "ms": [1.0], "prep_ms": 1.0}


def test_a_gain_is_against_the_best_peer_and_fewer_clicks_are_a_gain() -> None:
    tasks = {
        "a": {
            "live_head": {str(n): result(str(n), 0.9, [0.9]) for n in range(4)},
            "peer_good": {str(n): result(str(n), 0.8, [0.5, 0.9]) for n in range(4)},
            "peer_bad": {str(n): result(str(n), 0.1, []) for n in range(4)},
        },
        "b": {
            "live_head": {"0": result("0", 0.6, [0.1] * 20)},
            "peer_good": {"0": result("0", 0.4, [0.1] * 20)},
            "peer_bad": {"0": result("0", 0.7, [0.1] * 20)},
        },
    }
    lines = summarise(tasks, ["peer_good", "peer_bad"], limit=20, seed=0)["against_best_peer"]
    by_metric = {line["metric"]: line for line in lines}
    first = by_metric["iou_r1"]
    assert (first["best_peer"], first["difference"]) == ("peer_good", pytest.approx(0.15))
    assert (first["low"], first["high"]) == (pytest.approx(0.15), pytest.approx(0.15))
    assert (first["worst_set"], first["worst"]) == ("b", pytest.approx(-0.1))
    assert by_metric["noc90"]["difference"] == pytest.approx((1 + 0) / 2)
    assert "iou_box" not in by_metric
