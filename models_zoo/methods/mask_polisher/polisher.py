"""Mending a model's scores with a trained polisher.

Shape letters: C classes, H, W the picture; y, x half of the polisher's working copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models_zoo.data.dataset import fit_size, resize_rgb
from models_zoo.engine import checkpoint
from models_zoo.engine.seeding import choose_device
from models_zoo.errors import TrainingError
from models_zoo.info import parse_config
from models_zoo.methods.base import TaskContext
from models_zoo.methods.mask_polisher.info import INFO, MaskPolisherConfig
from models_zoo.methods.mask_polisher.network import OUTPUT_STRIDE, PolishNet, frozen_features
from models_zoo.methods.mask_polisher.training import MaskPolishing
from models_zoo.networks.encoders import Encoder, pad_to_multiple

FloatArray = npt.NDArray[np.float32]
_LEAST = 1e-6


@dataclass(frozen=True)
class Mended:
    """Scores of each class after polishing, both float32 (C, y, x) and summing to 1 over C.

    Attributes:
        scores: the best one is the pixel's class.
        probabilities: how probable each class is, calibrated.
    """

    scores: FloatArray
    probabilities: FloatArray


class MaskPolisher:
    """A trained polisher; make one with `load_polisher`."""

    def __init__(
        self, encoder: Encoder, net: PolishNet, *, image_size: int, temperature: float, device: torch.device
    ) -> None:
        self._encoder, self._net, self._device = encoder, net, device
        self.image_size = image_size
        self.temperature = temperature

    @torch.no_grad()
    def logits(self, rgb: npt.NDArray[np.uint8], scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logits of mask and probability, (C, y, x) each, for a picture (H, W, 3) and scores (C, any, any)."""
        size = fit_size(rgb.shape[1], rgb.shape[0], self.image_size)
        half = -(-size[0] // OUTPUT_STRIDE), -(-size[1] // OUTPUT_STRIDE)
        images = torch.from_numpy(resize_rgb(rgb, size))[None].permute(0, 3, 1, 2).float()
        padded = pad_to_multiple(images).round().byte().permute(0, 2, 3, 1).to(self._device)
        features = frozen_features(self._encoder, padded)
        enlarged = np.stack([cv2.resize(part, half, interpolation=cv2.INTER_LINEAR) for part in scores])
        sure = enlarged.max(axis=0) / np.maximum(enlarged.sum(axis=0), _LEAST)
        best = enlarged.argmax(axis=0)
        found = []
        bottom, right = padded.shape[1] // OUTPUT_STRIDE - half[1], padded.shape[2] // OUTPUT_STRIDE - half[0]
        for number in range(len(scores)):
            guides = np.stack([best == number, sure]).astype(np.float32)
            guides = np.pad(guides, ((0, 0), (0, bottom), (0, right)), mode="edge")
            pair = self._net(features, torch.from_numpy(guides)[None].to(self._device))
            found.append([part[0, : half[1], : half[0]].float().cpu().numpy() for part in pair])
        masks, probabilities = (np.stack(part).astype(np.float32) for part in zip(*found, strict=True))
        return masks, probabilities

    def __call__(self, rgb: npt.NDArray[np.uint8], scores: FloatArray) -> Mended:
        """Mend the scores (C, any size) of a picture, uint8 (H, W, 3)."""
        masks, probabilities = self.logits(rgb, scores)
        return Mended(joined(masks), joined(probabilities / self.temperature))


def joined(logits: FloatArray) -> FloatArray:
    """Every class's own probability (C, y, x) made to sum to 1."""
    p = 1 / (1 + np.exp(-np.clip(logits, -30, 30))) + _LEAST
    return np.asarray(p / p.sum(axis=0), np.float32)


def load_polisher(weights_dir: Path, device: str = "auto") -> MaskPolisher:
    """Load the weights that a training wrote.

    Raises:
        TrainingError: missing, damaged, of another method, or with values that are not numbers.
    """
    try:
        tensors, manifest = checkpoint.load_folder(weights_dir)
    except checkpoint.CheckpointError as error:
        raise TrainingError(f"the mask polisher cannot be used: {error}") from error
    if manifest.get("method") != INFO.name:
        raise TrainingError(f"these weights were trained by {manifest.get('method')!r}: give those of a mask polisher")
    if any(not torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise TrainingError("the mask polisher's weights hold values that are not numbers; train it again")
    config = parse_config(INFO, dict(manifest["config"]))  # type: ignore[call-overload]
    assert isinstance(config, MaskPolisherConfig)
    task = MaskPolishing(config, TaskContext(num_classes=2, class_weights_C=torch.ones(2), seed=0), pretrained=False)
    try:
        task.load_weights(tensors, strict=True)
    except RuntimeError as error:
        raise TrainingError(f"the mask polisher cannot be used: {error}") from error
    chosen = choose_device(device)
    task.to(chosen).eval()
    return MaskPolisher(
        task.encoder,
        task.teacher,
        image_size=int(str(manifest["image_size"])),
        temperature=float(task.get_buffer("temperature")),
        device=chosen,
    )
