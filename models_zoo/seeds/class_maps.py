"""Class activation maps: which places make a classifier say what it says.

* CAM (Zhou et al., CVPR 2016): ReLU(sum_k w_ck f_k(x)) of the layer before pooling.
* Grad-CAM (Selvaraju et al., ICCV 2017): a_ck = mean_x d logit_c / d f_k(x), then ReLU(sum_k a_ck f_k(x)), for any
  layer; for the last one before mean pooling it is CAM divided by the number of places.
* LayerCAM (Jiang et al., TIP 2021): ReLU(sum_k ReLU(d logit_c / d f_k(x)) f_k(x)), finer in earlier layers.

Shape letters: B batch, C classes, D channels, H height, W width; h, w of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.networks.tag_classifier import TagClassifier

LAYERS = {"cam": 32, "grad_cam": 16, "layer_cam": 8}
"""Nominal stride of the features that each kind of map is made of."""
_SIZE_MULTIPLE = 32
_EPS = 1e-5


def make_maps(classifier: TagClassifier, images_BCHW: Tensor, kind: str, classes: Sequence[int]) -> Tensor:
    """Maps of one view before their ReLU, (B, C, h, w); classes that are not asked for stay 0 in gradient maps.

    Args:
        classifier: in evaluation mode; its parameters get no gradients.
        images_BCHW: normalised, sides multiples of 32.
        kind: of `LAYERS`.
        classes: positions worth a backward pass each (Grad-CAM and LayerCAM only).
    """
    if kind == "cam":
        with torch.no_grad():
            plain: Tensor = classifier.class_maps(classifier(images_BCHW)[1])
            return plain
    with torch.enable_grad():
        logits_BC, features = classifier(images_BCHW)
        layer_BDhw = features[LAYERS[kind]]
        gradients = [
            torch.autograd.grad(logits_BC[:, position].sum(), layer_BDhw, retain_graph=True)[0] for position in classes
        ]
    maps: Tensor = layer_BDhw.new_zeros(len(images_BCHW), logits_BC.shape[1], *layer_BDhw.shape[2:])
    weigh = grad_cam if kind == "grad_cam" else layer_cam
    for position, gradient_BDhw in zip(classes, gradients, strict=True):
        maps[:, position] = weigh(layer_BDhw.detach(), gradient_BDhw)
    return maps


def grad_cam(features_BDhw: Tensor, gradients_BDhw: Tensor) -> Tensor:
    """One class's Grad-CAM before its ReLU, (B, h, w)."""
    weights_BD11 = gradients_BDhw.mean(dim=(2, 3), keepdim=True)
    return (weights_BD11 * features_BDhw).sum(dim=1)


def layer_cam(features_BDhw: Tensor, gradients_BDhw: Tensor) -> Tensor:
    """One class's LayerCAM before its ReLU, (B, h, w)."""
    return (torch.relu(gradients_BDhw) * features_BDhw).sum(dim=1)


def sum_over_views(
    maps_of: Callable[[Tensor], Tensor], images_BCHW: Tensor, *, scales: Sequence[float], size: tuple[int, int]
) -> Tensor:
    """Sum of the positive parts of the maps over scales and mirror images, (B, C, *size).

    Args:
        maps_of: from normalised images of any size (multiples of 32) to maps of any size.
        images_BCHW: normalised.
        scales: factors of the image's size, rounded to multiples of 32 pixels.
        size: (height, width) of the result.
    """
    total: Tensor | None = None
    for scale in scales:
        view = _scaled(images_BCHW, scale)
        plain, mirrored = torch.relu(maps_of(torch.cat([view, view.flip(3)])).float()).chunk(2)
        both = F.interpolate(plain + mirrored.flip(3), size=size, mode="bilinear", align_corners=False)
        total = both if total is None else total + both
    if total is None:
        raise ValueError("give at least one scale")
    return total


def to_unit_peak(maps_BCHW: Tensor, allowed_BC: Tensor) -> Tensor:
    """Each allowed class divided by its highest value in its image (0..1), all other classes 0."""
    peak = maps_BCHW.amax(dim=(2, 3), keepdim=True)
    return maps_BCHW / (peak + _EPS) * allowed_BC[:, :, None, None]


def to_unit_range(maps_BCHW: Tensor, allowed_BC: Tensor, valid_BHW: Tensor) -> Tensor:
    """Each allowed class from 0 at its lowest to 1 at its highest valid place (ToCo); 0 elsewhere and for others."""
    inside_B1HW = valid_BHW[:, None]
    lowest = maps_BCHW.masked_fill(~inside_B1HW, torch.inf).amin(dim=(2, 3), keepdim=True)
    raised = torch.where(inside_B1HW, maps_BCHW - lowest, torch.zeros_like(maps_BCHW))
    return to_unit_peak(raised, allowed_BC)


def _scaled(images_BCHW: Tensor, scale: float) -> Tensor:
    size = [max(1, round(scale * side / _SIZE_MULTIPLE)) * _SIZE_MULTIPLE for side in images_BCHW.shape[2:]]
    if size == list(images_BCHW.shape[2:]):
        return images_BCHW
    return F.interpolate(images_BCHW, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)
