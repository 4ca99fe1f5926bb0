"""Tags, then affinities, then masks: class maps walk to what belongs to them before they become labels.

The classifier learns first (as in `cam`) and rests. A small head on its features then learns from the labels cut out of
its maps, and from what people drew, which near places belong together. From then on the maps walk on those affinities.

Shape letters: B batch, C classes, K classes in a picture, H height, W width; h = H / 4; g = H / 8, k = W / 8.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.pair_affinity import border_pairs, feature_pairs, pair_affinity
from models_zoo.methods.affinity.heads import BorderHead, FeatureHead
from models_zoo.methods.affinity.info import AffinityConfig
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.tag_training import TagTraining
from models_zoo.refiners.affinity_walk import RADIUS, Transitions, border_affinities, feature_affinities, half_plane
from models_zoo.refiners.running import FloatArray
from models_zoo.seeds.class_maps import to_unit_peak

OFFSETS = half_plane(RADIUS)


class AffinityTraining(TagTraining):
    """TrainingTask with one part more than `TagTraining`."""

    segment_from: ClassVar[float] = 0.55
    affinity_from: ClassVar[float] = 0.35
    """Share of the training after which the classifier rests and the affinities are learnt."""

    def __init__(self, config: AffinityConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """As `TagTraining`, with the head that the settings name."""
        super().__init__(config, context, pretrained=pretrained)
        channels = self.classifier.encoder.channels
        self.head = BorderHead(channels) if config.affinity == "borders" else FeatureHead(channels)
        self._steps, self._beta = config.walk_steps, config.walk_beta

    def more_parameters(self) -> list[nn.Parameter]:
        """Those of the head."""
        return list(self.head.parameters())

    def preparation(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> dict[str, Tensor]:
        """The tags, then the pairs."""
        if batch.progress < self.affinity_from:
            return super().preparation(batch, present_BC, absent_BC)
        labels = self.labels(batch, present_BC, absent_BC, maps_of=super().maps)
        drawn = batch.targets_BChw.sum(dim=1) > 0
        labels = torch.where(drawn, batch.targets_BChw.argmax(dim=1), labels)[:, ::2, ::2]
        between = self.between(self.classifier.encoder.normalise(batch.rgb_BHWC))
        pairs = border_pairs(between, OFFSETS) if between.ndim == 3 else feature_pairs(between, OFFSETS)
        return {"pairs": pair_affinity(pairs, labels, OFFSETS, background=self.background)}

    def between(self, images_BCHW: Tensor) -> Tensor:
        """Borders (B, g, k) or features to compare (B, D, g, k) of normalised images; only the head learns."""
        with torch.no_grad():
            _, layers = self.classifier(images_BCHW)
        made: Tensor = self.head(self.classifier.encoder.pyramid(layers))
        return made

    def maps(self, batch: Batch, images_BCHW: Tensor, allowed_BC: Tensor) -> Tensor:
        """Class maps after their walk, each allowed class up to 1 again."""
        if not self._steps:
            return super().maps(batch, images_BCHW, allowed_BC)
        between = self.between(images_BCHW).cpu().numpy()
        targets = F.avg_pool2d(batch.targets_BChw, 2)
        coarse = self.class_maps(images_BCHW, allowed_BC, (targets.shape[2], targets.shape[3]))
        walked = torch.zeros_like(coarse)
        for number, allowed_C in enumerate(allowed_BC):
            used = torch.nonzero(allowed_C).flatten()
            if len(used):
                held = targets[number] / targets[number].sum(dim=0).clamp(min=1e-6)
                made = walk(
                    coarse[number, used].cpu().numpy(),
                    between[number],
                    held[used].cpu().numpy(),
                    (targets[number].sum(dim=0) > 0).cpu().numpy(),
                    steps=self._steps,
                    beta=self._beta,
                )
                walked[number, used] = torch.from_numpy(made).to(walked)
        size = batch.valid_Bhw.shape[1:]
        return to_unit_peak(F.interpolate(walked, size=size, mode="bilinear", align_corners=False), allowed_BC)


def walk(
    scores: FloatArray,
    between: FloatArray,
    marked: FloatArray,
    is_marked: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    *,
    steps: int,
    beta: float,
) -> FloatArray:
    """Scores (K, g, k) after so many steps on the affinities; marked places are put back after each.

    Args:
        scores: 0..1; places on a border start lower, by as much as it is one (IRNet).
        between: borders (g, k) in 0..1 or features (D, g, k).
        marked: (K, g, k), the scores of what people drew.
        is_marked: (g, k), where that counts.
        steps: of the walk.
        beta: power of the affinities.
    """
    if between.ndim == 2:
        affinities, scores = border_affinities(between, OFFSETS), np.asarray(scores * (1 - between), np.float32)
    else:
        affinities = feature_affinities(between, OFFSETS)
    transitions = Transitions(affinities, OFFSETS, beta=beta)
    current = np.where(is_marked, marked, scores)
    for _ in range(steps):
        current = np.where(is_marked, marked, transitions.step(current))
    return np.asarray(current, np.float32)
