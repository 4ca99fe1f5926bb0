"""What measuring and drawing errors share: pieces, distances, and what counts as an object; torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models_zoo.marks import UNLABELLED
from models_zoo.methods.mask_polisher.error_model import REFERENCE_SIDE

LabelMap = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

MIN_OBJECT = 40.0
"""Pixels of the reference picture; smaller pieces are noise of the mask."""
MERGE_GAP = 8.0
"""Pieces of a class that are at most so far apart can be merged."""
_MAX_OBJECTS = 24


@dataclass(frozen=True)
class Piece:
    """One object: its class, its pixels (H, W) and their number."""

    class_index: int
    region: BoolArray
    area: int


def scale_of(shape: tuple[int, ...]) -> float:
    """Pixels of a map of that shape (H, W) for one of the reference picture."""
    return max(shape) / REFERENCE_SIDE


def objects(labels: LabelMap, background: int | None) -> list[Piece]:
    """The largest objects of each class, with no background among them."""
    least = max(1.0, MIN_OBJECT * scale_of(labels.shape) ** 2)
    found = []
    for index in classes_of(labels):
        if index != background:
            found += [Piece(index, region, int(region.sum())) for region in pieces(labels == index, least)]
    return found


def classes_of(labels: LabelMap) -> list[int]:
    """Class indices that occur."""
    return [int(value) for value in np.unique(labels) if value < UNLABELLED]


def pieces(region: BoolArray, least: float) -> list[BoolArray]:
    """Connected pieces of at least so many pixels, the largest 24."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-sizes, kind="stable")[:_MAX_OBJECTS]
    return [np.asarray(labels == number + 1, np.bool_) for number in order if sizes[number] >= least]


def inside(region: BoolArray) -> FloatArray:
    """Distance of each pixel of the region to the nearest one outside, 0 elsewhere; the picture's rim is no border."""
    if region.all():
        return np.full(region.shape, float(sum(region.shape)), np.float32)
    return np.asarray(cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def signed_distance(region: BoolArray) -> FloatArray:
    """Distance to the border, positive inside; the border lies between pixels, half a pixel from either."""
    return np.where(region, inside(region) - 0.5, 0.5 - inside(~region)).astype(np.float32)


def borders(labels: LabelMap) -> BoolArray:
    """Pixels with a neighbour (right, left, above, below) of another value."""
    found = np.zeros(labels.shape, np.bool_)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found


def near_pairs(found: list[Piece], gap: float) -> list[tuple[Piece, Piece, FloatArray]]:
    """Pairs of one class at most ``gap`` pixels apart, and the distance of every pixel to the first of the two."""
    pairs = []
    for number, first in enumerate(found):
        others = [other for other in found[number + 1 :] if other.class_index == first.class_index]
        if others:
            away = inside(~first.region)
            pairs += [(first, other, away) for other in others if float(away[other.region].min()) <= gap + 1]
    return pairs


def filled(labels: LabelMap) -> LabelMap:
    """The map with every pixel that has no class given the nearest one's; unchanged where there is none at all."""
    known = labels < UNLABELLED
    if known.all() or not known.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Labels of the transform number the known pixels; which number is whose has to be read off.
    value_of = np.zeros(int(nearest.max()) + 1, np.uint8)
    value_of[nearest[known]] = labels[known]
    return np.asarray(value_of[nearest], np.uint8)
