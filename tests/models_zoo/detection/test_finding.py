"""From a snapshot with boxes to a COCO file, by the commands; what cannot be done is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from models_zoo import Box, SnapshotImage, get_method, parse_config
from models_zoo.cli import main
from models_zoo.data.dataset import load_rgb
from models_zoo.detection.finding import BoxFinder, coco_detections, load_finder
from models_zoo.detection.measuring import measure_boxes, validate_boxes
from models_zoo.engine import SilentCallbacks, fit
from models_zoo.metrics.average_precision import Instance
from models_zoo.snapshot import Snapshot, read
from tests.models_zoo.toy import CLASSES, DISC, make_snapshot

TINY = ("--set", "steps=2", "--set", "image_size=64", "--set", "batch_size=2", "--device", "cpu")


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(arguments, out, err), out.getvalue(), err.getvalue()


@pytest.fixture(scope="module", params=["dual_polishing", "tsddnet"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the snapshot and a run of two steps, of each method that finds boxes."""
    method = str(request.param)
    folder = tmp_path_factory.mktemp("boxes")
    make_snapshot(folder / "s", count=2, kinds=("box",), val_masks=False, size=(70, 50))
    fit(
        method=method,
        config=parse_config(get_method(method), {"steps": 2, "image_size": 64, "batch_size": 2}),
        snapshot_dir=folder / "s",
        work_dir=folder / "run",
        seed=0,
        callbacks=SilentCallbacks(),
        device="cpu",
    )
    return folder


def test_training_reports_ap_and_predicting_writes_a_coco_file(trained: Path, tmp_path: Path) -> None:
    method = json.loads((trained / "run/final/manifest.json").read_text())["method"]
    arguments = ("train", str(trained / "s"), "--method", method, "--out", str(trained / "run"), *TINY)
    status, out, err = run(*arguments)  # the run is there: only measured
    assert (status, err) == (0, "")
    found = json.loads(out.splitlines()[-1])["validation"]
    assert found["kind"] == "box_ap" and found["n"] == 5 and 0 <= found["ap75"] <= found["ap50"] <= 1
    file = tmp_path / "new" / "found.json"
    status, out, err = run("predict", str(trained / "run/final"), str(trained / "s/images"), "--boxes", str(file))
    assert (status, err) == (0, "")
    content = json.loads(file.read_text())
    assert [image["file_name"] for image in content["images"]] == [f"{number}.png" for number in range(7)]
    assert content["categories"] == [{"id": DISC, "name": "disc"}]
    for row in content["annotations"]:
        x, y, width, height = row["bbox"]
        assert x >= 0 and y >= 0 and x + width <= 70.01 and y + height <= 50.01 and 0 < row["score"] <= 1


def test_masks_are_not_asked_of_a_detector(trained: Path, tmp_path: Path) -> None:
    status, _, err = run("predict", str(trained / "run/final"), str(trained / "s/images"), "--out", str(tmp_path / "m"))
    assert status == 2 and "give --boxes" in err


def test_a_coco_file_by_hand() -> None:
    classes = [{"index": item.index, "name": item.name, "is_background": item.is_background} for item in CLASSES]
    found = [[Instance(class_index=DISC, box=(1.0, 2.0, 4.5, 8.0), score=0.25)], []]
    content = coco_detections(classes, [("a.png", (10, 9)), ("b.png", (5, 5))], found)  # type: ignore[arg-type]
    row = {"id": 1, "image_id": 1, "category_id": DISC, "bbox": [1.0, 2.0, 3.5, 6.0], "area": 21.0}
    assert content["annotations"] == [{**row, "iscrowd": 0, "score": 0.25}]
    assert content["images"] == [
        {"id": 1, "file_name": "a.png", "width": 10, "height": 9},
        {"id": 2, "file_name": "b.png", "width": 5, "height": 5},
    ]


class Perfect(BoxFinder):
    """Finds what the snapshot says, moved by so many pixels."""

    def __init__(self, snapshot: Snapshot, off: float) -> None:
        self.objects, self._off = (DISC,), off
        self._known = {load_rgb(snapshot.path(image.file)).tobytes(): image for image in snapshot.images}

    def find(self, rgb: object) -> list[Instance]:
        image: SnapshotImage = self._known[rgb.tobytes()]  # type: ignore[attr-defined]
        (box,) = [m for m in image.marks if isinstance(m, Box)]
        corners = (box.x0 + self._off, box.y0, box.x1 + self._off, box.y1)
        return [Instance(class_index=DISC, box=corners, score=0.5)]


def test_ap_is_one_where_all_is_found_and_falls_with_the_overlap(trained: Path) -> None:
    snapshot = read(trained / "s")
    right = measure_boxes(Perfect(snapshot, 0.0), trained / "s")
    assert (right["value"], right["ap75"], right["per_class"]) == (1.0, 1.0, {DISC: 1.0})
    # Of about 26 px by 5 px: IoU 21 / 31 = 0.68, right at 0.5 to 0.65, wrong from 0.7.
    off = measure_boxes(Perfect(snapshot, 5.0), trained / "s")
    assert (off["ap50"], off["ap75"]) == (1.0, 0.0) and off["value"] == pytest.approx(0.4)


def test_without_boxes_in_val_there_is_no_figure(trained: Path, tmp_path: Path) -> None:
    make_snapshot(tmp_path / "s", count=1, kinds=("tag",))
    found = validate_boxes(trained / "run/final", tmp_path / "s", device="cpu")
    assert found == {"value": None, "kind": "box_ap", "n": 0, "per_class": {}}


def test_a_picture_is_the_same_found_again(trained: Path) -> None:
    rgb = load_rgb(trained / "s/images/0.png")
    finder = load_finder(trained / "run/final", "cpu")
    assert finder.find(rgb) == finder.find(rgb)
