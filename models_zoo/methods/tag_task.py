"""What methods that learn from tags share: which classes may be found, and how class maps become labels.

Where the maps come from is a subclass's own. The segmenter learns the labels; its averaged copy makes the proposals.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.marks import IGNORE
from models_zoo.methods.averaged_training import AveragedTraining
from models_zoo.methods.base import Batch
from models_zoo.methods.tag_config import SeedConfig
from models_zoo.networks.segmenter import OUTPUT_STRIDE, Segmenter
from models_zoo.seeds.class_maps import sum_over_views
from models_zoo.seeds.labels import Known, SeedRule, seed_labels

SMOOTHING = 0.05
"""Of the tags, against wrong ones."""
LogitsOf: TypeAlias = Callable[[Tensor], Tensor]
"""From normalised images to one logit a class (B, C)."""


class TagTask(AveragedTraining):
    """What of a TrainingTask does not depend on the classifier; predictions come from the averaged segmenter."""

    config: SeedConfig
    student: Segmenter
    teacher: Segmenter

    @torch.no_grad()
    def cut_labels(
        self, maps_BChw: Tensor, batch: Batch, allowed_BC: Tensor, absent_BC: Tensor, *, refiner: str | None = None
    ) -> Tensor:
        """What maps teach about a batch: class positions (B, h, w), `IGNORE` where they say nothing or people spoke.

        Args:
            maps_BChw: in 0..1.
            batch: whose marks win.
            allowed_BC: bool, the classes that may be found.
            absent_BC: bool, those that are known not to be there.
            refiner: makes the maps follow the colours; None is the one of the settings.
        """
        rgb = F.avg_pool2d(batch.rgb_BHWC.permute(0, 3, 1, 2).float() / 255.0, OUTPUT_STRIDE)
        rule = self.seed_rule(refiner)
        known = Known(batch.targets_BChw, batch.excluded_BChw)
        labels = seed_labels(maps_BChw, rgb, allowed_BC, known, rule, background=self.background)
        # Nothing was found in an image whose tags are not all known: that says nothing about its background.
        speaks_B = allowed_BC.any(dim=1) | absent_BC[:, self._things(absent_BC)].all(dim=1)
        free = batch.valid_Bhw & (batch.targets_BChw.sum(dim=1) == 0) & (speaks_B & ~batch.is_full_B)[:, None, None]
        return torch.where(free, labels, torch.full_like(labels, IGNORE))

    def seed_rule(self, refiner: str | None = None) -> SeedRule:
        """Where the settings cut."""
        config = self.config
        return SeedRule(threshold=config.threshold, band=config.ignore_band, refiner=refiner or config.refiner)

    def over_views(self, maps_of: Callable[[Tensor], Tensor], images_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps summed over the scales of the settings and mirror images, at that (height, width)."""
        scales = [float(scale) for scale in self.config.scales.split()]
        return sum_over_views(maps_of, images_BCHW, scales=scales, size=size)

    def allowed(self, batch: Batch, told: tuple[Tensor, Tensor], images: Tensor, logits_of: LogitsOf) -> Tensor:
        """Classes that may be found, bool (B, C): present ones, and open ones that the classifier sees.

        Open are classes somebody named but this crop may not show, and unknown ones.
        """
        present_BC, absent_BC = told
        open_BC = batch.plausible_BC & ~present_BC & ~absent_BC
        if self.background is not None:
            open_BC[:, self.background] = False
        if not open_BC.any():
            return present_BC
        likely_BC: Tensor = open_BC & (logits_of(images) > 0)
        return present_BC | likely_BC

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Softmax of the averaged segmenter."""
        logits = self.teacher(self.teacher.encoder.normalise(rgb_BHWC))
        return torch.softmax(logits.float(), dim=1)
