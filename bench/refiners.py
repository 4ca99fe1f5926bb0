"""Refiners side by side: what they gain on coarse scores, and what they cost at 512 px.

    python bench/refiners.py --costs --data ../shared/data/horses ../shared/data/camvid11 --json refiners.json

The scores that come in are the true masks as a coarse network would see them: moved by a smooth random field, averaged
over cells of 16 px, blended with the neighbours and with 30 % of nothing-in-particular. So the figures compare
refiners with each other; they say nothing of any network. mIoU is over all pixels of a set, the border score is the
mean F of borders within 3 px. Seconds are of the processor (one thread), MB what the peak of a fresh process grows by.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo import IGNORE
from models_zoo.data.dataset import fit_size, load_mask, load_rgb, resize_rgb
from models_zoo.metrics import segmentation_iou
from models_zoo.refiners.info import NAMES
from models_zoo.refiners.running import FloatArray, refine_scores

_MAX_SIDE = 512
_CELL = 16
_SHIFT = 8.0
_EVEN = 0.3
_TOLERANCE = 3


class Row(TypedDict):
    """One refiner on one set; `border_f` and `miou` in 0..1."""

    set: str
    refiner: str
    images: int
    miou: float
    border_f: float


class Cost(TypedDict):
    """What a refiner takes for 3 classes at 512 x 512 px."""

    refiner: str
    seconds: float
    mb: float


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", type=Path, default=[], help="folders with images/, masks/, classes.json")
    parser.add_argument("--images", type=int, default=20, help="pictures of each set")
    parser.add_argument("--costs", action="store_true", help="measure seconds and memory at 512 px")
    parser.add_argument("--refiners", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    costs = [_cost(name) for name in options.refiners] if options.costs else []
    rows = [row for folder in options.data for row in _quality(folder, options.images, options.refiners)]
    if options.json:
        options.json.write_text(json.dumps({"costs": costs, "rows": rows}, indent=1) + "\n")


def _cost(name: str) -> Cost:
    """In a process of its own, so that nobody else's memory counts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, mb = pool.apply(_measure, (name,))
    print(f"{name:16} {seconds:6.2f} s {mb:6.0f} MB", flush=True)
    return {"refiner": name, "seconds": seconds, "mb": mb}


def _measure(name: str) -> tuple[float, float]:
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 255, (512, 512, 3)).astype(np.uint8), (0, 0), 9).astype(np.float32)
    rgb = (rgb - rgb.min()) / (rgb.max() - rgb.min()) * 255 + rng.normal(0, 4, rgb.shape)
    picture = np.clip(rgb, 0, 255).astype(np.uint8)
    scores = rng.dirichlet([1, 1, 1], (512, 512)).transpose(2, 0, 1).astype(np.float32)
    refine_scores(name, picture[:16, :16], scores[:, :16, :16])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    refine_scores(name, picture, scores)
    spent = time.process_time() - start
    return spent, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _quality(folder: Path, limit: int, names: list[str]) -> list[Row]:
    named = json.loads((folder / "classes.json").read_text())["classes"]
    classes = [int(index) for index in named if int(index) != IGNORE]
    paths = sorted((folder / "images").iterdir())
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(limit, len(paths))).astype(int)]
    pairs: dict[str, list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]] = {name: [] for name in names}
    for number, path in enumerate(chosen):
        rgb = load_rgb(path)
        truth = load_mask(folder / "masks" / f"{path.stem}.png", (rgb.shape[1], rgb.shape[0]))
        size = fit_size(rgb.shape[1], rgb.shape[0], min(_MAX_SIDE, max(rgb.shape[:2])))
        rgb = resize_rgb(rgb, size)
        truth = np.asarray(cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        present = [index for index in classes if (truth == index).any()]
        scores = _coarse(np.stack([truth == index for index in present]).astype(np.float32), number)
        for name in names:
            best = refine_scores(name, rgb, scores).argmax(axis=0)
            pairs[name].append((truth, np.asarray(present, np.uint8)[best]))
    rows = [_row(folder.name, name, pairs[name], classes) for name in names]
    for row in rows:
        print(f"{row['set']:12} {row['refiner']:16} mIoU {row['miou']:.3f}  border F {row['border_f']:.3f}", flush=True)
    return rows


def _row(
    set_name: str, name: str, pairs: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]], classes: list[int]
) -> Row:
    found = segmentation_iou(pairs, tuple(classes))
    if found["miou"] is None:
        sys.exit(f"{set_name} has no labelled pixel in the pictures chosen")
    border = float(np.mean([_border_f(truth, made) for truth, made in pairs]))
    return {"set": set_name, "refiner": name, "images": len(pairs), "miou": found["miou"], "border_f": border}


def _coarse(truth: FloatArray, seed: int) -> FloatArray:
    """True one-hot maps (C, H, W) as a coarse network would see them."""
    rng = np.random.default_rng(seed)
    _, height, width = truth.shape
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    moves = []
    for _ in range(2):
        field = rng.normal(0, 1, (height // 24 + 2, width // 24 + 2)).astype(np.float32)
        moves.append(_SHIFT * cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC))
    cells = max(1, width // _CELL), max(1, height // _CELL)
    made = []
    for part in truth:
        moved = cv2.remap(part, xs + moves[0], ys + moves[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        small = cv2.blur(cv2.resize(moved, cells, interpolation=cv2.INTER_AREA), (2, 2))
        made.append(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
    scores = np.stack(made) + 1e-6
    return np.asarray((1 - _EVEN) * scores / scores.sum(axis=0) + _EVEN / len(truth), np.float32)


def _border_f(truth: npt.NDArray[np.uint8], made: npt.NDArray[np.uint8]) -> float:
    """F of borders within 3 px, ignored pixels left out; 1 if neither has any."""
    counted = truth != IGNORE
    borders = [_borders(np.where(counted, labels, np.uint8(IGNORE))) & counted for labels in (truth, made)]
    if not any(border.any() for border in borders):
        return 1.0
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _TOLERANCE + 1,) * 2)
    wide = [cv2.dilate(border.astype(np.uint8), kernel) > 0 for border in borders]
    recall = (borders[0] & wide[1]).sum() / max(1, borders[0].sum())
    precision = (borders[1] & wide[0]).sum() / max(1, borders[1].sum())
    return float(2 * precision * recall / max(1e-9, precision + recall))


def _borders(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    found = np.zeros(labels.shape, np.bool_)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found


if __name__ == "__main__":
    main()
