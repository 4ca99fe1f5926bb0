"""The live head with the decoder behind its walk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models_zoo.interactive import ImageContext
from models_zoo.interactive.finishing import without_excluded
from models_zoo.interactive.live_decoder import Decoder, decode
from models_zoo.interactive.live_head import LiveHead
from models_zoo.interactive.live_kernel import fit_kernel
from models_zoo.interactive.live_maps import PictureMaps, logit, picture_maps, relational_maps
from models_zoo.interactive.live_regions import without_unmarked
from models_zoo.interactive.pixel_features import FloatArray
from models_zoo.interactive.supervision import Supervision

if TYPE_CHECKING:
    from models_zoo.interactive.live_head import _Prepared


@dataclass(frozen=True)
class Seen:
    """What the decoder read of one solve: ``maps`` (CHANNELS, H, W), ``logits`` (h, w), both float32."""

    maps: FloatArray
    logits: FloatArray


class DecodedHead(LiveHead):
    """Two classes, of which 0 is the background. Without a network it answers as the live head does.

    `seen` is what the last solve was read as; None before there was one.
    """

    def __init__(self, network: Decoder | None = None) -> None:
        super().__init__(all_similar=True)  # so that `LiveHead` gives the walk's scores as they are
        self._network = network
        self._picture: PictureMaps | None = None
        self.seen: Seen | None = None

    def set_image(self, image: ImageContext) -> None:
        """Prepare an image."""
        super().set_image(image)
        self._picture = self.seen = None

    def _score(self, image: _Prepared, supervision: Supervision) -> FloatArray:
        """Probabilities (C, h, w)."""
        walked = super()._score(image, supervision)
        self.seen = None
        if set(supervision.classes) != {0, 1}:
            return walked
        own = supervision.classes.index(1)
        kept = without_unmarked(walked, supervision, 1 - own)
        if self._picture is None:
            self._picture = picture_maps(image)
        fit = fit_kernel(image.plain, supervision)
        maps = relational_maps(image, self._picture, supervision, fit=fit, walked=walked, kept=kept, own=own)
        self.seen = Seen(maps, logit(walked[own]))
        if self._network is None:
            return kept
        decoded = np.empty_like(walked)
        decoded[own] = decode(self._network, maps, self.seen.logits)
        decoded[own][supervision.seeds == own] = 1
        decoded[own][supervision.seeds == 1 - own] = 0
        decoded[1 - own] = 1 - decoded[own]
        return without_excluded(supervision, decoded)
