"""A picture is a bag of tiles, its tags are what the bag shows, and tiles that say so are its heat.

Shape letters: B batch, C classes, H height, W width; h = H / 4, w = W / 4; g rows and k columns of tiles, N = g k.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models_zoo.losses.tags import tag_margin
from models_zoo.methods.averaged_training import ENCODER_RATE, AveragedTraining
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.self_vit_mil.aggregator import BagAnswer, speaking_share, top_scores
from models_zoo.methods.self_vit_mil.info import SelfVitMilConfig
from models_zoo.methods.self_vit_mil.network import TileNetwork
from models_zoo.networks.cells import from_cells, hold_at_zero, to_cells
from models_zoo.networks.encoders import STRIDES, starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE

TILE_DROPOUT = 0.2
"""Share of the tiles that a bag goes without in a step: a class must not hang on one of them."""
_EPS = 1e-4


class SelfVitMilTraining(AveragedTraining):
    """TrainingTask; predictions are the averaged network's heat, enlarged."""

    config: SelfVitMilConfig
    student: TileNetwork
    teacher: TileNetwork

    def __init__(self, config: SelfVitMilConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards.

        An encoder with trained weights rests; one without learns along.
        """
        encoder = starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=len(STRIDES))
        tile = int(config.tile)
        step = tile // 2 if config.overlap else tile
        super().__init__(TileNetwork(encoder, context.num_classes, tile=tile, step=step), config, context)
        self._side = step // OUTPUT_STRIDE

    def parameter_groups(self) -> list[dict[str, object]]:
        """The aggregator, and an encoder that learns."""
        rate = self.config.learning_rate
        groups: list[dict[str, object]] = [{"params": list(self.student.aggregator.parameters()), "lr": rate}]
        known = [p for p in self.student.encoder.stages.parameters() if p.requires_grad]
        if known:
            slow = ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
            groups.append({"params": known, "lr": rate * slow})
        return groups

    def losses(self, batch: Batch) -> Losses:
        """Tags, half of the highest tiles and half of the bags; and marks."""
        counts_Bgk = self._counting(batch)
        answer = self.student(self.student.encoder.normalise(batch.jittered_BHWC), counts_Bgk)
        present_BC, absent_BC = self._told(batch)
        scores_BCgk = _on_grid(answer.scores_BNC, counts_Bgk)
        size = (batch.valid_Bhw.shape[1], batch.valid_Bhw.shape[2])
        parts = self._marks(from_cells(hold_at_zero(scores_BCgk, self.background), self._side, size), batch)
        share = speaking_share(batch.progress)
        highest_BC = top_scores(answer.scores_BNC, counts_Bgk.flatten(1), share=share)
        parts["tiles"] = 0.5 * tag_margin(highest_BC, present_BC, absent_BC)
        parts["bags"] = 0.5 * tag_margin(answer.logits_BC, present_BC, absent_BC)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def _counting(self, batch: Batch) -> Tensor:
        """Bool (B, g, k): tiles that lie mostly in the picture, without those dropped in this step."""
        inside = to_cells(batch.valid_Bhw[:, None].float(), self._side)[:, 0] >= 0.5
        inside = inside | ~inside.flatten(1).any(dim=1)[:, None, None]
        kept = inside & (torch.rand(inside.shape) >= TILE_DROPOUT).to(inside.device)
        return torch.where(kept.flatten(1).any(dim=1)[:, None, None], kept, inside)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Heat of the averaged network as probabilities."""
        images = self.teacher.encoder.normalise(rgb_BHWC)
        rows, columns = self.teacher.grid(images.shape[2], images.shape[3])
        counts_Bgk = torch.ones(len(images), rows, columns, dtype=torch.bool, device=images.device)
        logits_BCgk = _on_grid(heat(self.teacher(images, counts_Bgk), self.config.heat), counts_Bgk)
        probabilities = torch.softmax(hold_at_zero(logits_BCgk, self.background), dim=1)
        size = (images.shape[2] // OUTPUT_STRIDE, images.shape[3] // OUTPUT_STRIDE)
        return from_cells(probabilities, self._side, size)


def heat(answer: BagAnswer, kind: str) -> Tensor:
    """Logits (B, N, C) of tiles: their scores, or those of (attention by its highest) x (likelihood of the bag)."""
    if kind == "scores":
        return answer.scores_BNC
    peak_B1C = answer.attention_BNC.amax(dim=1, keepdim=True)
    likely = answer.attention_BNC / peak_B1C * torch.sigmoid(answer.logits_BC)[:, None]
    return torch.logit(likely.clamp(_EPS, 1 - _EPS))


def _on_grid(values_BNC: Tensor, like_Bgk: Tensor) -> Tensor:
    """(B, N, C) -> (B, C, g, k)."""
    return values_BNC.transpose(1, 2).reshape(len(values_BNC), -1, *like_Bgk.shape[1:])
