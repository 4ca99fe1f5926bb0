"""The image-text model beside a method's own network: what it learns, what a checkpoint keeps of it, who may be found.

Shape letters: B batch, C classes, E shared channels, T texts, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models_zoo.losses.tags import tag_margin
from models_zoo.methods.averaged_training import ENCODER_RATE, FROZEN_STAGES
from models_zoo.methods.base import Batch, TaskContext
from models_zoo.methods.tag_task import SMOOTHING
from models_zoo.networks.image_text.choosing import build_image_text
from models_zoo.networks.image_text.learnt import LearntImageText
from models_zoo.networks.image_text.types import ImageText

LEARN_WORDS = 0.4
"""Share of the training in which the learnt model learns the tags; then it rests."""


class TextModel(nn.Module):
    """Holds the model of a training; `model` is None where weights are only loaded to predict.

    Attributes:
        names: of the classes, by position.
    """

    model: ImageText | None

    def __init__(self, name: str, encoder: str, context: TaskContext, *, pretrained: bool) -> None:
        """Raises ImageTextError and EncoderError as `build_image_text`."""
        super().__init__()
        self.model = build_image_text(name, encoder=encoder, pretrained=pretrained, frozen_stages=FROZEN_STAGES)
        self.background = context.background
        self.names = context.class_names or tuple(f"class {number}" for number in range(context.num_classes))

    @property
    def rests_from(self) -> float:
        """Share of the training after which it has learnt what it will."""
        return LEARN_WORDS if isinstance(self.model, LearntImageText) else 0.0

    def asked(self) -> ImageText:
        """The model; a training always has one."""
        if self.model is None:
            raise RuntimeError("an image-text model is only there in training")
        return self.model

    def parameter_groups(self, rate: float) -> list[dict[str, object]]:
        """Those that learn; the encoder slower than what starts from nothing."""
        model = self.model
        if not isinstance(model, LearntImageText):
            return []
        slow = ENCODER_RATE if model.encoder.is_pretrained else 1.0
        known = [p for p in model.encoder.parameters() if p.requires_grad]
        fresh = [*model.project.parameters(), *model.words.parameters()]
        return [{"params": known, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def learnt_texts(self) -> Tensor:
        """What the learnt model compares places with, (T, E): class names, and zeros for "nothing of all that".

        The zeros stand at the background class's position, or last where there is no such class.
        """
        texts_CE = self.asked().texts(self.names)
        if self.background is None:
            return torch.cat([texts_CE, torch.zeros_like(texts_CE[:1])])
        is_ground = torch.arange(len(texts_CE), device=texts_CE.device) == self.background
        return texts_CE.masked_fill(is_ground[:, None], 0.0)

    def tag_loss(self, batch: Batch, present_BC: Tensor, absent_BC: Tensor) -> Tensor:
        """What the learnt model learns."""
        model = self.asked()
        assert isinstance(model, LearntImageText)
        texts_CE = self.learnt_texts()[: present_BC.shape[1]]
        logits_BC = model.logits(model.normalise(batch.jittered_BHWC), texts_CE)
        return tag_margin(logits_BC.float(), present_BC, absent_BC, smoothing=SMOOTHING)

    def picture_logits(self, images_BCHW: Tensor, texts_TE: Tensor, num_classes: int) -> Tensor:
        """Above 0 for classes (B, C) that a picture is believed to show.

        Of a CLIP: those that suit the picture better than every text that comes after the classes'.
        """
        model = self.asked()
        if isinstance(model, LearntImageText):
            return model.logits(images_BCHW, texts_TE[:num_classes])
        likeness_BT = model.encode(images_BCHW).picture_BE @ texts_TE.T
        return likeness_BT[:, :num_classes] - likeness_BT[:, num_classes:].amax(dim=1, keepdim=True)

    def without_clip(self, state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """A checkpoint's state without what never changes and lies in a file of its own."""
        return {name: value for name, value in state.items() if not self._rests(name, prefix)}

    def with_clip(self, state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """The way back."""
        own = {f"{prefix}{name}": value for name, value in self.state_dict().items()}
        return {name: value for name, value in own.items() if self._rests(name, prefix)} | dict(state)

    def _rests(self, name: str, prefix: str) -> bool:
        return name.startswith(prefix) and not isinstance(self.model, LearntImageText)
