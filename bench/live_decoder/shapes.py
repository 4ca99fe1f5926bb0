"""Shapes for composites: masks that GrabCut makes of boxes, blobs, bodies with limbs. S pixels a side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bench.annotators import BoolArray
from bench.live_decoder.cases import Example
from bench.peers import Rgb
from models_zoo.data.dataset import load_rgb
from models_zoo.simulation.strokes import components

_FILL = (0.3, 0.85)
"""What GrabCut leaves of a box is believed if it fills such a share of it."""


def boxed_cutouts(folder: Path, most: int, rng: np.random.Generator) -> list[Example]:
    """At most ``most`` boxes of a folder with boxes.json (COCO), by chance, with the masks that GrabCut makes of them.

    Poor masks are left out. Raises SystemExit naming what is missing.
    """
    try:
        boxes = json.loads((folder / "boxes.json").read_text())
        names = {image["id"]: Path(image["file_name"]).name for image in boxes["images"]}
        found = [(names[box["image_id"]], [int(value) for value in box["bbox"]]) for box in boxes["annotations"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"{folder} needs images/ and boxes.json in COCO form ({error}).") from error
    examples = []
    for name, box in [found[i] for i in rng.permutation(len(found))[:most]]:
        rgb = load_rgb(folder / "images" / name)
        mask = _grab(rgb, box)
        if mask is not None:
            examples.append(Example(f"{folder.name}/{name}", rgb, mask, np.zeros_like(mask)))
    return examples


def _grab(rgb: Rgb, box: list[int]) -> BoolArray | None:
    """GrabCut from a box (x, y, width, height), smoothed; None unless it fills a fair share of the box."""
    import cv2

    x, y = max(1, box[0]), max(1, box[1])
    width, height = min(box[2], rgb.shape[1] - x - 1), min(box[3], rgb.shape[0] - y - 1)
    if min(width, height) < 8:
        return None
    state, models = np.zeros(rgb.shape[:2], np.uint8), np.zeros((2, 1, 65))
    cv2.setRNGSeed(1)
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    cv2.grabCut(bgr, state, (x, y, width, height), models[0], models[1], 5, cv2.GC_INIT_WITH_RECT)
    mask = cv2.morphologyEx(state & 1, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    pieces = components(mask > 0, min_pixels=50, limit=1)
    fill = np.count_nonzero(pieces[0]) / (width * height) if pieces else 0.0
    return pieces[0] if _FILL[0] < fill < _FILL[1] else None


def fitted(mask: BoolArray, side: int) -> BoolArray:
    """The mask's own box, its longer side ``side`` pixels, in a corner of (S, S)."""
    import cv2

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    ratio = side / max(inside.shape)
    size = max(2, int(inside.shape[1] * ratio)), max(2, int(inside.shape[0] * ratio))
    shape = np.zeros((side, side), np.bool_)
    shape[: size[1], : size[0]] = cv2.resize(inside, size)[:side, :side] > 0
    return shape


def blob(side: int, rng: np.random.Generator) -> BoolArray:
    """A closed curve of six waves."""
    y, x = np.mgrid[:side, :side] / max(1, side - 1) * 2 - 1
    angle, radius = np.arctan2(y, x), np.full((side, side), 0.65)
    for wave in range(1, 7):
        radius += rng.normal(0, 0.22 / wave) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    return np.asarray(np.hypot(x, y * rng.uniform(1, 2.2)) < radius)


def body(side: int, rng: np.random.Generator) -> BoolArray:
    """An ellipse with two to six limbs, some with a disc at their end."""
    import cv2

    shape, middle = np.zeros((side, side), np.uint8), np.array([side / 2, side / 2])
    axes = int(side * rng.uniform(0.15, 0.3)), int(side * rng.uniform(0.1, 0.25))
    cv2.ellipse(shape, (side // 2, side // 2), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    for _ in range(int(rng.integers(2, 7))):
        start = middle + rng.normal(0, 0.12 * side, 2)
        end = start + rng.normal(0, 0.3 * side, 2)
        places = [tuple(place.astype(int).tolist()) for place in (start, end)]
        cv2.line(shape, places[0], places[1], 1, int(side * rng.uniform(0.04, 0.14)) + 1)
        if rng.random() < 0.5:
            cv2.circle(shape, places[1], int(side * rng.uniform(0.05, 0.14)) + 1, 1, -1)
    return shape > 0
