"""The snapshot that a piece learns from: the train part of a folder, with marks drawn from its masks or the masks.

Neither val nor test is in it, so nothing of them can reach a training. Imports no torch.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from models_zoo.bench.plan import Piece
from models_zoo.bench.suites import FULL
from models_zoo.data.dataset import load_rgb
from models_zoo.errors import TrainingError
from models_zoo.label_map import LabelMap, encode_png, pixel_counts, voc_palette
from models_zoo.labelled_folder import FolderClass, FolderError, LabelledFolder, Part
from models_zoo.marks import IGNORE, Mark
from models_zoo.simulation import COSTS, SimulatedAnnotator, full_mask_seconds
from models_zoo.snapshot import SnapshotClass, SnapshotImage, SnapshotSpec, write_manifest


def check_folder(folder: LabelledFolder) -> None:
    """Read everything once, so that what is wrong is said before anything is trained.

    Raises:
        FolderError: one class, unreadable pictures or masks, masks of another size or with unknown values, parts
            without a known pixel; the message names the file and what to mend.
    """
    if len(folder.classes) < 2:
        raise FolderError(f"{folder.path}/classes.json names one class: add a second one, for example a background.")
    known = {item.index for item in folder.classes}
    seen: dict[Part, set[int]] = {"train": set(), "val": set(), "test": set()}
    for name in folder.names:
        seen[folder.splits[name]] |= _values(folder, name, known)
    for part, values in seen.items():
        if not values:
            raise FolderError(
                f"{folder.path}: no mask of the {part} part has a pixel that is not ignored (255), or it has no image: "
                "give masks that name classes, and at least one image or group for each of train, val and test."
            )
    if len(seen["train"]) < 2:
        only = next(item.name for item in folder.classes if item.index in seen["train"])
        raise FolderError(f"{folder.path}: the train part shows {only!r} only; give images of at least two classes.")


def images_of(piece: Piece, folder: LabelledFolder, part: Part) -> list[str]:
    """Names of a part, as many as the piece takes."""
    names = folder.part(part)
    return names[: piece.limit] if piece.limit else names


def write_snapshot(piece: Piece, folder: LabelledFolder, out: Path) -> float:
    """Write what the piece learns from into `out`; returns the annotator's seconds for it."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    (out / "masks").mkdir()
    images, seconds = [], 0.0
    for name in images_of(piece, folder, "train"):
        image, spent = _image(piece, folder, name, out)
        images.append(image)
        seconds += spent
    classes = tuple(_class(item) for item in folder.classes)
    write_manifest(out, SnapshotSpec(classes=classes, images=tuple(images)))
    return seconds


def _values(folder: LabelledFolder, name: str, known: set[int]) -> set[int]:
    """Classes that a picture's mask shows, after checking both."""
    try:
        height, width = load_rgb(folder.picture(name)).shape[:2]
    except TrainingError as error:
        raise FolderError(f"{folder.picture(name)} cannot be read as a picture: mend it or take it away.") from error
    truth = folder.truth(name)
    if truth.shape != (height, width):
        size = f"{truth.shape[1]} x {truth.shape[0]}"
        raise FolderError(f"{folder.mask(name)} is {size}, its picture {width} x {height}: give a mask of its size.")
    values = set(pixel_counts(truth)) - {IGNORE}
    if values - known:
        raise FolderError(
            f"{folder.mask(name)} holds {min(values - known)}, which classes.json does not name: "
            "name it there, or set these pixels to 255 (ignore)."
        )
    return values


def _class(item: FolderClass) -> SnapshotClass:
    return SnapshotClass(
        index=item.index, name=item.name, color=voc_palette()[item.index], is_background=item.is_background
    )


def _image(piece: Piece, folder: LabelledFolder, name: str, out: Path) -> tuple[SnapshotImage, float]:
    source, truth = folder.picture(name), folder.truth(name)
    shutil.copyfile(source, out / "images" / name)
    mask, marks, seconds = None, tuple[Mark, ...](), full_mask_seconds(truth)
    if piece.marks != FULL:
        marks, seconds = _drawn(piece, folder, truth)
    elif np.any(truth != IGNORE):
        encoded = encode_png(truth)
        mask = f"masks/{hashlib.sha256(encoded).hexdigest()}.png"
        (out / mask).write_bytes(encoded)
    image = SnapshotImage(
        id=name,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        file=f"images/{name}",
        width=truth.shape[1],
        height=truth.shape[0],
        split="train",
        marks=marks,
        mask=mask,
        mask_origin="painted" if mask else None,
    )
    return image, seconds


def _drawn(piece: Piece, folder: LabelledFolder, truth: LabelMap) -> tuple[tuple[Mark, ...], float]:
    """The annotator's marks, wrong ones among them at the piece's share, and the seconds with a look at the image."""
    annotator = SimulatedAnnotator(seed=piece.seed, error_rate=piece.wrong_marks)
    background = next((item.index for item in folder.classes if item.is_background), None)
    classes = [item.index for item in folder.classes]
    drawn = annotator.marks_for(truth, piece.marks, classes, background=background)
    return tuple(mark for mark, _ in drawn), COSTS.look + sum(seconds for _, seconds in drawn)
