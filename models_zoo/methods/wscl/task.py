"""Several streams, one picture, one tag: each stream's map learns the tag, and what all of them agree on.

Shape letters: B batch, C classes, D channels, H height, W width; h = H / 4, w = W / 4; g = H / 16, k = W / 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models_zoo.losses.otsu_pooling import otsu_pool
from models_zoo.losses.self_consistency import agreed_map, map_agreement, pair_agreement, ramp
from models_zoo.losses.tags import tag_cross_entropy
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES, AveragedTraining
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.wscl.info import WsclConfig
from models_zoo.methods.wscl.network import Streams, pair_side
from models_zoo.networks.cells import from_cells, to_cells
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE
from models_zoo.networks.tag_classifier import MAP_STRIDE

_SIDE = MAP_STRIDE // OUTPUT_STRIDE


@dataclass(frozen=True)
class _Known:
    """What is known of a batch on the grid of the maps: tags without the background, places inside, what was drawn."""

    present_BC: Tensor
    absent_BC: Tensor
    valid_Bgk: Tensor
    drawn_BCgk: Tensor
    excluded_BCgk: Tensor


class WsclTraining(AveragedTraining):
    """TrainingTask; predictions are the mean of the averaged streams' maps."""

    config: WsclConfig
    student: Streams
    teacher: Streams

    def __init__(self, config: WsclConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the streams; `pretrained=False` leaves encoders random, for weights loaded afterwards.

        Trained weights know colours: in streams of noise all of the encoder learns.
        """
        encoders = {
            name: starting_encoder(
                config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES if name == "rgb" else 0
            )
            for name in config.streams.split()
        }
        super().__init__(Streams(encoders, context.num_classes, context.background), config, context)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoders learn slower than what starts from nothing."""
        rate = self.config.learning_rate
        encoders = [stream.encoder for stream in self.student.named().values()]
        slow = ENCODER_RATE if encoders[0].is_pretrained else 1.0
        known = [p for encoder in encoders for p in encoder.parameters() if p.requires_grad]
        theirs = {id(p) for encoder in encoders for p in encoder.parameters()}
        fresh = [p for p in self.student.parameters() if id(p) not in theirs]
        return [{"params": known, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """Tags and marks of each stream, and both kinds of agreement as they come to count."""
        views = {name: batch.jittered_BHWC if name == "rgb" else batch.rgb_BHWC for name in self.student.named()}
        found = self.student(views)
        logits = {name: logits_BCgk for name, (logits_BCgk, _) in found.items()}
        known = self._known(batch)
        parts: dict[str, Tensor] = {}
        for logits_BCgk in logits.values():
            enlarged = from_cells(logits_BCgk, _SIDE, (batch.valid_Bhw.shape[1], batch.valid_Bhw.shape[2]))
            for name, part in self._marks(enlarged, batch).items():
                parts[name] = parts[name] + part if name in parts else part
        scores = [image_scores(torch.sigmoid(each), known.valid_Bgk) for each in logits.values()]
        parts["tags"] = torch.stack([tag_cross_entropy(s, known.present_BC, known.absent_BC) for s in scores]).sum()
        agreed_BCgk = self._agreed(logits, known)
        rise = ramp(batch.progress)
        if self.config.stream_agreement:
            told_BC = known.present_BC | known.absent_BC
            maps = [torch.sigmoid(each) for each in logits.values()]
            energies = [map_agreement(each, agreed_BCgk, told_BC, known.valid_Bgk) for each in maps]
            parts["streams"] = self.config.stream_agreement * rise * torch.stack(energies).sum()
        if self.config.place_agreement:
            features = {name: features for name, (_, features) in found.items()}
            parts["places"] = self.config.place_agreement * rise * self._places(features, agreed_BCgk, known)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()})

    def _known(self, batch: Batch) -> _Known:
        present_BC, absent_BC = self._told(batch)
        return _Known(
            present_BC,
            absent_BC,
            to_cells(batch.valid_Bhw[:, None].float(), _SIDE)[:, 0] >= 0.5,
            to_cells(batch.targets_BChw, _SIDE),
            to_cells(batch.excluded_BChw.float(), _SIDE) > 0.5,
        )

    @torch.no_grad()
    def _agreed(self, logits: dict[str, Tensor], known: _Known) -> Tensor:
        """Where each class is, as all streams have it; where people spoke, as they have it. Bool (B, C, g, k)."""
        shares = self.student.shares()
        mean = torch.stack([shares[name] * torch.sigmoid(each) for name, each in logits.items()]).sum(dim=0)
        agreed = agreed_map(mean, known.present_BC, known.valid_Bgk) & ~known.excluded_BCgk
        mass_B1gk = known.drawn_BCgk.sum(dim=1, keepdim=True)
        agreed = torch.where(mass_B1gk > 0, known.drawn_BCgk > mass_B1gk / 2, agreed)
        return agreed & self._things(agreed).view(1, -1, 1, 1)

    def _places(self, features: dict[str, Tensor], agreed_BCgk: Tensor, known: _Known) -> Tensor:
        """Whether pairs of places differ, of all streams; only in pictures of which every tag is known."""
        side = pair_side((agreed_BCgk.shape[2], agreed_BCgk.shape[3]))
        agreed = to_cells(agreed_BCgk.float(), side) > 0.5
        valid_Bgk = to_cells(known.valid_Bgk[:, None].float(), side)[:, 0] >= 0.5
        told_BC = known.present_BC | known.absent_BC
        known_B = told_BC[:, self._things(told_BC)].all(dim=1)
        energies = [
            pair_agreement(stream.differences(to_cells(features[name], side)), agreed, known_B, valid_Bgk)
            for name, stream in self.student.named().items()
        ]
        return torch.stack(energies).sum()

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """Mean of the averaged streams' maps, enlarged."""
        shares = self.teacher.shares()
        found = self.teacher(dict.fromkeys(shares, rgb_BHWC))
        maps = [shares[name] * torch.softmax(logits, dim=1) for name, (logits, _) in found.items()]
        size = (rgb_BHWC.shape[1] // OUTPUT_STRIDE, rgb_BHWC.shape[2] // OUTPUT_STRIDE)
        return from_cells(torch.stack(maps).sum(dim=0), _SIDE, size)


def image_scores(maps_BCgk: Tensor, valid_Bgk: Tensor) -> Tensor:
    """How likely each picture shows each class, (B, C): `otsu_pool` of its map inside of the picture."""
    scores = [
        otsu_pool(maps_Cgk[:, valid_gk] if valid_gk.any() else maps_Cgk.flatten(1))
        for maps_Cgk, valid_gk in zip(maps_BCgk, valid_Bgk, strict=True)
    ]
    return torch.stack(scores)
