"""Adaptive Gaussian mixtures: seeded segmentation, and a mixture that what is labelled makes in every image.

One Gaussian a class stands on the features the head reads. Its soft map teaches the network about every pixel and is
taught by it and by the labels; the means of different classes are pushed apart (`losses/gaussian_mixture.py`).

Shape letters: B batch, C classes, K of them in the batch, D features; h, w a quarter of the canvas.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models_zoo.losses.gaussian_mixture import (
    class_separation,
    fit_mixture,
    labelled_scores,
    mixture_scores,
    mutual_supervision,
)
from models_zoo.losses.partial_ce import excluded_cross_entropy
from models_zoo.methods.agmm.info import AgmmConfig
from models_zoo.methods.agmm.seeds import initial_labels
from models_zoo.methods.base import TaskContext
from models_zoo.methods.seeded_segmentation.noise import WARM_UP
from models_zoo.methods.seeded_segmentation.task import Judged, SeededSegmentation


class AdaptiveMixtures(SeededSegmentation):
    """TrainingTask with more parts than `SeededSegmentation`; predictions come from the same averaged network."""

    def __init__(self, config: AgmmConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """As `SeededSegmentation`."""
        super().__init__(config, context, pretrained=pretrained)
        self._mix = config

    def parts(self, logits: Tensor, features: Tensor, judged: Judged) -> dict[str, Tensor]:
        """Those of seeded segmentation and, of images without an accepted mask, those of the mixture."""
        parts, batch = super().parts(logits, features, judged), judged.batch
        weak = torch.nonzero(~batch.is_full_B).flatten()
        if not len(weak):
            return parts
        probs = torch.softmax(logits, dim=1)
        if self._mix.mixture_weight or self._mix.separation_weight:
            believed = probs.detach() if batch.progress >= WARM_UP else None
            labels = judged.believed(initial_labels(batch, believed))[weak]
            # Means in half precision would not tell near classes apart.
            with torch.autocast(features.device.type, enabled=False):
                ramp = min(1.0, max(0.0, (batch.progress - WARM_UP) / WARM_UP))
                parts |= self._mixture(probs[weak], features[weak].float(), labels, batch.valid_Bhw[weak], ramp)
        absent = ~batch.plausible_BC[weak][:, :, None, None] & batch.valid_Bhw[weak][:, None]
        if self._mix.absence_weight and absent.any():
            parts["absence"] = self._mix.absence_weight * excluded_cross_entropy(logits[weak], absent)
        return parts

    def _mixture(
        self, probs: Tensor, features: Tensor, labels: Tensor, valid_Bhw: Tensor, ramp: float
    ) -> dict[str, Tensor]:
        """Parts of the classes labelled somewhere in the batch; ``ramp`` is how far the mixture is trusted yet."""
        mix = self._mix
        used = torch.nonzero(labels.sum(dim=(0, 2, 3))).flatten()
        if not len(used):
            return {}
        labels = labels[:, used]
        mixture = fit_mixture(features, labels, valid_Bhw, rounds=mix.em_rounds, momentum=mix.em_momentum)
        occurs_BC = mixture.occurs_BC
        parts: dict[str, Tensor] = {}
        if mix.mixture_weight:
            scores = mixture_scores(mixture, features)
            parts["mixture_labels"] = mix.mixture_weight * labelled_scores(scores, labels, occurs_BC)
            if ramp:
                taught = scores if mix.mutual else scores.detach()
                loss = mutual_supervision(probs[:, used], taught, occurs_BC, valid_Bhw)
                parts["mixture"] = mix.mixture_weight * ramp * loss
        if mix.separation_weight:
            parts["separation"] = mix.separation_weight * class_separation(mixture.means_BCD, occurs_BC)
        return parts
