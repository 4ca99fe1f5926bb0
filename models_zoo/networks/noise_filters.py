"""What is left of a picture when what can be guessed from the neighbours is taken away: noise, and its breaks.

* SRM: three fixed residual filters of the spatial rich model (Fridrich and Kodovsky, IEEE TIFS 2012).
* Bayar: learnt ones, held to "the neighbours' guess minus the middle" (Bayar and Stamm, IEEE TIFS 2018).

Shape letters: B batch, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLAMP = 5.0
"""Grey levels of residual beyond which SRM says nothing more."""
_BAYAR_SCALE = 16.0
"""Grey levels; brings residuals to about -1..1, which a pretrained encoder knows."""
_SIDE = 5
_SECOND_ORDER = ((0, 0, 0, 0, 0), (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0, 0, 0, 0, 0))
_KV = ((-1, 2, -2, 2, -1), (2, -6, 8, -6, 2), (-2, 8, -12, 8, -2), (2, -6, 8, -6, 2), (-1, 2, -2, 2, -1))
_LINE = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, -2, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))


class SrmFilter(nn.Module):
    """Three fixed residuals, each summed over the colours, clamped and scaled to -1..1."""

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.tensor([_SECOND_ORDER, _KV, _LINE], dtype=torch.float32)
        kernels /= torch.tensor([4.0, 12.0, 2.0]).view(3, 1, 1)
        self.register_buffer("kernels", kernels[:, None].repeat(1, 3, 1, 1), persistent=False)

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Colours 0..255 (B, 3, H, W) -> residuals (B, 3, H, W)."""
        residual = F.conv2d(_framed(rgb_BCHW), self.get_buffer("kernels"))
        return residual.clamp(-CLAMP, CLAMP) / CLAMP


class BayarFilter(nn.Module):
    """Three learnt residuals: in each kernel the middle is -1 and the others sum to 1.

    Held to that by moving all others by the same amount: dividing by their sum, as published, breaks when it nears 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.others = nn.Parameter(torch.randn(3, 3, _SIDE * _SIDE - 1) * 0.02)

    def kernels(self) -> Tensor:
        """The kernels in force, (3, 3, 5, 5)."""
        count = self.others.shape[-1]
        others = self.others - self.others.mean(dim=-1, keepdim=True) + 1 / count
        middle = others.new_full((3, 3, 1), -1.0)
        return torch.cat([others[..., : count // 2], middle, others[..., count // 2 :]], dim=-1).view(
            3, 3, _SIDE, _SIDE
        )

    def forward(self, rgb_BCHW: Tensor) -> Tensor:
        """Colours 0..255 (B, 3, H, W) -> residuals (B, 3, H, W), about -1..1."""
        return F.conv2d(_framed(rgb_BCHW), self.kernels()) / _BAYAR_SCALE


def _framed(rgb_BCHW: Tensor) -> Tensor:
    """With a border that repeats, so that the frame of the picture is no edge."""
    return F.pad(rgb_BCHW, (_SIDE // 2,) * 4, mode="replicate")
