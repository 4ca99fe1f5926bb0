"""What is in a box: features of a detector's maps where the box lies, and a classifier of them.

Shape letters: N boxes, C channels, K classes of objects, S = 7 cells a side.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torchvision import ops

from models_zoo.networks.detector import LEVELS, WIDTH

CELLS = 7
_HIDDEN = 256
_CANONICAL = 224
"""Boxes up to this size are read off the finest map: their sides are what matters."""


class BoxClassifier(nn.Module):
    """Logits of the classes and, last, of "no object", from the features of a box."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Flatten(),
            nn.Linear(WIDTH * CELLS**2, _HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.Linear(_HIDDEN, num_classes + 1),
        )

    def forward(self, box_NCSS: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, K + 1)."""
        logits: Tensor = self.look(box_NCSS)
        return logits


def box_pool() -> ops.MultiScaleRoIAlign:
    """What `read_boxes` reads with; it learns nothing."""
    return ops.MultiScaleRoIAlign([str(stride) for stride in LEVELS], CELLS, 2, canonical_scale=_CANONICAL)


def read_boxes(
    pool: ops.MultiScaleRoIAlign, maps: Sequence[Tensor], boxes: Sequence[Tensor], size: tuple[int, int]
) -> Tensor:
    """Features (N, C, S, S) of all boxes, image by image, from the maps of a canvas (width, height)."""
    levels = OrderedDict((str(stride), level.float()) for stride, level in zip(LEVELS, maps, strict=True))
    found: Tensor = pool(levels, list(boxes), [(size[1], size[0])] * len(boxes))
    return found
