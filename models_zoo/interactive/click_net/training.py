"""Teaching the click network: clicks are simulated, corrections follow the network's own mistakes.

Shape letters: B batch, C two positions (all else, the object), H canvas height, W canvas width; h = H / 4, w = W / 4.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models_zoo.interactive.click_net.clicks import Clicks, draw, first_clicks, next_click, no_places
from models_zoo.interactive.click_net.info import ClickNetConfig
from models_zoo.interactive.click_net.network import ClickNet
from models_zoo.losses.normalised_focal import normalised_focal
from models_zoo.methods.base import Batch, Losses, Schedule, TaskContext, schedule_by_effort
from models_zoo.networks.averaging import follow, load_pair
from models_zoo.networks.encoders import starting_encoder
from models_zoo.networks.segmenter import OUTPUT_STRIDE
from models_zoo.simulation.strokes import BoolArray

_ENCODER_RATE = 0.3
_EPOCHS = {"quick": 15.0, "normal": 60.0, "thorough": 180.0}
_STEPS = {"quick": (100, 400), "normal": (400, 4000), "thorough": (1200, 20000)}
_MASK_FIRST = 0.1
"""How often the first answer already starts from a mask, so that another method's mask can be improved on."""
THRESHOLD = 0.49


class ClickTraining(nn.Module):
    """TrainingTask; what is kept is the averaged copy."""

    def __init__(self, config: ClickNetConfig, context: TaskContext, *, pretrained: bool = True) -> None:
        """Build the network; `pretrained=False` leaves the encoder random, for weights loaded afterwards."""
        super().__init__()
        self.config = config
        self._num_classes = context.num_classes
        encoder = starting_encoder(config.encoder, pretrained=pretrained)
        if encoder.is_pretrained:
            encoder.freeze_stages(encoder.trunk_stages)
        self.student = ClickNet(encoder).to(memory_format=torch.channels_last)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False).eval()

    def module(self) -> nn.Module:
        """This task is its own module."""
        return self

    def schedule(self, num_images: int) -> Schedule:
        """Epochs by effort within bounds, unless `steps` says exactly how many."""
        return schedule_by_effort(self.config, num_images, epochs=_EPOCHS, bounds=_STEPS)

    def parameter_groups(self) -> list[dict[str, object]]:
        """The encoder learns slower than what starts from nothing."""
        rate = self.config.learning_rate
        encoder = [p for p in self.student.encoder.parameters() if p.requires_grad]
        known = {id(p) for p in self.student.encoder.parameters()}
        fresh = [p for p in self.student.parameters() if id(p) not in known]
        slow = _ENCODER_RATE if self.student.encoder.is_pretrained else 1.0
        return [{"params": encoder, "lr": rate * slow}, {"params": fresh, "lr": rate}]

    def losses(self, batch: Batch) -> Losses:
        """Click, answer and correct without learning; then learn from the answer to all the clicks."""
        trunk = self.student.trunk(self.student.encoder.normalise(batch.jittered_BHWC))
        target_Bhw = batch.targets_BChw[:, 1]
        # The loop keeps torch's random state in its checkpoints, so the clicks' generator starts from there.
        rng = np.random.default_rng(int(torch.randint(2**31 - 1, ())))
        truth = _Truth(target_Bhw, batch.valid_Bhw, rng)
        for _ in range(int(rng.integers(self.config.max_corrections + 1))):
            with torch.no_grad():
                truth.correct(torch.sigmoid(self.student(trunk, truth.guides(trunk.device)).float()))
        logits = self.student(trunk, truth.guides(trunk.device)).float()
        loss = normalised_focal(logits, target_Bhw, batch.valid_Bhw)
        return Losses(loss, {"clicks": float(loss.detach()), "iou": truth.iou(torch.sigmoid(logits.detach()))})

    def after_step(self, step: int) -> None:
        """Move the averaged copy."""
        follow(self.teacher, self.student, step=step, decay=self.config.ema_decay)

    @torch.no_grad()
    def predict(self, rgb_BHWC: Tensor) -> Tensor:
        """What it thinks before anybody clicked: nearly all of it the first class, usually the background."""
        images = self.teacher.encoder.normalise(rgb_BHWC)
        logits = self.teacher(self.teacher.trunk(images), torch.zeros_like(images))
        object_Bhw = torch.sigmoid(logits.float())
        others = [object_Bhw / max(1, self._num_classes - 1)] * (self._num_classes - 1)
        return torch.stack([1 - object_Bhw, *others], dim=1)

    def weights(self) -> dict[str, Tensor]:
        """State of the averaged copy."""
        return dict(self.teacher.state_dict())

    def load_weights(self, weights: Mapping[str, Tensor], *, strict: bool) -> None:
        """Set both copies; without `strict` only entries of the same name and shape."""
        load_pair(self.teacher, self.student, weights, strict=strict)

    def checkpoint(self) -> dict[str, Tensor]:
        """Both copies."""
        return dict(self.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `checkpoint` gave."""
        self.load_state_dict(dict(state))


class _Truth:
    """The objects of a batch with the clicks made on them so far and the last answer."""

    def __init__(self, target_Bhw: Tensor, valid_Bhw: Tensor, rng: np.random.Generator) -> None:
        self._rng = rng
        self._targets: list[BoolArray] = list((target_Bhw > 0.5).cpu().numpy())
        self._valid: list[BoolArray] = list(valid_Bhw.cpu().numpy())
        self._clicks: list[Clicks] = []
        previous = np.zeros(target_Bhw.shape, np.float32)
        for number, (target, valid) in enumerate(zip(self._targets, self._valid, strict=True)):
            clicks = first_clicks(rng, target, valid, OUTPUT_STRIDE)
            if rng.random() < _MASK_FIRST:
                previous[number], clicks = self._from_mask(target, valid, clicks)
            self._clicks.append(clicks)
        self._previous = torch.from_numpy(previous)

    def _from_mask(self, target: BoolArray, valid: BoolArray, clicks: Clicks) -> tuple[npt.NDArray[np.float32], Clicks]:
        """The true mask, half the time grown or shrunk, and a click only where that is wrong."""
        import cv2

        if self._rng.random() < 0.5:
            return target.astype(np.float32), clicks
        reach = int(self._rng.integers(1, 5))
        change = cv2.dilate if self._rng.random() < 0.5 else cv2.erode
        mask = np.asarray(change(target.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)), np.bool_)
        found = next_click(mask, target, valid, self._rng)
        if found is not None:
            clicks = Clicks(no_places(), no_places()).with_click(found[0] * OUTPUT_STRIDE, is_positive=found[1])
        return mask.astype(np.float32), clicks

    def guides(self, device: torch.device) -> Tensor:
        """(B, 3, H, W): the clicks as discs, and the last answer."""
        height, width = (OUTPUT_STRIDE * size for size in self._previous.shape[-2:])
        discs = torch.from_numpy(np.stack([draw(clicks, width, height) for clicks in self._clicks]))
        last = nn.functional.interpolate(
            self._previous[:, None], size=(height, width), mode="bilinear", align_corners=False
        )
        return torch.cat([discs, last], dim=1).to(device)

    def correct(self, answer_Bhw: Tensor) -> None:
        """Click into the largest mistake of each answer, and remember the answer."""
        self._previous = answer_Bhw.cpu()
        for number, predicted in enumerate((self._previous > THRESHOLD).numpy()):
            found = next_click(predicted, self._targets[number], self._valid[number], self._rng)
            if found is not None:
                place, is_positive = found[0] * OUTPUT_STRIDE, found[1]
                self._clicks[number] = self._clicks[number].with_click(place, is_positive=is_positive)

    def iou(self, answer_Bhw: Tensor) -> float:
        """Mean over the batch's objects, for the curve."""
        scores = []
        for predicted, target, valid in zip(
            (answer_Bhw.cpu() > THRESHOLD).numpy(), self._targets, self._valid, strict=True
        ):
            union = np.count_nonzero((predicted | target) & valid)
            scores.append(np.count_nonzero(predicted & target & valid) / union if union else 1.0)
        return float(np.mean(scores))
