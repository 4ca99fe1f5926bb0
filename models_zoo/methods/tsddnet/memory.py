"""The boxes that images have by now, kept while a training lasts and in its checkpoints.

Shape letters: N boxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_PREFIX = "kept."


@dataclass(frozen=True)
class Kept:
    """Boxes of one whole image, float32 (N, 4), their class positions, int64 (N,), and the round they are of."""

    boxes_N4: Tensor
    labels_N: Tensor
    round: int


class BoxMemory:
    """`Kept` by number of the image in the data set."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, number: int) -> Kept | None:
        """What is kept of an image."""
        return self._kept.get(number)

    def put(self, number: int, kept: Kept) -> None:
        """Replace what is kept of an image."""
        self._kept[number] = kept

    def state(self) -> dict[str, Tensor]:
        """Everything as tensors, for a checkpoint."""
        found: dict[str, Tensor] = {}
        for number, kept in self._kept.items():
            found[f"{_PREFIX}{number}.boxes"] = kept.boxes_N4
            found[f"{_PREFIX}{number}.labels"] = kept.labels_N
            found[f"{_PREFIX}{number}.round"] = torch.tensor(kept.round)
        return found

    def take(self, state: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
        """Load what `state` gave out of a checkpoint and return the rest of it."""
        own = {name: value for name, value in state.items() if name.startswith(_PREFIX)}
        for name in own:
            stem, _, part = name.rpartition(".")
            if part == "round":
                boxes, labels = (own[f"{stem}.{other}"].to(device) for other in ("boxes", "labels"))
                self.put(int(stem.removeprefix(_PREFIX)), Kept(boxes, labels, int(own[name])))
        return {name: value for name, value in state.items() if name not in own}
