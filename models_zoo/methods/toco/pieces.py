"""Small pieces of training pictures about whose content the earlier class maps are not sure.

Shape letters: B batch, S pieces of a picture, H height, W width; h = H / 4, w = W / 4; p side of a piece.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models_zoo.networks.segmenter import OUTPUT_STRIDE

GROUND, UNSURE, THING = 0.0, 1.0, 2.0
"""How sure a cell is to show a thing."""
NEGATIVE_BELOW = 0.2
"""A piece whose cells have at most this mean shows nothing but background."""
_SHARE = 4
"""Of a picture's side; 96 px of 448 as published."""
_MULTIPLE = 32


def piece_side(image_size: int) -> int:
    """Side in pixels of the pieces of a picture with that shorter side: about a quarter, a multiple of 32."""
    return max(1, round(image_size / _SHARE / _MULTIPLE)) * _MULTIPLE


def sureness(height_Bhw: Tensor, targets_BChw: Tensor, *, low: Tensor, high: Tensor, background: int | None) -> Tensor:
    """`GROUND`, `UNSURE` or `THING` for each cell (B, h, w); what people drew wins over the maps.

    Args:
        height_Bhw: 0..1, of the highest class map.
        targets_BChw: shares labelled by hand.
        low, high: heights up to which a cell is background and above which it is a thing, (B, 1, 1) each.
        background: position of the background class, if there is one.
    """
    code = torch.full_like(height_Bhw, UNSURE)
    code[height_Bhw <= low], code[height_Bhw > high] = GROUND, THING
    drawn_Bhw = targets_BChw.sum(dim=1) > 0
    is_ground = torch.zeros_like(drawn_Bhw)
    if background is not None:
        is_ground = targets_BChw.argmax(dim=1) == background
    code[drawn_Bhw & is_ground], code[drawn_Bhw & ~is_ground] = GROUND, THING
    return code


def draw_corners(code_Bhw: Tensor, valid_Bhw: Tensor, count: int, side: int) -> Tensor:
    """Upper left cells (row, column) of `count` random pieces a picture, integers (B, S, 2) on the CPU.

    The middle of a piece is no sure thing, and the piece lies inside the picture as far as any can. Where everything is
    sure a piece may be anywhere. The random numbers are torch's own, so that a checkpoint keeps them.
    """
    cells = side // OUTPUT_STRIDE
    inside = _over_pieces(valid_Bhw.float(), cells).cpu()
    half = cells // 2
    rows, columns = inside.shape[1:]
    open_places = (code_Bhw < THING)[:, half : half + rows, half : half + columns].cpu()
    whole = inside >= inside.amax(dim=(1, 2), keepdim=True) - 1e-4
    wanted = whole & open_places
    wanted = torch.where(wanted.flatten(1).any(dim=1)[:, None, None], wanted, whole)
    chosen = torch.multinomial(wanted.flatten(1).float(), count, replacement=True)
    return torch.stack([chosen // columns, chosen % columns], dim=2)


def cut_pieces(images_BCHW: Tensor, corners_BS2: Tensor, side: int) -> Tensor:
    """The pieces (S * B, C, p, p), the first of all pictures first."""
    made = [
        images_BCHW[number, :, row : row + side, column : column + side]
        for place in (corners_BS2 * OUTPUT_STRIDE).transpose(0, 1).tolist()
        for number, (row, column) in enumerate(place)
    ]
    return torch.stack(made)


def may_show_things(code_Bhw: Tensor, valid_Bhw: Tensor, corners_BS2: Tensor, side: int) -> Tensor:
    """Which pieces do not surely show background alone, bool (S, B); cells outside of the picture do not count."""
    cells = side // OUTPUT_STRIDE
    valid = valid_Bhw.float()
    mean = _over_pieces(code_Bhw * valid, cells) / _over_pieces(valid, cells).clamp(min=1e-6)
    rows, columns = corners_BS2.to(mean.device).unbind(dim=2)
    numbers = torch.arange(len(mean), device=mean.device)[:, None]
    return (mean[numbers, rows, columns] > NEGATIVE_BELOW).T


def _over_pieces(values_Bhw: Tensor, cells: int) -> Tensor:
    """Mean over the piece that starts at each cell and fits, (B, h - cells + 1, w - cells + 1)."""
    return F.avg_pool2d(values_Bhw[:, None], cells, stride=1)[:, 0]
