"""A snapshot from any folders with images/ and masks/, so that the training loop can read them.

Masks are index PNGs of their picture's name and size. What the indices mean may stand in classes.json
(``{"classes": {"0": "background", …}}``): there the class called background is the ground. Without it 0 is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from models_zoo.data.dataset import load_mask, load_rgb
from models_zoo.errors import TrainingError
from models_zoo.interactive.click_net.objects import largest_classes
from models_zoo.label_map import LabelMap, encode_png, pixel_counts, voc_palette
from models_zoo.marks import IGNORE, MAX_CLASS_INDEX
from models_zoo.snapshot import SnapshotClass, SnapshotImage, SnapshotSpec, write_manifest

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_VAL_SHARE = 10
_GROUND = 0


def make_snapshot(folders: Sequence[Path], out: Path) -> str:
    """Write a snapshot of all pictures that have a mask into ``out``; returns its hash.

    Each folder's classes get indices of their own; the ground is 0 for all. A tenth of the pictures, chosen by their
    bytes, goes to val.

    Raises:
        TrainingError: a folder without images/ or masks/, a mask that does not fit, more than 253 classes.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "masks").mkdir(exist_ok=True)
    ground = SnapshotClass(index=_GROUND, name="background", color=voc_palette()[_GROUND], is_background=True)
    classes, images = [ground], list[SnapshotImage]()
    seen: set[str] = set()
    for folder in folders:
        names = _names(folder)
        table = _table(folder, names, first=len(classes))
        classes += [
            SnapshotClass(index=index, name=f"{folder.name} {value}", color=voc_palette()[index])
            for value, index in table.items()
            if index != _GROUND
        ]
        for name in names:
            image = _take(folder, name, table, out)
            if image.id not in seen:
                seen.add(image.id)
                images.append(image)
    return write_manifest(out, SnapshotSpec(classes=tuple(classes), images=tuple(images)))


def folder_things(
    folder: Path, *, limit: int, objects: int, min_share: float
) -> Iterator[tuple[npt.NDArray[np.uint8], LabelMap, int]]:
    """Picture, label map and class of each thing to find in at most ``limit`` pictures (0: all), evenly spread."""
    names, ground = _names(folder), _ground(folder)
    if limit and len(names) > limit:
        names = [names[number] for number in np.linspace(0, len(names) - 1, limit).astype(int)]
    for name in names:
        rgb = load_rgb(folder / "images" / name)
        labels = load_mask(_mask(folder, name), (rgb.shape[1], rgb.shape[0]))
        for index in largest_classes(labels, ground, limit=objects, min_share=min_share):
            yield rgb, labels, index


def _names(folder: Path) -> list[str]:
    for part in ("images", "masks"):
        if not (folder / part).is_dir():
            raise TrainingError(f"{folder} has no {part}/: give folders with images/ and masks/")
    pictures = sorted(path.name for path in (folder / "images").iterdir() if path.suffix.lower() in PICTURES)
    names = [name for name in pictures if _mask(folder, name).is_file()]
    if not names:
        raise TrainingError(f"{folder}: no picture in images/ has a PNG of the same name in masks/")
    return names


def _mask(folder: Path, name: str) -> Path:
    return folder / "masks" / f"{Path(name).stem}.png"


def _table(folder: Path, names: Sequence[str], *, first: int) -> dict[int, int]:
    """From the folder's mask values to the snapshot's class indices."""
    values: set[int] = set()
    for name in names:
        values |= set(pixel_counts(_labels(folder, name)))
    values.discard(IGNORE)
    ground = _ground(folder)
    table = {ground: _GROUND} if ground is not None else {}
    for index, value in enumerate(sorted(values - {ground}), start=first):
        if index > MAX_CLASS_INDEX:
            raise TrainingError(f"the folders have more than {MAX_CLASS_INDEX} classes together: give fewer at a time")
        table[value] = index
    return table


def _ground(folder: Path) -> int | None:
    """Value of the background, None where classes.json names none."""
    path = folder / "classes.json"
    if not path.is_file():
        return 0
    try:
        named = {int(index): str(name) for index, name in json.loads(path.read_text())["classes"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f'{path} must hold {{"classes": {{"0": "background", …}}}}; mend it or take it away'
        raise TrainingError(text) from error
    return next((index for index, name in named.items() if name == "background"), None)


def _labels(folder: Path, name: str) -> LabelMap:
    with PILImage.open(_mask(folder, name)) as opened:
        return load_mask(_mask(folder, name), opened.size)


def _take(folder: Path, name: str, table: dict[int, int], out: Path) -> SnapshotImage:
    """Copy one picture and write its mask with the snapshot's indices."""
    source = folder / "images" / name
    height, width = load_rgb(source).shape[:2]
    lookup = np.full(256, IGNORE, np.uint8)
    lookup[list(table)] = list(table.values())
    encoded = encode_png(lookup[load_mask(_mask(folder, name), (width, height))])
    digest, mask_digest = hashlib.sha256(source.read_bytes()).hexdigest(), hashlib.sha256(encoded).hexdigest()
    file, mask = f"images/{digest}{source.suffix.lower()}", f"masks/{mask_digest}.png"
    shutil.copyfile(source, out / file)
    (out / mask).write_bytes(encoded)
    return SnapshotImage(
        id=digest,
        sha256=digest,
        file=file,
        width=width,
        height=height,
        split="val" if int(digest[:8], 16) % _VAL_SHARE == 0 else "train",
        mask=mask,
        mask_origin="given",
    )
