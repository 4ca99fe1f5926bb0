"""A tiny snapshot to train on: bright discs on a dark ground, in memory-sized pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PILImage

from models_zoo import (
    Box,
    Mark,
    Point,
    Scribble,
    SnapshotClass,
    SnapshotImage,
    SnapshotSpec,
    Tag,
    encode_png,
    write_manifest,
)

CLASSES = (
    SnapshotClass(index=0, name="ground", color=(0, 0, 0), is_background=True),
    SnapshotClass(index=3, name="disc", color=(200, 0, 0)),
)
DISC = 3
SETTINGS: dict[str, object] = {"image_size": 64, "batch_size": 2, "steps": 6}


def disc_image(number: int, width: int, height: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A picture (H, W, 3) and its true label map (H, W)."""
    rng = np.random.default_rng(number)
    radius = min(width, height) * 0.27
    cx, cy = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
    ys, xs = np.mgrid[:height, :width]
    inside = (xs - cx) ** 2 + (ys - cy) ** 2 < radius**2
    rgb = rng.integers(0, 50, (height, width, 3)).astype(np.uint8)
    rgb[inside] += np.array([150, 40, 120], np.uint8)
    return rgb, np.where(inside, DISC, 0).astype(np.uint8)


def marks_of(label_map: npt.NDArray[np.uint8], kinds: Sequence[str]) -> tuple[Mark, ...]:
    """Marks of the given kinds, true to the label map."""
    height, width = label_map.shape
    ys, xs = np.nonzero(label_map == DISC)
    cx, cy = float(xs.mean()) + 0.5, float(ys.mean()) + 0.5
    corners = (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    corner = (1.5, 1.5) if label_map[1, 1] == 0 else (width - 1.5, height - 1.5)
    offered: dict[str, tuple[Mark, ...]] = {
        "tag": (Tag(DISC, 1), Tag(0, 1)),
        "point": (Point(DISC, 1, cx, cy), Point(0, 1, *corner)),
        "scribble": (
            Scribble(DISC, 1, ((cx - 4, cy), (cx + 4, cy)), 3.0),
            Scribble(0, 1, (corner, (corner[0], height / 2)), 3.0),
        ),
        "box": (Box(DISC, 1, *corners),),
        "negative": (Point(0, -1, cx, cy),),
    }
    return tuple(mark for kind in kinds for mark in offered[kind])


def make_snapshot(
    folder: Path,
    *,
    count: int = 8,
    kinds: Sequence[str] = ("scribble",),
    num_masks: int = 0,
    size: tuple[int, int] = (64, 48),
    val_masks: bool = True,
) -> str:
    """Write a snapshot of `count` train images (the first `num_masks` with accepted masks) and 5 for val."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    images = []
    for number in range(count + 5):
        rgb, truth = disc_image(number, *size)
        is_val = number >= count
        has_mask = number < num_masks or (is_val and val_masks)
        images.append(_write_image(folder, number, rgb, truth, "val" if is_val else "train", has_mask, kinds))
    return write_manifest(folder, SnapshotSpec(classes=CLASSES, images=tuple(images)))


def _write_image(
    folder: Path,
    number: int,
    rgb: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    split: str,
    has_mask: bool,
    kinds: Sequence[str],
) -> SnapshotImage:
    path = folder / "images" / f"{number}.png"
    PILImage.fromarray(rgb).save(path)
    encoded = encode_png(truth)
    mask = f"masks/{hashlib.sha256(encoded).hexdigest()}.png"
    if has_mask:
        (folder / mask).write_bytes(encoded)
    return SnapshotImage(
        id=f"{number:03d}",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        file=f"images/{path.name}",
        width=rgb.shape[1],
        height=rgb.shape[0],
        split=split,
        marks=marks_of(truth, kinds),
        mask=mask if has_mask else None,
        mask_origin="painted" if has_mask else None,
    )
