"""What the decoder reads: maps that mean the same in every picture, of one class against the rest.

h x w cells of the stride-4 grid, H x W of the half grid (rounded up), D plain columns, C classes that compete.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from models_zoo.interactive.answering import PreparedImage
from models_zoo.interactive.pixel_features import FloatArray, gaussian_kernel
from models_zoo.interactive.supervision import BoolArray, Supervision

CHANNELS = 24
VALID = 23
"""The channel that is 1 inside the picture, 0 where a batch pads it."""

_NOT_DEEP, _COLOUR = 5, slice(-5, -2)
"""The last plain columns are three of colour and two of place."""

_NOBODY = 3.0
_LEAST_LIKENESS = 1e-6
_MAX_LOGIT = 4.0
_LEAST_COST, _DEEP_COST = 0.02, 0.25


@dataclass(frozen=True)
class PictureMaps:
    """What does not depend on marks: ``paths``, the cost of each step to a neighbour; ``planes`` float32 (8, H, W)."""

    paths: csr_array
    planes: FloatArray


def halved(plane: npt.NDArray[np.generic], *, largest: bool = False) -> FloatArray:
    """Mean (or largest) of each two by two cells: (h, w) to (H, W), float32."""
    height, width = (plane.shape[0] + 1) // 2, (plane.shape[1] + 1) // 2
    even = np.pad(plane, ((0, 2 * height - plane.shape[0]), (0, 2 * width - plane.shape[1])), mode="edge")
    blocks = even.astype(np.float32).reshape(height, 2, width, 2)
    return np.asarray(blocks.max(axis=(1, 3)) if largest else blocks.mean(axis=(1, 3)), np.float32)


def picture_maps(image: PreparedImage) -> PictureMaps:
    """Differences of deep features over 1 and 3 cells to either side, colour edges and the distance to the rim."""
    width, height = image.grid
    columns = image.plain.reshape(height, width, -1)
    deep = np.stack([halved(plane) for plane in np.moveaxis(columns[..., :-_NOT_DEEP], 2, 0)], axis=2)
    colour = np.stack([halved(plane) for plane in np.moveaxis(columns[..., _COLOUR], 2, 0)], axis=2)
    across, down = (_differences(deep, axis, 1) / 1.5 for axis in (1, 0))
    far_across, far_down = (_differences(deep, axis, 3) / 2.5 for axis in (1, 0))
    edge = np.hypot(_differences(colour, 1, 1), _differences(colour, 0, 1))
    rows, places = np.mgrid[: deep.shape[0], : deep.shape[1]]
    inwards = [rows, deep.shape[0] - 1 - rows, places, deep.shape[1] - 1 - places]
    rim = np.clip(np.minimum.reduce(inwards) / 16, 0, 1.5)
    near, far = np.hypot(across, down), np.hypot(far_across, far_down)
    planes = np.stack([rim, near, far, edge, across, down, far_across, far_down]).astype(np.float32)
    return PictureMaps(_paths(_LEAST_COST + edge.astype(np.float64) + _DEEP_COST * 1.5 * near), planes)


def relational_maps(
    image: PreparedImage,
    picture: PictureMaps,
    supervision: Supervision,
    *,
    fit: FloatArray,
    walked: FloatArray,
    kept: FloatArray,
    own: int,
) -> FloatArray:
    """Float32 (CHANNELS, H, W) for the column ``own`` against the rest.

    ``fit``, ``walked`` and ``kept``, each (C, h, w), are the ridge's targets, the walk's probabilities, and these after
    things that nobody marked were given back.
    """
    lead = fit[own] - np.delete(fit, own, axis=0).max(axis=0)
    in_mask: BoolArray = walked.argmax(axis=0) == own
    stays: BoolArray = kept.argmax(axis=0) == own
    ours, theirs = (_likeness(image, supervision, own, same=same) for same in (True, False))
    on, off = (halved(where, largest=True) for where in _marked(supervision, own))
    one = np.ones_like(on)
    drawn = [
        halved(lead) / 2,
        halved(np.clip(logit(walked[own]), -_MAX_LOGIT, _MAX_LOGIT)) / 2,
        halved(stays),
        halved(in_mask & ~stays),
        halved(ours) / 2,
        halved(theirs) / 2,
        halved(theirs - ours) / 2,
        np.exp(-_geodesic(picture.paths, on) / 1.5),
        np.exp(-_geodesic(picture.paths, off) / 1.5),
        on,
        off,
        halved(_boxed(supervision, own), largest=True),
        halved(_prototype(image, supervision, own)),
        one * in_mask.mean(),
        one * (min(_marked_regions(in_mask, supervision.seeds == own), 4) / 4),
    ]
    return np.concatenate([np.stack(drawn), picture.planes, one[None]]).astype(np.float32)


def logit(probability: FloatArray) -> FloatArray:
    """Log odds of probabilities, at most about 9 either way."""
    inside = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)), np.float32)


def _differences(values: FloatArray, axis: int, reach: int) -> FloatArray:
    """Length of the difference between the cells ``reach`` before and after each, (H, W)."""
    places = np.arange(values.shape[axis])
    after = np.take(values, np.minimum(places + reach, len(places) - 1), axis=axis)
    before = np.take(values, np.maximum(places - reach, 0), axis=axis)
    return np.asarray(np.linalg.norm(after - before, axis=2), np.float32)


def _marked(supervision: Supervision, own: int) -> tuple[BoolArray, BoolArray]:
    return supervision.seeds == own, (supervision.seeds >= 0) & (supervision.seeds != own)


def _taught(supervision: Supervision, own: int, *, same: bool) -> npt.NDArray[np.intp]:
    """Cells that teach the class, or any other one."""
    teaches = supervision.targets.max(axis=1) > 0
    return np.unique(supervision.cells[teaches & ((supervision.targets.argmax(axis=1) == own) == same)])


def _likeness(image: PreparedImage, supervision: Supervision, own: int, *, same: bool) -> FloatArray:
    """Distance (h, w) of each cell's plain columns to the nearest taught cell of the class, or of the others."""
    width, height = image.grid
    cells = _taught(supervision, own, same=same)
    if not len(cells):
        return np.full((height, width), _NOBODY, np.float32)
    nearest = gaussian_kernel(image.plain, image.plain[cells])[0].max(axis=1)
    # The kernel of a distance d is exp(-d^2 / 8).
    return np.asarray(np.sqrt(-8 * np.log(np.maximum(nearest, _LEAST_LIKENESS))).reshape(height, width), np.float32)


def _boxed(supervision: Supervision, own: int) -> BoolArray:
    inside = np.zeros(supervision.seeds.shape, np.bool_)
    for column, cells in supervision.boxes:
        if column == own:
            inside |= cells
    return inside


def _prototype(image: PreparedImage, supervision: Supervision, own: int) -> FloatArray:
    """Cosine (h, w) of each cell's deep features with the mean of the class's taught cells."""
    width, height = image.grid
    deep = image.plain[:, :-_NOT_DEEP]
    cells = _taught(supervision, own, same=True)
    mean = deep[cells].mean(axis=0) if len(cells) else np.zeros(deep.shape[1], np.float32)
    cosine = deep @ mean / (np.linalg.norm(deep, axis=1) * np.linalg.norm(mean) + 1e-6)
    return np.asarray(cosine.reshape(height, width), np.float32)


def _paths(cost: npt.NDArray[np.float64]) -> csr_array:
    """Steps to the eight neighbours, each as long as it is far and as dear as its two cells are on average."""
    numbers = np.arange(cost.size).reshape(cost.shape)
    pairs = [
        (slice(None), slice(None, -1), slice(None), slice(1, None), 1.0),
        (slice(None, -1), slice(None), slice(1, None), slice(None), 1.0),
        (slice(None, -1), slice(None, -1), slice(1, None), slice(1, None), math.sqrt(2)),
        (slice(None, -1), slice(1, None), slice(1, None), slice(None, -1), math.sqrt(2)),
    ]
    starts = np.concatenate([numbers[a, b].ravel() for a, b, _, _, _ in pairs])
    ends = np.concatenate([numbers[c, d].ravel() for _, _, c, d, _ in pairs])
    costs = np.concatenate([(far * (cost[a, b] + cost[c, d]) / 2).ravel() for a, b, c, d, far in pairs])
    return csr_array((costs, (starts, ends)), shape=(cost.size, cost.size))


def _geodesic(paths: csr_array, seeds: FloatArray) -> FloatArray:
    """Cost of the cheapest path from a marked cell, (H, W)."""
    places = np.flatnonzero(seeds)
    if not len(places):
        return np.full(seeds.shape, _NOBODY, np.float32)
    costs = dijkstra(paths, directed=False, indices=places, min_only=True)
    return np.asarray(costs.reshape(seeds.shape), np.float32)


def _marked_regions(mask: BoolArray, seeds: BoolArray) -> int:
    """How many regions of the mask hold a mark."""
    import cv2

    labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1]
    return len(np.unique(labels[mask & seeds]))
