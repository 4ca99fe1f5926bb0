"""What a mask polisher gains over the refiner alone.

    python bench/polish.py --data ../shared/data/horses --seeds 3 --json polish.json

A set's pictures are parted 60/20/20 into train, val and test by the hash of their names. A weak model learns from one
stroke a class on every train picture; some train pictures and all of val have accepted masks, from which the polisher
learns. Both make proposals for the test pictures, which nobody marked. mIoU and calibration error are over all pixels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models_zoo import IGNORE, Scribble, encode_png, get_method, parse_config, voc_palette, write_manifest
from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.engine import SilentCallbacks, fit, load_predictor
from models_zoo.methods.mask_polisher.fitting import Reliability, train_polisher
from models_zoo.methods.mask_polisher.polisher import MaskPolisher, load_polisher
from models_zoo.metrics import segmentation_iou
from models_zoo.polish import polish
from models_zoo.simulation.strokes import stroke_inside
from models_zoo.snapshot import SnapshotClass, SnapshotImage, SnapshotSpec

_MIN_SHARE = 0.005
_STROKE_WIDTH = 3.0
_SPLITS = ((0.6, "train"), (0.8, "val"), (1.01, "test"))


class Row(TypedDict):
    """One set and seed; `miou` in 0..1, `gain` in points."""

    set: str
    seed: int
    test_images: int
    accepted: int
    miou_refined: float
    miou_polished: float
    gain: float
    ece_refined: float
    ece_polished: float


@dataclass(frozen=True)
class Set:
    """A folder's pictures by split, its classes, and the index of its background."""

    folder: Path
    names: dict[str, list[str]]
    classes: dict[int, str]

    @property
    def background(self) -> int | None:
        return next((index for index, name in self.classes.items() if name == "background"), None)

    def rgb(self, name: str) -> npt.NDArray[np.uint8]:
        return load_rgb(self.folder / "images" / name)

    def truth(self, name: str, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """The mask, uint8, for a picture of that (width, height); values that are no class become IGNORE."""
        mask = load_mask(self.folder / "masks" / f"{Path(name).stem}.png", size)
        return np.where(np.isin(mask, list(self.classes)), mask, np.uint8(IGNORE))


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", nargs="+", type=Path, required=True, help="folders with images/, masks/, classes.json"
    )
    parser.add_argument("--images", type=int, default=0, help="pictures of each set; all by default")
    parser.add_argument("--accepted", type=int, default=40, help="train pictures with an accepted mask")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--model-steps", type=int, default=200, help="of the weak model")
    parser.add_argument("--polisher-steps", type=int, default=300)
    parser.add_argument(
        "--image-size", type=int, default=192, help="of the weak model; the polisher sees half as much more"
    )
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    rows: list[Row] = []
    for folder in options.data:
        for seed in range(options.seeds):
            rows.append(measure(read_set(folder, options.images), options, seed))
            print("{set:16} seed {seed}  {miou_refined:.3f} -> {miou_polished:.3f}".format(**rows[-1]), flush=True)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1) + "\n")


def read_set(folder: Path, limit: int) -> Set:
    """Names by split; fewer pictures are those whose names hash lowest."""
    classes = {int(i): name for i, name in json.loads((folder / "classes.json").read_text())["classes"].items()}
    found = sorted((path.name for path in (folder / "images").iterdir()), key=_hash)
    found = [name for name in found if (folder / "masks" / f"{Path(name).stem}.png").is_file()][: limit or None]
    names: dict[str, list[str]] = {split: [] for _, split in _SPLITS}
    for place, name in enumerate(found):
        names[next(split for share, split in _SPLITS if place < share * len(found))].append(name)
    return Set(folder, names, {index: name for index, name in classes.items() if index != IGNORE})


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def measure(data: Set, options: argparse.Namespace, seed: int) -> Row:
    """Train both and compare them on the test pictures."""
    accepted = set(data.names["train"][: options.accepted])
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_snapshot(data, work / "marks", seed, has_mask=lambda name, split: False)
        write_snapshot(data, work / "masks", seed, has_mask=lambda name, split: split == "val" or name in accepted)
        settings = {"steps": options.model_steps, "image_size": options.image_size}
        model = fit(
            method="seeded_segmentation",
            config=parse_config(get_method("seeded_segmentation"), settings),
            snapshot_dir=work / "marks",
            work_dir=work / "model",
            seed=seed,
            callbacks=SilentCallbacks(),
        )
        settings = {"steps": options.polisher_steps, "image_size": 3 * options.image_size // 2}
        made = train_polisher(
            model=model.weights_dir,
            config=parse_config(get_method("mask_polisher"), settings),
            snapshot_dir=work / "masks",
            work_dir=work / "polisher",
            seed=seed,
            callbacks=SilentCallbacks(),
        )
        found = _compared(data, model.weights_dir, load_polisher(made.fitted.weights_dir))
    (miou_refined, ece_refined), (miou_polished, ece_polished) = found
    return {
        "set": data.folder.name,
        "seed": seed,
        "test_images": len(data.names["test"]),
        "accepted": len(accepted),
        "miou_refined": miou_refined,
        "miou_polished": miou_polished,
        "gain": 100 * (miou_polished - miou_refined),
        "ece_refined": ece_refined,
        "ece_polished": ece_polished,
    }


def _compared(data: Set, model: Path, polisher: MaskPolisher) -> list[tuple[float, float]]:
    """mIoU and calibration error on the test pictures, without and with the polisher."""
    predictor = load_predictor(model)
    pairs: list[list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]] = [[], []]
    errors = [Reliability(), Reliability()]
    for name in data.names["test"]:
        rgb = data.rgb(name)
        truth = data.truth(name, (rgb.shape[1], rgb.shape[0]))
        (prediction,) = predictor.predict_batch([rgb])
        for number, used in enumerate((None, polisher)):
            proposal = polish(prediction, rgb, refiner=predictor.refiner, polisher=used)
            pairs[number].append((truth, proposal.label_map))
            errors[number].add(truth, proposal)
    mious = [segmentation_iou(part, tuple(data.classes))["miou"] for part in pairs]
    return [(miou or 0.0, error.ece) for miou, error in zip(mious, errors, strict=True)]


def write_snapshot(data: Set, out: Path, seed: int, *, has_mask: Callable[[str, str], bool]) -> None:
    """Train and val as a snapshot: a mask where ``has_mask`` says so, else one stroke a class."""
    (out / "images").mkdir(parents=True)
    (out / "masks").mkdir()
    images = []
    for split in ("train", "val"):
        images += [_image(data, name, split, out, seed, with_mask=has_mask(name, split)) for name in data.names[split]]
    colours: Sequence[tuple[int, int, int]] = voc_palette()
    classes = tuple(
        SnapshotClass(index=index, name=name, color=colours[index], is_background=index == data.background)
        for index, name in sorted(data.classes.items())
    )
    write_manifest(out, SnapshotSpec(classes=classes, images=tuple(images)))


def _image(data: Set, name: str, split: str, out: Path, seed: int, *, with_mask: bool) -> SnapshotImage:
    source = data.folder / "images" / name
    shutil.copyfile(source, out / "images" / name)
    height, width = data.rgb(name).shape[:2]
    truth = data.truth(name, (width, height))
    mask = None
    if with_mask:
        encoded = encode_png(truth)
        mask = f"masks/{hashlib.sha256(encoded).hexdigest()}.png"
        (out / mask).write_bytes(encoded)
    return SnapshotImage(
        id=name,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        file=f"images/{name}",
        width=width,
        height=height,
        split=split,
        marks=() if with_mask else _strokes(truth, np.random.default_rng([seed, int(_hash(name)[:8], 16)])),
        mask=mask,
        mask_origin="given" if mask else None,
    )


def _strokes(truth: npt.NDArray[np.uint8], rng: np.random.Generator) -> tuple[Scribble, ...]:
    """One stroke in each class that covers enough of the picture."""
    strokes = []
    for index in np.unique(truth[truth != IGNORE]):
        region = truth == index
        if region.mean() >= _MIN_SHARE:
            points = tuple((float(x), float(y)) for x, y in stroke_inside(region, rng))
            strokes.append(Scribble(int(index), 1, points, _STROKE_WIDTH))
    return tuple(strokes)


if __name__ == "__main__":
    main()
