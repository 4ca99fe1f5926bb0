"""The judge of crops, and the network that finds boxes and says what is in them and in the whole image.

Shape letters: B images, N boxes, K classes of objects, S side of a crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision import ops

from models_zoo.detection.boxes import clip, with_area
from models_zoo.networks.box_classifier import BoxClassifier, box_pool, read_boxes
from models_zoo.networks.detector import LEVELS, WIDTH, Detector
from models_zoo.networks.encoders import Encoder
from models_zoo.networks.tag_classifier import TagClassifier

CONTEXTS = (0.1, 0.15, 0.2)
"""How much of its sides a crop shows around a box on each side."""
_CHUNK = 96
_HIDDEN = 128
_APART = 0.3
"""A box that overlaps no object by this IoU shows none."""
_TRIES = 8


class CropJudge(nn.Module):
    """Says which class a crop shows, or none; it sees crops of images and nothing of the detector."""

    def __init__(self, encoder: Encoder, num_classes: int, side: int) -> None:
        """Takes the encoder over; give it one of its own."""
        super().__init__()
        self.side, self.num_classes = side, num_classes
        self.classifier = TagClassifier(encoder, num_classes + 1)

    def forward(self, crops_NCSS: Tensor) -> Tensor:
        """Normalised crops (`crops`) -> logits (N, K + 1)."""
        logits: Tensor = self.classifier(crops_NCSS)[0]
        return logits.float()

    def crops(self, rgb_BHWC: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """The insides of each image's boxes (N, 3, S, S), normalised, image by image."""
        images = self.classifier.encoder.normalise(rgb_BHWC)
        found: Tensor = ops.roi_align(images, list(boxes), self.side, sampling_ratio=2, aligned=True)
        return found.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def believe(self, rgb_1HWC: Tensor, boxes_N4: Tensor, size: tuple[int, int]) -> Tensor:
        """Probabilities (N, K + 1) of one image's boxes: the mean over three contexts, each also mirrored."""
        views = torch.cat([clip(grown(boxes_N4, context), size) for context in CONTEXTS])
        parts = []
        for some in torch.split(views, _CHUNK):
            crops = self.crops(rgb_1HWC, [some])
            parts.append(torch.softmax(self(crops), dim=1) + torch.softmax(self(crops.flip(3)), dim=1))
        return torch.cat(parts).view(len(CONTEXTS), len(boxes_N4), -1).mean(dim=0) / 2


class FusedNetwork(nn.Module):
    """A detector of objects of any class, and two heads on its maps: what a box shows, and what the image shows."""

    def __init__(self, encoder: Encoder, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.detector = Detector(encoder, 1)
        self.pool = box_pool()
        self.of_box = BoxClassifier(num_classes)
        self.of_image = nn.Sequential(
            nn.Linear(len(LEVELS) * WIDTH, _HIDDEN), nn.ReLU(inplace=True), nn.Linear(_HIDDEN, num_classes + 1)
        )

    def box_logits(self, maps: Sequence[Tensor], boxes: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Logits (N, K + 1) of each image's boxes, image by image, on maps of a canvas (width, height)."""
        if not sum(len(part) for part in boxes):
            return maps[0].new_zeros((0, self.num_classes + 1), dtype=torch.float32)
        logits: Tensor = self.of_box(read_boxes(self.pool, maps, boxes, size))
        return logits.float()

    def image_logits(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits (B, K + 1) of whole images, from the means of their maps."""
        logits: Tensor = self.of_image(torch.cat([level.float().mean(dim=(2, 3)) for level in maps], dim=1))
        return logits.float()


def grown(boxes_N4: Tensor, share: float) -> Tensor:
    """Boxes whose every side is pushed out by a share of their width or height."""
    out = share * (boxes_N4[:, 2:] - boxes_N4[:, :2])
    return torch.cat([boxes_N4[:, :2] - out, boxes_N4[:, 2:] + out], dim=1)


def shaken(boxes_N4: Tensor, size: tuple[int, int]) -> Tensor:
    """Each box at 0.8 to 1.25 of its size, its middle shifted by up to a fifth of its sides, and some context; cut."""
    noise = torch.rand((len(boxes_N4), 4)).to(boxes_N4)
    sides = boxes_N4[:, 2:] - boxes_N4[:, :2]
    middles = (boxes_N4[:, 2:] + boxes_N4[:, :2]) / 2 + 0.4 * (noise[:, :2] - 0.5) * sides
    context = CONTEXTS[0] + (CONTEXTS[-1] - CONTEXTS[0]) * noise[:, 3:]
    half = sides * 0.8 * (1.25 / 0.8) ** noise[:, 2:3] * (0.5 + context)
    return clip(torch.cat([middles - half, middles + half], dim=1), size)


def elsewhere(boxes_N4: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes of the same shapes at other places, at most one each, that show no object (IoU below 0.3 with all)."""
    if not len(boxes_N4):
        return boxes_N4
    noise = torch.rand((_TRIES, len(boxes_N4), 2)).to(boxes_N4)
    sides = boxes_N4[:, 2:] - boxes_N4[:, :2]
    corners = noise * (boxes_N4.new_tensor(size) - sides).clamp(min=0)
    tried = with_area(clip(torch.cat([corners, corners + sides], dim=2).flatten(0, 1), size))
    if not len(tried):
        return tried
    apart = ops.box_iou(tried, boxes_N4).amax(dim=1) < _APART
    return tried[apart][: len(boxes_N4)]
