"""Token contrast: one network learns tags, which of its places belong together, and masks, all at once.

The last layer's tokens grow alike across a picture; those of an earlier one still differ. So a second classifier looks
at the earlier ones, and its class maps say which of the last tokens are to be alike (patch contrast). Pieces of the
picture of which these maps are not sure are drawn to the class token of the whole, pieces of background are pushed away
(piece contrast). Masks are cut out of the earlier maps too. After Ru et al., CVPR 2023.

Shape letters: B batch, C classes, D channels, H height, W width; h = H / 4, w = W / 4; S views that learn.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models_zoo.losses.halves import halved_cross_entropy
from models_zoo.losses.tags import tag_margin
from models_zoo.losses.token_contrast import patch_contrast, piece_contrast
from models_zoo.marks import IGNORE
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES
from models_zoo.methods.base import Batch, Losses, TaskContext
from models_zoo.methods.tag_task import SMOOTHING, TagTask
from models_zoo.methods.toco.heads import LAST, Projection, TokenClassifiers
from models_zoo.methods.toco.info import TocoConfig
from models_zoo.methods.toco.pieces import cut_pieces, draw_corners, may_show_things, piece_side, sureness
from models_zoo.networks.averaging import follow
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE, Segmenter
from models_zoo.networks.tag_classifier import MAP_STRIDE
from models_zoo.seeds.class_maps import to_unit_range
from models_zoo.seeds.labels import coverage, cut_heights

PROJECTION_DECAY = 0.9
_CELLS = MAP_STRIDE // OUTPUT_STRIDE
"""Cells of the output a token is wide."""


@dataclass(frozen=True)
class Seen:
    """What the network itself sees in a batch, without gradients.

    Attributes:
        allowed_BC: bool, classes that may be found.
        maps_BChw: class maps of the earlier tokens, each allowed class from 0 to 1.
        token_BD: class tokens.
    """

    allowed_BC: Tensor
    maps_BChw: Tensor
    token_BD: Tensor


class TocoTraining(TagTask):
    """TrainingTask with one encoder for classifiers and segmenter, both learning from the first step."""

    config: TocoConfig

    def __init__(self, config: TocoConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        encoder = starting_encoder(config.encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        encoder.keep_resolution()
        super().__init__(Segmenter(encoder, context.num_classes), config, context)
        self.classifiers = TokenClassifiers(encoder.channels, context.num_classes, by_mean=not encoder.has_class_token)
        self.projection = Projection(encoder.channels[LAST])
        self.averaged_projection = copy.deepcopy(self.projection).requires_grad_(False)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoder learns slower than what starts from nothing."""
        rate, encoder = self.config.learning_rate, self.student.encoder
        slow = ENCODER_RATE if encoder.is_pretrained else 1.0
        fresh: list[nn.Parameter] = []
        for part in (self.student.decoder, self.student.head, self.classifiers, self.projection):
            fresh += part.parameters()
        known = [p for p in encoder.parameters() if p.requires_grad]
        return [{"params": known, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """Tags and marks all along; from the end of the warm-up what the class maps say."""
        present_BC, absent_BC = self._told(batch)
        encoder = self.student.encoder
        layers, token_BD = encoder.chain(encoder.normalise(batch.jittered_BHWC))
        earlier_BC, last_BC = self.classifiers(layers, valid_tokens(batch))
        parts = {
            name: tag_margin(logits_BC.float(), present_BC, absent_BC, smoothing=SMOOTHING)
            for name, logits_BC in (("tags", last_BC), ("earlier_tags", earlier_BC))
        }
        logits = self.student.head(self.student.decoder(encoder.pyramid(layers))).float()
        # That a class is in no place of an image without it comes with the labels, at their weight.
        drawn = dataclasses.replace(batch, excluded_BChw=batch.excluded_BChw & ~absent_BC[:, :, None, None])
        parts |= self._marks(logits, drawn)
        shown: dict[str, float] = {}
        if batch.progress >= self.config.warm_up:
            seen = self.look(batch, present_BC, absent_BC)
            labels = self.cut_labels(seen.maps_BChw, batch, seen.allowed_BC, absent_BC)
            parts["seeds"] = self.config.seed_weight * halved_cross_entropy(logits, labels, background=self.background)
            shown["ignored_share"] = coverage(labels, background=self.background)[2]
            parts |= self._contrasts(batch, seen, absent_BC, layers[LAST].float(), token_BD)
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: float(value.detach()) for name, value in parts.items()} | shown)

    @torch.no_grad()
    def look(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> Seen:
        """Class maps and tokens of the pictures in their own colours, in evaluation mode."""
        was_training = self.training
        self.eval()
        encoder = self.student.encoder
        images = encoder.normalise(batch.rgb_BHWC)
        layers, token_BD = encoder.chain(images)
        _, logits_BC = self.classifiers(layers, valid_tokens(batch))
        allowed_BC = self.allowed(batch, (present_BC, absent_BC), images, lambda _: logits_BC)
        size = (batch.valid_Bhw.shape[1], batch.valid_Bhw.shape[2])
        maps = self.over_views(lambda view: self.classifiers.maps(encoder.chain(view)[0]), images, size)
        self.train(was_training)
        return Seen(allowed_BC, to_unit_range(maps, allowed_BC, batch.valid_Bhw), token_BD)

    def _contrasts(
        self, batch: Batch, seen: Seen, absent_BC: Tensor, last_BDhw: Tensor, token_BD: Tensor
    ) -> dict[str, Tensor]:
        """Patches and pieces, as far as the settings want them."""
        config = self.config
        parts: dict[str, Tensor] = {}
        if config.patch_contrast:
            labels = self.token_labels(batch, seen, absent_BC)
            parts["patches"] = config.patch_contrast * patch_contrast(last_BDhw, labels)
        if config.piece_contrast:
            parts["pieces"] = config.piece_contrast * self._piece_contrast(batch, seen, token_BD)
        return parts

    @torch.no_grad()
    def token_labels(self, batch: Batch, seen: Seen, absent_BC: Tensor) -> Tensor:
        """Class positions (B, H / 16, W / 16) of the tokens by the earlier maps, `IGNORE` where these are not sure.

        What people drew replaces them. A picture in which nothing is to be found would make its places all alike,
        whatever they show: it teaches no pairs.
        """
        labels = self.cut_labels(seen.maps_BChw, batch, seen.allowed_BC, absent_BC, refiner="none")
        labels = labels[:, _CELLS // 2 :: _CELLS, _CELLS // 2 :: _CELLS].clone()
        labels[~seen.allowed_BC.any(dim=1)] = IGNORE
        drawn = F.avg_pool2d(batch.targets_BChw, _CELLS)
        return torch.where(drawn.sum(dim=1) > 0, drawn.argmax(dim=1), labels)

    def _piece_contrast(self, batch: Batch, seen: Seen, token_BD: Tensor) -> Tensor:
        """Class tokens of pieces and of the whole, against those of the whole that an averaged projection describes."""
        encoder = self.student.encoder
        with torch.no_grad():
            side = piece_side(min(batch.rgb_BHWC.shape[1:3]))
            code, valid = self.sureness(batch, seen), batch.valid_Bhw
            corners = draw_corners(code, valid, self.config.pieces, side)
            positive = may_show_things(code, valid, corners, side)
            teaching = torch.stack([self.averaged_projection(token) for token in (token_BD.detach(), seen.token_BD)])
        pieces = cut_pieces(encoder.normalise(batch.jittered_BHWC), corners, side)
        _, piece_tokens = encoder.chain(pieces)
        learning = self.projection(torch.cat([token_BD, piece_tokens]))
        learning = learning.view(1 + self.config.pieces, len(token_BD), -1)
        is_positive = torch.cat([torch.ones_like(positive[:1]), positive])
        return piece_contrast(teaching.float(), learning.float(), is_positive, seen.allowed_BC.any(dim=1))

    def sureness(self, batch: Batch, seen: Seen) -> Tensor:
        """How sure each cell (B, h, w) is to show a thing, by the earlier maps and by what people drew."""
        low_B, high_B = cut_heights(seen.maps_BChw, self.seed_rule())
        height = seen.maps_BChw.amax(dim=1)
        return sureness(
            height, batch.targets_BChw, low=low_B[:, None, None], high=high_B[:, None, None], background=self.background
        )

    def after_step(self, step: int) -> None:
        """Move the averaged segmenter and the averaged projection."""
        super().after_step(step)
        follow(self.averaged_projection, self.projection, step=step, decay=PROJECTION_DECAY)


def valid_tokens(batch: Batch) -> Tensor:
    """Bool (B, H / 16, W / 16): tokens that lie mostly in the picture."""
    return F.avg_pool2d(batch.valid_Bhw[:, None].float(), _CELLS)[:, 0] >= 0.5
