"""What polishing gains a box detector that learns from few boxed images.

    python bench/detection.py --data ../shared/data/raccoon --boxed 0.3 --set steps=400 --json detection.json

Of a set's pictures a fifth, by the hash of their names, is for measuring; of the rest a share is boxed and the others
are unmarked. The same training runs with and without the polishers, from one seed. Besides, of the run with both, the
averaged model's boxes on the held-back pictures are measured as found and as the box polisher moves them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch

from models_zoo import Box, get_method, parse_config, voc_palette, write_manifest
from models_zoo.data.dataset import fit_size, load_rgb, resize_rgb
from models_zoo.detection.measuring import validate_boxes
from models_zoo.engine import SilentCallbacks, fit, load_predictor
from models_zoo.methods.dual_polishing.polishers import polished
from models_zoo.methods.dual_polishing.task import DualPolishing
from models_zoo.metrics.average_precision import Instance, average_precision
from models_zoo.networks.detector import distinct, find
from models_zoo.networks.encoders import pad_to_multiple
from models_zoo.snapshot import Snapshot, SnapshotClass, SnapshotImage, SnapshotSpec, read

_BACKGROUND = 0
_VARIANTS: dict[str, dict[str, object]] = {
    "boxed only": {"unmarked_weight": 0},
    "unpolished": {"box_polishing": False, "category_polishing": False},
    "box": {"category_polishing": False},
    "category": {"box_polishing": False},
    "both": {},
}


class Row(TypedDict):
    """One set, seed and variant; AP in 0..1 on the held-back pictures, seconds of processor time."""

    set: str
    seed: int
    variant: str
    boxed: int
    unmarked: int
    measured: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    seconds: float


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="folders with images/ and boxes.json")
    parser.add_argument("--images", type=int, default=0, help="pictures of each set; all by default")
    parser.add_argument("--boxed", type=float, default=0.2, help="share of the training pictures that is boxed")
    parser.add_argument("--variants", nargs="+", choices=list(_VARIANTS), default=["unpolished", "both"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--work", type=Path, default=None, help="where to keep snapshots and weights")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    rows: list[Row] = []
    for folder in options.data:
        with tempfile.TemporaryDirectory() as temporary:
            work = (options.work or Path(temporary)) / folder.name
            write_snapshot(folder, work / "snapshot", options.boxed, options.images)
            for seed in range(options.seeds):
                for variant in options.variants:
                    rows.append(measure(work, folder.name, variant, dict(p.split("=") for p in options.settings), seed))
                    print(rows[-1], flush=True)
                    if options.json:
                        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(work: Path, name: str, variant: str, settings: dict[str, object], seed: int) -> Row:
    """Train one variant and measure it on val."""
    began = time.process_time()
    run = work / f"{variant}-{seed}"
    made = fit(
        method="dual_polishing",
        config=parse_config(get_method("dual_polishing"), {**settings, **_VARIANTS[variant]}),
        snapshot_dir=work / "snapshot",
        work_dir=run,
        seed=seed,
        callbacks=SilentCallbacks(),
    )
    spent = time.process_time() - began
    if not _VARIANTS[variant]:
        print(json.dumps(compare_pseudo_boxes(made.weights_dir, read(work / "snapshot"))), flush=True)
    found = validate_boxes(made.weights_dir, work / "snapshot")
    snapshot = read(work / "snapshot")
    boxed = sum(bool(image.marks) for image in snapshot.split("train"))
    return {
        "set": name,
        "seed": seed,
        "variant": variant,
        "boxed": boxed,
        "unmarked": len(snapshot.split("train")) - boxed,
        "measured": found["n"],
        "ap": found["value"],
        "ap50": found.get("ap50"),
        "ap75": found.get("ap75"),
        "seconds": round(spent, 1),
    }


def compare_pseudo_boxes(weights_dir: Path, snapshot: Snapshot) -> dict[str, float | None]:
    """AP75 and AP50 on val of the averaged model's boxes as found and as polished."""
    predictor = load_predictor(weights_dir)
    task = predictor.task
    assert isinstance(task, DualPolishing)
    objects = [item["index"] for item in predictor.classes if not item["is_background"]]
    pairs: list[list[tuple[list[Instance], list[Instance]]]] = [[], []]
    for image in snapshot.split("val"):
        rgb = load_rgb(snapshot.path(image.file))
        size = fit_size(image.width, image.height, predictor.image_size)
        small = torch.from_numpy(resize_rgb(rgb, size)).permute(2, 0, 1)[None].float()
        with torch.no_grad():
            maps = task.teacher.pyramid(pad_to_multiple(small).byte().permute(0, 2, 3, 1))
            found = find(task.teacher.heads(maps), [size], least=0.05)
            moved = polished(task.polishing, maps, found, (maps[0].shape[3] * 8, maps[0].shape[2] * 8), [size])
        true = [
            Instance(class_index=m.class_index, box=(m.x0, m.y0, m.x1, m.y1)) for m in image.marks if isinstance(m, Box)
        ]
        back = np.array([image.width / size[0], image.height / size[1]] * 2)
        for number, one in enumerate((found[0], distinct(moved[0]))):
            instances = [
                Instance(class_index=objects[label], box=tuple(box), score=score)
                for box, label, score in zip(
                    (one.boxes_N4.numpy() * back).tolist(), one.labels_N.tolist(), one.scores_N.tolist(), strict=True
                )
            ]
            pairs[number].append((true, instances))
    before, after = (average_precision(part, objects, by="box") for part in pairs)
    return {
        "ap_found": before["ap"],
        "ap_polished": after["ap"],
        "ap50_found": before["ap50"],
        "ap50_polished": after["ap50"],
        "ap75_found": before["ap75"],
        "ap75_polished": after["ap75"],
    }


def write_snapshot(folder: Path, out: Path, share: float, limit: int) -> None:
    """A fifth of the pictures as val, of the rest ``share`` boxed, the others without marks."""
    content = json.loads((folder / "boxes.json").read_text())
    pictures = sorted(content["images"], key=lambda item: _hash(item["file_name"]))[: limit or None]
    marks: dict[int, list[Box]] = {}
    for item in content["annotations"]:
        x, y, w, h = item["bbox"]
        if w >= 1 and h >= 1 and not item.get("iscrowd"):
            marks.setdefault(item["image_id"], []).append(Box(item["category_id"], 1, x, y, x + w, y + h))
    held, boxed = len(pictures) // 5, round(share * (len(pictures) - len(pictures) // 5))
    (out / "images").mkdir(parents=True, exist_ok=True)
    images = []
    for place, item in enumerate(pictures):
        shown = place < held + boxed
        images.append(_image(folder, out, item, marks.get(item["id"], []) if shown else (), is_val=place < held))
    colours = voc_palette()
    classes = [SnapshotClass(index=_BACKGROUND, name="background", color=colours[0], is_background=True)]
    classes += [
        SnapshotClass(index=item["id"], name=item["name"], color=colours[item["id"]]) for item in content["categories"]
    ]
    write_manifest(out, SnapshotSpec(classes=tuple(classes), images=tuple(images)))


def _image(folder: Path, out: Path, item: dict[str, object], marks: Sequence[Box], *, is_val: bool) -> SnapshotImage:
    name = str(item["file_name"])
    shutil.copyfile(folder / "images" / name, out / "images" / name)
    height, width = load_rgb(folder / "images" / name).shape[:2]
    return SnapshotImage(
        id=name,
        sha256=hashlib.sha256((out / "images" / name).read_bytes()).hexdigest(),
        file=f"images/{name}",
        width=width,
        height=height,
        split="val" if is_val else "train",
        marks=tuple(marks),
    )


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


if __name__ == "__main__":
    main()
