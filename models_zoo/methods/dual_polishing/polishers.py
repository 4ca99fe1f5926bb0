"""The two polishers: one moves a box onto its object, the other decides anew what the object is.

Both see the detector's feature maps where the box lies, and neither teaches the detector anything.

Shape letters: N boxes, V views of a box, C channels, K classes of objects, S = 7 cells a side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models_zoo.detection.boxes import VIEWS, best_match, clip, context_views, decode, jitter
from models_zoo.losses.detection import box_overlap
from models_zoo.networks.box_classifier import CELLS, BoxClassifier, box_pool, read_boxes
from models_zoo.networks.detector import WIDTH, Found

_MIXED, _HIDDEN = 64, 256
_NARROW, _WIDE = 0.06, 0.2
"""Noise, in sides of a box: the narrow one gives mostly boxes of the same object, the wide one mostly misses."""
_SAME_OBJECT = 0.7
_MOST = 160
"""Noisy boxes an image that are learnt in one step."""


class BoxPolisher(nn.Module):
    """Deltas (see `boxes.encode`) that move a box onto its object, from the features of its views."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Conv2d(VIEWS * WIDTH, _MIXED, 1), nn.ReLU(inplace=True))
        last = nn.Linear(_HIDDEN, 4)
        # An untrained polisher leaves boxes as they are.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.look = nn.Sequential(
            nn.Flatten(),
            nn.Linear(_MIXED * CELLS**2, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(inplace=True),
            last,
        )

    def forward(self, views_NVCSS: Tensor) -> Tensor:
        """(N, V, C, S, S) -> (N, 4)."""
        deltas: Tensor = self.look(self.mix(views_NVCSS.flatten(1, 2)))
        return deltas


class Polishers(nn.Module):
    """Both polishers and the features they share."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.box, self.category = BoxPolisher(), BoxClassifier(num_classes)
        self.pool = box_pool()

    def features(self, maps: Sequence[Tensor], boxes: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Features (N, C, S, S) of all boxes, image by image, from maps of a canvas (width, height); no gradient."""
        return read_boxes(self.pool, [level.detach() for level in maps], boxes, size)

    def move(self, maps: Sequence[Tensor], boxes: Sequence[Tensor], size: tuple[int, int]) -> list[Tensor]:
        """Where the box polisher would have each image's boxes, not clipped; each box's result is its own alone."""
        counts = [len(part) for part in boxes]
        if not sum(counts):
            return list(boxes)
        features = self.features(maps, [context_views(part).flatten(0, 1) for part in boxes], size)
        deltas = self.box(features.view(-1, VIEWS, *features.shape[1:]))
        return list(torch.split(decode(torch.cat(list(boxes)), deltas), counts))

    def classify(self, maps: Sequence[Tensor], boxes: Sequence[Tensor], size: tuple[int, int]) -> list[Tensor]:
        """Logits (N, K + 1) of each image's boxes."""
        counts = [len(part) for part in boxes]
        if not sum(counts):
            return [part.new_zeros((0, self.num_classes + 1)) for part in boxes]
        logits: Tensor = self.category(self.features(maps, boxes, size))
        return list(torch.split(logits, counts))

    def box_loss(self, maps: Sequence[Tensor], truths: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """1 - GIoU of polished noisy boxes with the true box each overlaps most, the true boxes themselves included."""
        noisy, targets = [], []
        for part in truths:
            boxes = torch.cat([part, some(jitter(part, scale=_WIDE, count=30, size=size), _MOST)])
            noisy.append(boxes)
            targets.append(part[best_match(boxes, part)[1]] if len(part) else part)
        moved = self.move(maps, noisy, size)
        return box_overlap(torch.cat(moved), torch.cat(targets))

    def category_loss(
        self,
        maps: Sequence[Tensor],
        truths: Sequence[tuple[Tensor, Tensor]],
        proposals: Sequence[Tensor],
        size: tuple[int, int],
    ) -> Tensor:
        """Cross entropy over classes and "no object" of noisy boxes, the detector's own and the true ones.

        Args:
            truths: boxes (M, 4) and class positions (M,) of each image; an image without boxes teaches nothing.
            proposals: boxes that the detector makes of each image.
        """
        shown: list[Tensor] = []
        labels: list[Tensor] = []
        for (boxes, classes), proposed in zip(truths, proposals, strict=True):
            if not len(boxes):
                shown.append(boxes)
                continue
            noisy = [jitter(boxes, scale=scale, count=10, size=size) for scale in (_NARROW, _WIDE)]
            part = torch.cat([boxes, some(torch.cat([*noisy, proposed]), _MOST)])
            shown.append(part)
            labels.append(category_targets(part, boxes, classes, self.num_classes))
        logits = torch.cat(self.classify(maps, shown, size))
        if not labels:
            return logits.sum() * 0.0
        return nn.functional.cross_entropy(logits, torch.cat(labels))


def category_targets(boxes_N4: Tensor, truths_M4: Tensor, classes_M: Tensor, num_classes: int) -> Tensor:
    """The class of the true box each overlaps most, by an IoU of 0.7 or more; else ``num_classes``, no object."""
    met, which = best_match(boxes_N4, truths_M4)
    return torch.where(met >= _SAME_OBJECT, classes_M[which], num_classes)


def some(boxes_N4: Tensor, most: int) -> Tensor:
    """At most so many of the boxes, drawn at random by torch's CPU generator."""
    if len(boxes_N4) <= most:
        return boxes_N4
    return boxes_N4[torch.randperm(len(boxes_N4))[:most].to(boxes_N4.device)]


def decide(found: Found, logits_NK1: Tensor, *, sure: float) -> tuple[Tensor, Tensor]:
    """Which boxes of one image may teach classes (N,), and with which class position (N,).

    A box is kept if the category polisher's best class has a probability of ``sure`` or the detector's score is
    above it; the polisher's class replaces the detector's if the polisher is sure and the detector's score is below.
    """
    probability, best = torch.softmax(logits_NK1, dim=1)[:, :-1].max(dim=1)
    is_sure = probability >= sure
    labels = torch.where(is_sure & (found.scores_N < sure), best, found.labels_N)
    return is_sure | (found.scores_N > sure), labels


@torch.no_grad()
def polished(
    polishers: Polishers,
    maps: Sequence[Tensor],
    found: Sequence[Found],
    size: tuple[int, int],
    sizes: Sequence[tuple[int, int]],
) -> list[Found]:
    """The boxes of each image moved onto their objects; where nothing would be left, as they were.

    Args:
        size: of the canvas (width, height).
        sizes: of each image on it, at which boxes are cut.
    """
    results = []
    moved = polishers.move(maps, [one.boxes_N4 for one in found], size)
    for one, boxes, limits in zip(found, moved, sizes, strict=True):
        inside = clip(boxes, limits)
        is_whole = (inside[:, 2:] - inside[:, :2] >= 1).all(dim=1, keepdim=True)
        results.append(Found(torch.where(is_whole, inside, one.boxes_N4), one.scores_N, one.labels_N))
    return results
