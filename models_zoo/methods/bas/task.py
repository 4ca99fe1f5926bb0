"""Tags and foreground maps, then masks: what must be erased of a picture for its class to go.

A generator proposes a foreground map a class from the classifier's features of stride 16. Three losses shape it for one
present class an image, drawn anew each time: without the foreground the class is no longer seen (suppression), with it
alone it is (guidance), and the map is small (area). The maps become labels as class maps do in `cam`.

Shape letters: B batch, N images of it that are learnt from, C classes, D channels, H height, W width;
h = H / 16, w = W / 16.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models_zoo.losses.background_suppression import LEAST_LOGIT, background_suppression
from models_zoo.losses.tags import tag_contest
from models_zoo.methods.bas.foreground import GENERATOR_STRIDE, MapGenerator, erased_logits
from models_zoo.methods.bas.info import BasConfig
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.tag_task import SMOOTHING
from models_zoo.methods.tag_training import TagTraining
from models_zoo.seeds.class_maps import to_unit_peak


class BasTraining(TagTraining):
    """TrainingTask with a generator of foreground maps beside the classifier."""

    config: BasConfig

    def __init__(self, config: BasConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """As `TagTraining`."""
        super().__init__(config, context, pretrained=pretrained)
        self.generator = MapGenerator(self.classifier.encoder.channels[GENERATOR_STRIDE], context.num_classes)

    def more_parameters(self) -> list[nn.Parameter]:
        """Those of the generator."""
        return list(self.generator.parameters())

    def preparation(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> dict[str, Tensor]:
        """The tags, and the foreground of one present class an image."""
        logits_BC, layers = self.classifier(self.classifier.encoder.normalise(batch.jittered_BHWC))
        logits_BC = logits_BC.float()
        parts = {"tags": tag_contest(logits_BC, present_BC, absent_BC, smoothing=SMOOTHING)}
        chosen_B = draw_class(present_BC)
        seen_B = present_BC.any(dim=1) & (logits_BC.gather(1, chosen_B[:, None]).squeeze(1) >= LEAST_LOGIT)
        if seen_B.any():
            kept = {stride: maps[seen_B].detach() for stride, maps in layers.items()}
            parts |= self.foreground(kept, logits_BC[seen_B].detach(), chosen_B[seen_B], absent_BC[seen_B])
        return parts

    def foreground(
        self, layers: Mapping[int, Tensor], logits_NC: Tensor, chosen_N: Tensor, absent_NC: Tensor
    ) -> dict[str, Tensor]:
        """The three losses on the map of the chosen class; they teach the generator and nothing else.

        Args:
            layers: what the stages of the classifier's encoder gave, by nominal stride.
            logits_NC: what the classifier says of them.
            chosen_N: a present class an image.
            absent_NC: bool, classes known not to be there.
        """
        at = chosen_N[:, None]
        maps_NChw = self.generator(layers[GENERATOR_STRIDE].detach())
        maps_Nhw = maps_NChw[torch.arange(len(chosen_N), device=chosen_N.device), chosen_N]
        erased_N = erased_logits(self.classifier, layers[GENERATOR_STRIDE], maps_Nhw).float().gather(1, at).squeeze(1)
        scores_NChw = self.classifier.class_maps(layers).detach().float()
        inside_NC = (scores_NChw * maps_Nhw[:, None]).mean(dim=(2, 3))
        is_chosen_NC = torch.zeros_like(absent_NC).scatter_(1, at, True)
        return {
            "suppression": background_suppression(erased_N, logits_NC.gather(1, at).squeeze(1)),
            "guidance": self.config.guidance_weight * tag_contest(inside_NC, is_chosen_NC, absent_NC),
            "area": self.config.area_weight * maps_Nhw.mean(),
        }

    def maps(self, batch: Batch, images_BCHW: Tensor, allowed_BC: Tensor) -> Tensor:
        """Foreground maps over all views, with the class maps added if the settings say so; up to 1 again."""
        size = (int(batch.valid_Bhw.shape[1]), int(batch.valid_Bhw.shape[2]))
        if self.config.add_class_maps and self.config.class_map == "cam":
            found, seen = self.over_views(self.both_maps, images_BCHW, size).chunk(2, dim=1)
            return to_unit_peak(to_unit_peak(found, allowed_BC) + to_unit_peak(seen, allowed_BC), allowed_BC)
        found = to_unit_peak(self.over_views(self.foreground_maps, images_BCHW, size), allowed_BC)
        if not self.config.add_class_maps:
            return found
        return to_unit_peak(found + self.class_maps(images_BCHW, allowed_BC, size), allowed_BC)

    def foreground_maps(self, view_BCHW: Tensor) -> Tensor:
        """Foreground maps (B, C, h, w) of one view, of all classes."""
        maps: Tensor = self.generator(self.classifier(view_BCHW)[1][GENERATOR_STRIDE])
        return maps

    def both_maps(self, view_BCHW: Tensor) -> Tensor:
        """Foreground maps and then class maps (CAM) of one view and of all classes, (B, 2 C, h, w), in one pass."""
        _, layers = self.classifier(view_BCHW)
        return torch.cat([self.generator(layers[GENERATOR_STRIDE]), self.classifier.class_maps(layers)], dim=1)


def draw_class(present_BC: Tensor) -> Tensor:
    """The position of one present class an image, each as likely; 0 where none is present."""
    # Drawn on the CPU: its random state is the one that checkpoints keep.
    drawn_BC = torch.rand(present_BC.shape) * present_BC.cpu()
    return drawn_BC.argmax(dim=1).to(present_BC.device)
