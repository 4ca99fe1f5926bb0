"""The live head as it was before the decoder, that lets what a decoder would read be seen."""

from __future__ import annotations

from dataclasses import dataclass

from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.pixel_features import FloatArray


@dataclass(frozen=True)
class Seen:
    """What a decoder reads of one solve: ``maps`` (CHANNELS, H, W), ``logits`` (h, w), both float32."""

    maps: FloatArray
    logits: FloatArray


class UndecodedHead(LiveHead):
    """Things that nobody marked are given back by rule. `seen`: of the last solve; None where nothing was decoded."""

    def __init__(self) -> None:
        super().__init__(decode=self._see)
        self.seen: Seen | None = None

    def _see(self, maps: FloatArray, logits: FloatArray) -> None:
        self.seen = Seen(maps, logits)
