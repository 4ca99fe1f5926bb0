"""What tags gain a box detector that learns from few and coarse boxes.

    python bench/coarse_boxes.py --data ../shared/data/msrc21 --classes car,cow,sheep,aeroplane --boxed 0.2

Pictures with masks in which exactly one of the classes is seen; its connected pieces are the true boxes. A fifth of the
pictures, by the hash of their names, is for measuring. Of the rest a share is boxed, by boxes that are too large by
``--enlarged``, and the others have a tag. "boxes" learns from the boxed pictures alone and mends nothing; "tags" has
the tagged ones too and mends nothing; "mended" is the method. All from one seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor
from torchvision import ops

from models_zoo import Box, Cancelled, Tag, get_method, parse_config, voc_palette, write_manifest
from models_zoo.data.dataset import fit_size, load_rgb, resize_rgb
from models_zoo.detection.finding import load_finder
from models_zoo.engine import SilentCallbacks, checkpoint, fit, load_predictor
from models_zoo.methods.tsddnet.data import TaggedBoxLoader, TaggedBoxSet
from models_zoo.methods.tsddnet.networks import grown
from models_zoo.methods.tsddnet.task import TSDDNet
from models_zoo.metrics.average_precision import Instance, average_precision
from models_zoo.networks.encoders import pad_to_multiple
from models_zoo.snapshot import SnapshotClass, SnapshotImage, SnapshotSpec, read

_LEAST_AREA = 0.01
_METHOD = "tsddnet"
_NOT_MENDED: dict[str, object] = {"refine_boxes": False, "pseudo_boxes": False}
_VARIANTS: dict[str, dict[str, object]] = {"boxes": _NOT_MENDED, "tags": _NOT_MENDED, "mended": {}}
Truths = dict[str, tuple[int, Tensor]]
"""Picture -> class and true boxes (N, 4) in its pixels."""


class _StopAtEnd(SilentCallbacks):
    """Stops before the weights are written: a checkpoint then holds the mended boxes."""

    def progress(self, done: int, total: int, metrics: dict[str, float]) -> None:
        if done == total:
            raise Cancelled("the boxes are to be read")


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, masks/ and classes.json")
    parser.add_argument("--classes", required=True, help="names, with commas")
    parser.add_argument("--boxed", type=float, default=0.2, help="share of the training pictures that is boxed")
    parser.add_argument("--enlarged", type=float, default=0.4, help="how much too large drawn boxes are")
    parser.add_argument("--variants", nargs="+", choices=list(_VARIANTS), default=list(_VARIANTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for variant in options.variants:
            work = Path(temporary) / variant
            truths = write_snapshot(options, work / "snapshot", with_tags=variant != "boxes")
            settings = {**_VARIANTS[variant], **dict(pair.split("=") for pair in options.settings)}
            rows.append({"variant": variant, **measure(work, truths, settings, options.seed)})
            print(json.dumps(rows[-1]), flush=True)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(work: Path, truths: Truths, settings: dict[str, object], seed: int) -> dict[str, object]:
    """Train one variant and measure it on val; seconds of processor time."""
    began = time.process_time()

    def run(callbacks: SilentCallbacks) -> Path:
        return fit(
            method=_METHOD,
            config=parse_config(get_method(_METHOD), settings),
            snapshot_dir=work / "snapshot",
            work_dir=work / "run",
            seed=seed,
            callbacks=callbacks,
        ).weights_dir

    try:
        run(_StopAtEnd())
    except Cancelled:
        pass
    (stopped,) = (work / "run").glob("checkpoint-*")
    state = checkpoint.load_folder(stopped)[0]
    weights = run(SilentCallbacks())
    spent = round(time.process_time() - began, 1)
    image_size = load_predictor(weights).image_size
    return {**compare_boxes(work, truths, state, image_size), **measure_found(weights, work, truths), "seconds": spent}


def compare_boxes(work: Path, truths: Truths, state: dict[str, Tensor], image_size: int) -> dict[str, object]:
    """Mean IoU with the true boxes of the drawn boxes, of the mended ones and of those found in tagged pictures."""
    loader = TaggedBoxLoader(
        TaggedBoxSet(read(work / "snapshot"), image_size=image_size, accepts=get_method(_METHOD).accepts),
        batch_size=2,
        steps=1,
        seed=0,
    )
    drawn: list[float] = []
    mended: list[float] = []
    found: list[float] = []
    for number, image in enumerate(loader.dataset.images):
        kept = state.get(f"task.kept.{number}.boxes")
        height, width = loader.dataset.sample(number).rgb.shape[:2]
        scale = min(loader.canvas[0] / width, loader.canvas[1] / height) * width / image.width
        true = truths[image.id][1] * scale
        before = [[m.x0, m.y0, m.x1, m.y1] for m in image.marks if isinstance(m, Box)]
        if before:
            drawn += torch.diagonal(ops.box_iou(torch.tensor(before) * scale, true)).tolist()
            mended += torch.diagonal(ops.box_iou(kept, true)).tolist() if kept is not None else []
        elif kept is not None:
            found += ops.box_iou(kept, true).amax(dim=1).tolist() if len(kept) else []
    return {
        "boxed": loader.boxes.num_boxed,
        "tagged": len(loader.dataset) - loader.boxes.num_boxed,
        "iou_drawn": _mean(drawn),
        "iou_mended": _mean(mended),
        "moved": sum(abs(a - b) > 1e-4 for a, b in zip(drawn, mended, strict=False)),
        "num_found": len(found),
        "iou_found": _mean(found),
    }


def measure_found(weights: Path, work: Path, truths: Truths) -> dict[str, object]:
    """AP and AP50 by class and of boxes whatever their class, and how often the image's class is right."""
    finder, predictor = load_finder(weights), load_predictor(weights)
    task = predictor.task
    assert isinstance(task, TSDDNet)
    pairs: list[tuple[list[Instance], list[Instance]]] = []
    right = 0
    held = read(work / "snapshot").split("val")
    for image in held:
        rgb = load_rgb(work / "snapshot" / image.file)
        index, boxes = truths[image.id]
        true = [Instance(class_index=index, box=tuple(box)) for box in boxes.tolist()]
        pairs.append((true, finder.find(rgb)))
        size = fit_size(image.width, image.height, predictor.image_size)
        small = torch.from_numpy(resize_rgb(rgb, size)).permute(2, 0, 1)[None].float()
        answer = task.diagnose(pad_to_multiple(small).byte().permute(0, 2, 3, 1), [size])[0]
        right += finder.objects[int(answer[:-1].argmax())] == index
    alike = [([_as_one(i) for i in true], [_as_one(i) for i in found]) for true, found in pairs]
    by_class, whatever = average_precision(pairs, finder.objects, by="box"), average_precision(alike, (1,), by="box")
    return {
        "measured": len(held),
        "ap": by_class["ap"],
        "ap50": by_class["ap50"],
        "ap50_any_class": whatever["ap50"],
        "class_right": round(right / len(held), 3),
    }


def _as_one(instance: Instance) -> Instance:
    return Instance(class_index=1, box=instance.box, score=instance.score)


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def write_snapshot(options: argparse.Namespace, out: Path, *, with_tags: bool) -> Truths:
    """A fifth of the pictures as val with true boxes; of the rest a share coarsely boxed, the others tagged."""
    names = {
        name: int(index) for index, name in json.loads((options.data / "classes.json").read_text())["classes"].items()
    }
    chosen = {names[name]: place for place, name in enumerate(options.classes.split(","), start=1)}
    truths = {path.stem: seen for path in sorted((options.data / "masks").iterdir()) if (seen := _seen(path, chosen))}
    order = sorted(truths, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    held = len(order) // 5
    boxed = round(options.boxed * (len(order) - held))
    (out / "images").mkdir(parents=True)
    images = []
    for place, name in enumerate(order):
        index, boxes = truths[name]
        if place >= held:
            boxes = grown(boxes, options.enlarged / 2)
        drawn = tuple(Box(index, 1, *box) for box in boxes.tolist())
        if place < held + boxed or with_tags:
            marks = drawn if place < held + boxed else (Tag(index, 1),)
            images.append(_image(options.data, out, name, marks, "val" if place < held else "train"))
    colours = voc_palette()
    classes = [SnapshotClass(index=0, name="background", color=colours[0], is_background=True)]
    classes += [
        SnapshotClass(index=place, name=name, color=colours[place])
        for place, name in enumerate(options.classes.split(","), start=1)
    ]
    write_manifest(out, SnapshotSpec(classes=tuple(classes), images=tuple(images)))
    return truths


def _seen(path: Path, chosen: dict[int, int]) -> tuple[int, Tensor] | None:
    """The only chosen class of a mask and the boxes of its pieces; None where there are none or several."""
    mask = np.array(PILImage.open(path))
    found = [index for index in chosen if (mask == index).mean() > 2 * _LEAST_AREA]
    if len(found) != 1:
        return None
    _, _, pieces, _ = cv2.connectedComponentsWithStats((mask == found[0]).astype(np.uint8))
    boxes = [(x, y, x + w, y + h) for x, y, w, h, area in pieces[1:].tolist() if area > _LEAST_AREA * mask.size]
    return (chosen[found[0]], torch.tensor(boxes, dtype=torch.float32)) if boxes else None


def _image(folder: Path, out: Path, name: str, marks: tuple[Box | Tag, ...], split: str) -> SnapshotImage:
    (source,) = (folder / "images").glob(f"{name}.*")
    shutil.copyfile(source, out / "images" / source.name)
    height, width = load_rgb(source).shape[:2]
    return SnapshotImage(
        id=name,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        file=f"images/{source.name}",
        width=width,
        height=height,
        split=split,
        marks=marks,
    )


if __name__ == "__main__":
    main()
