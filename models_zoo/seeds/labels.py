"""From class maps to labels: sure things, sure background and an ignore band between.

The rest (no class's map is high) takes part as one more channel of constant height: once a little above the threshold
and once a little below. Both stacks follow the colours. Who wins against the high rest is that class, where the low
rest wins is background, and what lies between is ignored (as in IRNet and ToCo).
Shape letters: B batch, C classes, K classes that occur in the batch, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models_zoo.marks import IGNORE
from models_zoo.polish.par import refine
from models_zoo.refiners.batches import refine_batch

OTSU_RANGE = (0.1, 0.6)
_BINS = 64
_DILATIONS = (1, 2, 4, 8)
_LOWEST = 0.01
_HIGHEST = 0.99


@dataclass(frozen=True, kw_only=True)
class SeedRule:
    """How labels are cut out of maps.

    Attributes:
        threshold: height from which on a map is believed; 0 lets `otsu` choose it for every image.
        band: half the width of what is ignored about it.
        refiner: name of the refiner that makes the maps follow the colours.
    """

    threshold: float
    band: float
    refiner: str


@dataclass(frozen=True)
class Known:
    """What people said about the cells of a batch.

    Attributes:
        targets_BCHW: shares labelled by hand; those cells keep their label.
        excluded_BCHW: bool, cells that are not of a class.
    """

    targets_BCHW: Tensor
    excluded_BCHW: Tensor


@torch.no_grad()
def seed_labels(
    maps_BCHW: Tensor, rgb_BCHW: Tensor, allowed_BC: Tensor, known: Known, rule: SeedRule, *, background: int | None
) -> Tensor:
    """Labels (B, H, W): class positions and `IGNORE`.

    Args:
        maps_BCHW: 0..1, from `to_unit_peak`.
        rgb_BCHW: 0..1, the picture on the same grid.
        allowed_BC: bool, classes that may be found in an image. The background class is not one of them.
        known: marks, which win.
        rule: where to cut.
        background: position of the class that the rest is; None: the rest is ignored.
    """
    labels = torch.full(maps_BCHW[:, 0].shape, IGNORE, dtype=torch.long, device=maps_BCHW.device)
    used = torch.nonzero(allowed_BC.any(dim=0)).flatten()
    kept = maps_BCHW[:, used] * allowed_BC[:, used, None, None]
    low_B, high_B = cut_heights(kept, rule)
    chosen = [
        _refined(_with_rest(kept, height_B), rgb_BCHW, known, used, rule.refiner, background).argmax(dim=1)
        for height_B in (high_B, low_B)
    ]
    positions = torch.cat([used.new_full((1,), IGNORE), used])
    surely = chosen[0] > 0
    labels[surely] = positions[chosen[0]][surely]
    if background is not None:
        labels[(chosen[0] == 0) & (chosen[1] == 0)] = background
    return labels


def cut_heights(maps_BKHW: Tensor, rule: SeedRule) -> tuple[Tensor, Tensor]:
    """(low, high) of every image, (B,) each, low <= high."""
    if rule.threshold:
        middle_B = maps_BKHW.new_full((len(maps_BKHW),), rule.threshold)
    else:
        middle_B = torch.stack([otsu(maps.amax(dim=0) if len(maps) else maps.sum(dim=0)) for maps in maps_BKHW])
    return (middle_B - rule.band).clamp(_LOWEST, _HIGHEST), (middle_B + rule.band).clamp(_LOWEST, _HIGHEST)


def otsu(values: Tensor) -> Tensor:
    """The threshold that parts values in 0..1 into two groups with the least spread inside, within `OTSU_RANGE`.

    Otsu, IEEE SMC 1979: the largest w0 w1 (m0 - m1)^2 over 64 bins; flat values give the lowest of the range.
    """
    counts = torch.histc(values.float(), bins=_BINS, min=0.0, max=1.0)
    centres = (torch.arange(_BINS, device=values.device) + 0.5) / _BINS
    below, mass = counts.cumsum(0), (counts * centres).cumsum(0)
    above = below[-1] - below
    between = (mass[-1] * below / below[-1].clamp(min=1) - mass).square() / (below * above).clamp(min=1)
    between = torch.where(below * above > 0, between, torch.zeros_like(between))
    # Any place in the gap between two heaps parts them as well: take its middle.
    best = torch.nonzero(between >= between.max() * (1 - 1e-5)).float().mean()
    middle = torch.where(between.max() > 0, (best + 1) / _BINS, torch.zeros_like(best))
    return middle.clamp(*OTSU_RANGE)


def coverage(labels_BHW: Tensor, *, background: int | None) -> tuple[float, float, float]:
    """Shares of the cells that are (a thing, background, ignored); they sum to 1."""
    ignored = float((labels_BHW == IGNORE).float().mean())
    ground = 0.0 if background is None else float((labels_BHW == background).float().mean())
    return 1 - ignored - ground, ground, ignored


def _with_rest(maps_BKHW: Tensor, height_B: Tensor) -> Tensor:
    rest = height_B.view(-1, 1, 1, 1).expand(-1, 1, *maps_BKHW.shape[2:])
    return torch.cat([rest, maps_BKHW], dim=1)


def _refined(scores: Tensor, rgb: Tensor, known: Known, used: Tensor, refiner: str, background: int | None) -> Tensor:
    """The stack (B, 1 + K, H, W) along the colours, with the marks held."""
    fixed = _stacked(known.targets_BCHW, used, background)
    fixed = fixed / fixed.sum(dim=1, keepdim=True).clamp(min=1e-6)
    excluded = _stacked(known.excluded_BCHW, used, background)
    if refiner == "par":
        return refine(rgb, scores, fixed_BCHW=fixed, excluded_BCHW=excluded, dilations=_DILATIONS)
    return refine_batch(refiner, rgb, scores, fixed, excluded)


def _stacked(values_BCHW: Tensor, used: Tensor, background: int | None) -> Tensor:
    """What is known of the rest (the background class, if there is one) and of the classes used."""
    rest = torch.zeros_like(values_BCHW[:, :1]) if background is None else values_BCHW[:, background, None]
    return torch.cat([rest, values_BCHW[:, used]], dim=1)
