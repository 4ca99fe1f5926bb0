"""A light one-stage detector: FCOS (Tian et al., ICCV 2019) on any of the encoders, made of torchvision's operators.

Shape letters: B images, C channels, H, W canvas, L places of an image on all levels, K classes of objects, N boxes.
Boxes are x0, y0, x1, y1 in pixels of the canvas.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision import ops

from models_zoo.losses.detection import BACKGROUND, OPEN
from models_zoo.networks.encoders import Encoder

LEVELS = (8, 16, 32)
WIDTH = 96
_TOWER = 2
_RADIUS = 1.5
"""Places this many strides around an object's middle learn it."""
_REACH = 6.0
"""A level learns objects whose farthest side is within this many strides, the coarsest also all larger ones."""
_PRIOR = 0.01
_BEFORE_NMS = 1000
_NMS_IOU = 0.6
_MAX_FOUND = 100


@dataclass(frozen=True)
class Answer:
    """What the detector says at each place: class logits (B, L, K), box (B, L, 4), logit of the box's IoU (B, L)."""

    logits_BLK: Tensor
    boxes_BL4: Tensor
    quality_BL: Tensor

    @property
    def scores_BLK(self) -> Tensor:
        """How sure it is of an object of each class with this very box: geometric mean of both probabilities."""
        return torch.sqrt(torch.sigmoid(self.logits_BLK) * torch.sigmoid(self.quality_BL)[..., None])


@dataclass(frozen=True)
class Found:
    """Boxes of one image, surest first: (N, 4), scores (N,) and class positions (N,)."""

    boxes_N4: Tensor
    scores_N: Tensor
    labels_N: Tensor

    def pick(self, chosen: Tensor) -> Found:
        """Those of a mask or list of numbers."""
        return Found(self.boxes_N4[chosen], self.scores_N[chosen], self.labels_N[chosen])


def _tower(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(_TOWER):
        layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Detector(nn.Module):
    """Encoder, feature pyramid of strides 8 to 32, one head for classes and one for boxes; H and W multiples of 32."""

    def __init__(self, encoder: Encoder, num_classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.neck = ops.FeaturePyramidNetwork(
            [encoder.channels[stride] for stride in LEVELS], WIDTH, norm_layer=lambda width: nn.GroupNorm(8, width)
        )
        self.class_tower, self.box_tower = _tower(WIDTH), _tower(WIDTH)
        self.class_head = nn.Conv2d(WIDTH, num_classes, 3, padding=1)
        self.box_head = nn.Conv2d(WIDTH, 4, 3, padding=1)
        self.quality_head = nn.Conv2d(WIDTH, 1, 3, padding=1)
        self.scales = nn.Parameter(torch.ones(len(LEVELS)))
        for head in (self.class_head, self.box_head, self.quality_head):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        # Nearly all places show nothing: start there, or the first steps are spent on learning just that.
        nn.init.constant_(self.class_head.bias, -math.log((1 - _PRIOR) / _PRIOR))  # type: ignore[arg-type]
        # Objects of a level are about two strides from middle to side at first.
        nn.init.constant_(self.box_head.bias, math.log(2.0))  # type: ignore[arg-type]

    def pyramid(self, rgb_BHWC: Tensor) -> list[Tensor]:
        """uint8 images -> maps (B, WIDTH, H / s, W / s) for the strides s of `LEVELS`."""
        features = self.encoder(self.encoder.normalise(rgb_BHWC))
        found: OrderedDict[str, Tensor] = self.neck(OrderedDict((str(s), features[s]) for s in LEVELS))
        return list(found.values())

    def heads(self, maps: list[Tensor]) -> Answer:
        """Maps of `pyramid` -> the answer at all places, level by level, row by row."""
        logits, boxes, quality = [], [], []
        for number, (stride, level) in enumerate(zip(LEVELS, maps, strict=True)):
            about_class, about_box = self.class_tower(level), self.box_tower(level)
            sides = torch.exp((self.box_head(about_box) * self.scales[number]).clamp(max=8.0)) * stride
            middle_l2 = _places(level, stride)
            sides_Bl4 = sides.float().flatten(2).transpose(1, 2)
            boxes.append(torch.cat([middle_l2 - sides_Bl4[..., :2], middle_l2 + sides_Bl4[..., 2:]], dim=2))
            logits.append(self.class_head(about_class).float().flatten(2).transpose(1, 2))
            quality.append(self.quality_head(about_box).float().flatten(1))
        return Answer(torch.cat(logits, dim=1), torch.cat(boxes, dim=1), torch.cat(quality, dim=1))

    def forward(self, rgb_BHWC: Tensor) -> Answer:
        """uint8 images (B, H, W, 3) -> `Answer`."""
        return self.heads(self.pyramid(rgb_BHWC))


def _places(level: Tensor, stride: int) -> Tensor:
    """Middles (x, y) of a map's cells in pixels (l, 2)."""
    rows, columns = level.shape[-2:]
    ys = (torch.arange(rows, device=level.device) + 0.5) * stride
    xs = (torch.arange(columns, device=level.device) + 0.5) * stride
    return torch.stack([xs.repeat(rows), ys.repeat_interleave(columns)], dim=1)


def places(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Middles (L, 2) of all places of a canvas (width, height), and their strides (L,)."""
    middles, strides = [], []
    for stride in LEVELS:
        level = torch.empty((size[1] // stride, size[0] // stride), device=device)
        middles.append(_places(level, stride))
        strides.append(torch.full((level.numel(),), float(stride), device=device))
    return torch.cat(middles), torch.cat(strides)


def assign(boxes_N4: Tensor, labels_N: Tensor, middles_L2: Tensor, strides_L: Tensor) -> tuple[Tensor, Tensor]:
    """What each place is to learn: labels (L,), `BACKGROUND` and `OPEN` among them, and boxes (L, 4).

    A place learns a box that it lies in, near whose middle it is and whose size is that of its level; of several the
    smallest. Boxes labelled `OPEN` leave all places inside them open that learn nothing else.
    """
    labels = torch.full((len(middles_L2),), BACKGROUND, dtype=torch.int64, device=middles_L2.device)
    targets = torch.zeros((len(middles_L2), 4), device=middles_L2.device)
    if not len(boxes_N4):
        return labels, targets
    sides = torch.cat([middles_L2[:, None] - boxes_N4[:, :2], boxes_N4[:, 2:] - middles_L2[:, None]], dim=2)
    inside_LN = sides.amin(dim=2) > 0
    labels[(inside_LN & (labels_N == OPEN)).any(dim=1)] = OPEN
    away = (middles_L2[:, None] - (boxes_N4[:, :2] + boxes_N4[:, 2:]) / 2).abs().amax(dim=2)
    reach, farthest, stride = _REACH * strides_L[:, None], sides.amax(dim=2), strides_L[:, None]
    fits = (farthest >= reach / 2) | (stride == LEVELS[0])
    fits &= (farthest < reach) | (stride == LEVELS[-1])
    fits &= inside_LN & (away < _RADIUS * stride) & (labels_N != OPEN)
    areas = torch.where(fits, ops.box_area(boxes_N4), torch.inf)
    smallest, which = areas.min(dim=1)
    learns = torch.isfinite(smallest)
    labels[learns] = labels_N[which[learns]]
    targets[learns] = boxes_N4[which[learns]]
    return labels, targets


@torch.no_grad()
def find(answer: Answer, sizes: list[tuple[int, int]], *, least: float) -> list[Found]:
    """Boxes with a score of ``least`` or more of each image, at most 100, cut at its (width, height)."""
    found = []
    for scores_LK, boxes_L4, size in zip(answer.scores_BLK, answer.boxes_BL4, sizes, strict=True):
        flat = scores_LK.flatten()
        scores, order = flat.topk(min(_BEFORE_NMS, len(flat)))
        order, scores = order[scores >= least], scores[scores >= least]
        classes = scores_LK.shape[1]
        boxes = ops.clip_boxes_to_image(boxes_L4[order // classes], (size[1], size[0]))
        one = Found(boxes, scores, order % classes)
        one = one.pick((boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1))
        found.append(distinct(one))
    return found


def distinct(found: Found) -> Found:
    """Without boxes that a surer one of their class covers (IoU above 0.6), at most 100."""
    kept: Tensor = ops.batched_nms(found.boxes_N4, found.scores_N, found.labels_N, _NMS_IOU)
    return found.pick(kept[:_MAX_FOUND])
